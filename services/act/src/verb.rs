//! The acts there are. A new one needs a unit, a path unit, a group and a line in the README too.

use std::fmt;
use std::str::FromStr;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Restart the machine.
    Reboot,
    /// Set the host name.
    HostName,
    /// Set the addresses and the Wi-Fi.
    Network,
    /// Start the agent of the cluster.
    StartAgent,
    /// Make a secret of `enrolment.toml` unreadable.
    EraseClaim,
    /// Forget everything that the node learnt, and restart.
    Reset,
}

/// There is no such act.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no act `{0}`; there are reboot, host-name, network, start-agent, erase-claim and reset")]
pub struct UnknownVerb(String);

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Reboot,
        Self::HostName,
        Self::Network,
        Self::StartAgent,
        Self::EraseClaim,
        Self::Reset,
    ];

    /// As it is called on the command line, in units and folders.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::HostName => "host-name",
            Self::Network => "network",
            Self::StartAgent => "start-agent",
            Self::EraseClaim => "erase-claim",
            Self::Reset => "reset",
        }
    }

    /// What it does, for `--help`.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Reboot => "restarts the machine",
            Self::HostName => "sets the host name, now and after a restart",
            Self::Network => "sets addresses and Wi-Fi, and applies them",
            Self::StartAgent => "starts the agent of the cluster",
            Self::EraseClaim => "overwrites and removes a secret of enrolment.toml",
            Self::Reset => "forgets everything that the node learnt, and restarts it",
        }
    }

    /// Whose members may ask for it.
    pub fn group(self) -> String {
        format!("vigla-act-{}", self.name())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, UnknownVerb> {
        let mut all = Self::ALL.into_iter();
        all.find(|verb| verb.name() == text)
            .ok_or_else(|| UnknownVerb(text.to_owned()))
    }
}
