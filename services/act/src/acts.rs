//! The acts: a request's type, and what it does.

mod claim;
mod host_name;
mod network;

use std::{fmt, io};

use serde::Deserialize;

use crate::words::{Id, Reason};
use crate::{Places, System, Verb, reset};

const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// The cluster's agent. Fixed: whoever may start the agent may start nothing else.
const AGENT: &str = "k3s-agent.service";

/// An act that began and went wrong.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {why}")]
pub struct Failed {
    what: String,
    why: String,
}

impl Failed {
    fn at(what: impl Into<String>, why: &(impl fmt::Display + ?Sized)) -> Self {
        let (what, why) = (what.into(), why.to_string());
        Self { what, why }
    }
}

/// What is asked for, checked.
#[derive(Debug)]
pub(crate) enum Act {
    Reboot(Reboot),
    HostName(host_name::HostNameRequest),
    Network(network::NetworkRequest),
    StartAgent(StartAgent),
    EraseClaim(claim::ClaimRequest),
    Reset(ResetRequest),
}

/// `{"id": "7", "reason": "update 1.2"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reboot {
    id: Id,
    reason: Reason,
}

/// `{"id": "7"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartAgent {
    id: Id,
}

/// `{"id": "7", "by": "page"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResetRequest {
    id: Id,
    by: By,
}

/// Who asks; told to the owner afterwards.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum By {
    Page,
    Viglactl,
}

impl By {
    const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Viglactl => "viglactl",
        }
    }
}

/// Reads a request for `verb`. JSON that is cut off, has an unknown key or one twice is an error.
pub(crate) fn parse(verb: Verb, text: &[u8]) -> Result<Act, serde_json::Error> {
    Ok(match verb {
        Verb::Reboot => Act::Reboot(serde_json::from_slice(text)?),
        Verb::HostName => Act::HostName(serde_json::from_slice(text)?),
        Verb::Network => Act::Network(serde_json::from_slice(text)?),
        Verb::StartAgent => Act::StartAgent(serde_json::from_slice(text)?),
        Verb::EraseClaim => Act::EraseClaim(serde_json::from_slice(text)?),
        Verb::Reset => Act::Reset(serde_json::from_slice(text)?),
    })
}

impl Act {
    /// The number of the request.
    pub(crate) fn id(&self) -> &str {
        let id = match self {
            Self::Reboot(request) => &request.id,
            Self::HostName(request) => &request.id,
            Self::Network(request) => &request.id,
            Self::StartAgent(request) => &request.id,
            Self::EraseClaim(request) => &request.id,
            Self::Reset(request) => &request.id,
        };
        id.text()
    }

    /// Does it, and says what was done.
    pub(crate) fn perform(
        &self,
        places: &Places,
        system: &mut dyn System,
    ) -> Result<String, Failed> {
        match self {
            Self::Reboot(request) => {
                run(system, &["--no-block", "reboot"])?;
                Ok(format!("restarting: {}", request.reason.text()))
            }
            Self::StartAgent(_) => {
                run(system, &["--no-block", "start", AGENT])?;
                Ok(format!("starting `{AGENT}`"))
            }
            Self::HostName(request) => host_name::set(request, places, system),
            Self::Network(request) => network::apply(request, places, system),
            Self::EraseClaim(request) => claim::erase(request, places, system),
            Self::Reset(request) => {
                // The order first: a restart without it would be for nothing.
                let path = places.at(reset::ORDER);
                reset::order(places, request.by.word()).map_err(unwritten(&path))?;
                run(system, &["--no-block", "reboot"])?;
                Ok("restarting, to forget everything".into())
            }
        }
    }
}

fn run(system: &mut dyn System, arguments: &[&str]) -> Result<(), Failed> {
    let ran = system.run(SYSTEMCTL, arguments);
    ran.map_err(|error| Failed::at(format!("run `systemctl {}`", arguments.join(" ")), &error))
}

/// The failure to write `path`.
fn unwritten(path: &std::path::Path) -> impl FnOnce(io::Error) -> Failed {
    let what = format!("write `{}`", path.display());
    move |error| Failed::at(what, &error)
}
