//! The kit on a real private bus.
mod connections;
