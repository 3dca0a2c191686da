//! The loom model.
