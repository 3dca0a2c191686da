//! Exit codes, carried inside the error that ends a verb.

use std::fmt;

/// The work failed.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// Something is absent that only a person can supply (`EX_UNAVAILABLE`).
pub(crate) const UNAVAILABLE: u8 = 69;
/// A service refuses its settings (`EX_CONFIG`).
pub(crate) const CONFIG: u8 = 78;

/// An error with an exit code of its own: what is wrong, where, and the next step.
#[derive(Debug)]
pub(crate) struct Stop {
    code: u8,
    message: String,
}

impl Stop {
    /// As an error for `?`.
    pub(crate) fn with(code: u8, message: impl Into<String>) -> anyhow::Error {
        let message = message.into();
        anyhow::Error::new(Self { code, message })
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Stop {}

/// The exit code for `error`: that of the [`Stop`] in its chain, else 1.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    error
        .downcast_ref::<Stop>()
        .map_or(FAILED, |stop| stop.code)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn the_code_survives_context() {
        let error = Err::<(), _>(Stop::with(UNAVAILABLE, "no `ffmpeg`")).context("set up");
        assert_eq!(code(&error.unwrap_err()), UNAVAILABLE);
        assert_eq!(code(&anyhow::anyhow!("x")), FAILED);
    }
}
