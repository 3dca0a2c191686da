//! Every method of every daemon, called as a stranger and as each service user.
