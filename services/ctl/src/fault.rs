//! What went wrong, as one sentence and an exit code.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use vigla_bus::chain;
use vigla_bus::zbus::{self, DBusError};

/// The work failed, or something is not well.
pub(crate) const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// A service or the bus is not there.
pub(crate) const UNAVAILABLE: u8 = 69;
/// The configuration is wrong.
pub(crate) const CONFIG: u8 = 78;

/// A failure that ends the command.
#[derive(Debug)]
pub(crate) struct Fault {
    code: u8,
    text: String,
    broken_pipe: bool,
}

impl Fault {
    /// Failed, with `text` as the whole reason.
    pub(crate) fn because(text: impl Into<String>) -> Self {
        Self {
            code: FAILED,
            text: text.into(),
            broken_pipe: false,
        }
    }

    /// Failed at `what` because of `error`.
    pub(crate) fn failed(what: impl fmt::Display, error: impl Error) -> Self {
        Self::because(format!("cannot {what}: {}", chain(&error)))
    }

    /// The caller's mistake.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            ..Self::because(text)
        }
    }

    /// A service or the bus is not there.
    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self {
            code: UNAVAILABLE,
            ..Self::because(text)
        }
    }

    /// The configuration is wrong.
    pub(crate) fn config(text: impl Into<String>) -> Self {
        Self {
            code: CONFIG,
            ..Self::because(text)
        }
    }

    /// A call that `service` did not answer well.
    pub(crate) fn call(service: &str, what: &str, error: &zbus::Error) -> Self {
        let Some((name, detail)) = refusal(error) else {
            return Self::because(format!("cannot {what}: {}", chain(error)));
        };
        match name.rsplit('.').next().unwrap_or_default() {
            "ServiceUnknown" | "NameHasNoOwner" => Self::unavailable(format!(
                "cannot {what}: `{service}` is not running; see its log"
            )),
            "NoReply" | "Disconnected" => {
                Self::unavailable(format!("cannot {what}: `{service}` does not answer"))
            }
            "AccessDenied" => Self::because(format!(
                "cannot {what}: you may not; use `sudo`, or join the group `vigla-operator`"
            )),
            "NotReady" => Self::unavailable(format!("cannot {what}: not ready: {detail}")),
            _ => Self::because(format!("cannot {what}: {detail}")),
        }
    }

    /// The same, said of `what`.
    pub(crate) fn within(self, what: &str) -> Self {
        Self {
            text: format!("{what}: {}", self.text),
            ..self
        }
    }

    /// Whether the reader of our output has gone, which is no failure of ours.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// The code to exit with.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<io::Error> for Fault {
    /// Only for writing to standard output.
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            broken_pipe,
            ..Self::because(format!("cannot write the answer: {error}"))
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The name and the text of an error that the other side, or the bus, answered with.
pub(crate) fn refusal(error: &zbus::Error) -> Option<(String, String)> {
    match error {
        zbus::Error::MethodError(name, detail, _) => {
            Some((name.to_string(), detail.clone().unwrap_or_default()))
        }
        zbus::Error::FDO(error) => {
            let detail = DBusError::description(error.as_ref()).unwrap_or_default();
            Some((
                DBusError::name(error.as_ref()).to_string(),
                detail.to_owned(),
            ))
        }
        _ => None,
    }
}
