//! Placeholder head, replaced with the crate's idea.
