//! What a factory reset keeps and loses, in words: `viglactl`, the page and the manual say the same.

/// What stays.
pub const KEPT: &[&str] = &[
    "`vigla.toml` on the card: it is applied anew",
    "the versions in both slots, and the lowest version that may be installed",
    "the history of updates",
];

/// What is lost.
pub const LOST: &[&str] = &[
    "who the node is: its keys, its certificate, its enrolment, and its name unless `vigla.toml` has one",
    "the owner's password, tokens and guest links",
    "settings and models that were put on the node itself",
    "events with their pictures, and messages that were not sent yet",
    "logs, and what the cluster put on the node",
];

/// The question that follows.
pub const QUESTION: &str = "Reset this node, and restart it?";
