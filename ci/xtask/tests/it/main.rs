//! `xtask` as a program.

mod bench;
