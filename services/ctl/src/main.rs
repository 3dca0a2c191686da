//! viglactl
fn main() {}
