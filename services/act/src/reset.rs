//! The order to forget: a file on the data partition that the next start carries out before anything of the state is
//! in use (`vigla-state reset`, in the initial RAM disk).

use std::io;

use crate::{Places, file};

/// The order, below the root. Its folder is made by the initial RAM disk.
pub const ORDER: &str = "data/reset/wanted";

/// Writes the order down, for good: `by` is who asked, `page`, `viglactl` or `card`. The restart is the caller's.
///
/// # Errors
///
/// The folder is missing, as on a machine that was not started from a Vigla image, or cannot be written.
pub fn order(places: &Places, by: &str) -> io::Result<()> {
    file::replace(&places.at(ORDER), by.as_bytes(), 0o600)
}
