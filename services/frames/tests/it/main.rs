//! The ring as its users see it.

#![cfg(not(loom))]

mod ring;
