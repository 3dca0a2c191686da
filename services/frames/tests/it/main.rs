//! The ring as its users see it.

mod ring;
