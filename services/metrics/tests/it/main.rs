//! Integration tests of `vigla-metrics`: a real broker, a real bus, the real binary.
#![allow(missing_docs, reason = "a test binary")]

mod broker;
mod bus;
mod life;
mod listener;
mod manual;
mod peers;
mod schemas;
