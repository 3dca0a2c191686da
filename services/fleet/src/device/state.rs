//! The words of the machine: steps, reasons, facts, events, effects.

use std::time::Duration;

use crate::wire::{Phase, Refusal, Waiting};

/// Where a device is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Step {
    /// It has no key yet.
    #[default]
    Init,
    /// It has a key, and nothing else.
    KeyReady,
    /// A connection to the registrar was made.
    NetReady,
    /// The registrar is the pinned one, and its certificate fits the time that we know.
    TimeReady,
    /// It has asked.
    Requested,
    /// It was given a grant, which is not on the disk yet.
    Granted,
    /// The grant is on the disk.
    Installed,
    /// Its node was seen in the cluster.
    Joined,
    /// Its node was ready: it belongs to the fleet.
    Confirmed,
    /// Somebody has to do something.
    WaitOperator,
    /// It has a grant, and asks for a new one.
    Reenrol,
    /// Somebody else uses its key.
    CloneSuspected,
}

impl Step {
    /// All, in order.
    pub const ALL: [Self; 12] = [
        Self::Init,
        Self::KeyReady,
        Self::NetReady,
        Self::TimeReady,
        Self::Requested,
        Self::Granted,
        Self::Installed,
        Self::Joined,
        Self::Confirmed,
        Self::WaitOperator,
        Self::Reenrol,
        Self::CloneSuspected,
    ];

    /// On the bus and in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::KeyReady => "key-ready",
            Self::NetReady => "net-ready",
            Self::TimeReady => "time-ready",
            Self::Requested => "requested",
            Self::Granted => "granted",
            Self::Installed => "installed",
            Self::Joined => "joined",
            Self::Confirmed => "confirmed",
            Self::WaitOperator => "wait-operator",
            Self::Reenrol => "re-enrol",
            Self::CloneSuspected => "clone-suspected",
        }
    }
}

/// Why a device is not further than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reason {
    /// It goes on.
    #[default]
    None,
    /// There is no `enrolment.toml`.
    NoClaim,
    /// It cannot be used.
    BadFile,
    /// The card, or the data on it, came from another board.
    OtherBoard,
    /// The state cannot be written.
    Unwritable(Unwritable),
    /// The registrar was not reached, or not believed.
    Failed(Fault),
    /// The registrar said no.
    Refused(Refusal),
    /// Somebody has to approve the device.
    WaitsForApproval,
    /// The cluster has to prepare something.
    WaitsForCluster,
    /// The node has to become ready.
    WaitsForNode,
    /// The operator has suspended the device.
    Suspended,
    /// The operator has forgotten it.
    Forgotten,
    /// Two devices use its key.
    CloneSuspected,
}

impl Reason {
    /// On the bus; empty: none.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::NoClaim => "no-claim",
            Self::BadFile => "bad-file",
            Self::OtherBoard => "other-board",
            Self::Unwritable(why) => why.word(),
            Self::Failed(fault) => fault.word(),
            Self::Refused(refusal) => refusal.word(),
            Self::WaitsForApproval => "waits-for-approval",
            Self::WaitsForCluster => "waits-for-cluster",
            Self::WaitsForNode => "waits-for-node",
            Self::Suspended => "suspended",
            Self::Forgotten => "forgotten",
            Self::CloneSuspected => "clone-suspected",
        }
    }
}

/// Why nothing can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritable {
    /// No room.
    Full,
    /// The data partition is read-only.
    ReadOnly,
    /// Something else; the log has it.
    Broken,
}

impl Unwritable {
    const fn word(self) -> &'static str {
        match self {
            Self::Full => "no-room",
            Self::ReadOnly => "read-only",
            Self::Broken => "cannot-write",
        }
    }
}

/// Why the registrar was not reached, or not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No name server knows its name, or none answers.
    NoName,
    /// Nobody answers at its address.
    NoRoute,
    /// The proxy does not let us through.
    Proxy,
    /// Something between answers in its place: a portal that wants to be clicked.
    Portal,
    /// Its certificate is of another authority, or for another name.
    Untrusted,
    /// Its certificate is not valid at the time that it says it is.
    Expired,
    /// It says that it cannot answer now.
    Busy {
        /// When to ask again.
        after: Option<Duration>,
    },
    /// It does not answer as a registrar does.
    Odd,
    /// The grant that it gave is not sound.
    BadGrant,
}

impl Fault {
    /// On the bus and in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoName => "no-name",
            Self::NoRoute => "no-route",
            Self::Proxy => "proxy",
            Self::Portal => "portal",
            Self::Untrusted => "untrusted",
            Self::Expired => "expired",
            Self::Busy { .. } => "busy",
            Self::Odd => "odd-answer",
            Self::BadGrant => "bad-grant",
        }
    }
}

/// What is on the disk, looked up anew for each decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// There is a key, and it can be read.
    pub key: bool,
    /// The key was made on another board than this.
    pub other_board: bool,
    /// What the card says.
    pub invited: Invited,
    /// The grant that is installed: whole, signed by who may, for this key.
    pub held: Option<Held>,
}

/// What the card says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Invited {
    /// Nothing: there is no file.
    #[default]
    Not,
    /// There is a file that cannot be used.
    Unusable,
    /// Where the registrar is; the claim was used.
    Spent,
    /// Where the registrar is, and a claim.
    Claim,
}

/// A grant that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Its number.
    pub generation: u64,
    /// The node was ready once since it was installed.
    pub confirmed: bool,
    /// There is a claim on the card for another registrar than that which gave it.
    pub elsewhere: bool,
}

/// What is worth remembering between two decisions, while the machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Where the device is.
    pub step: Step,
    /// Why it is not further.
    pub reason: Reason,
    /// Failures in a row.
    pub failures: u32,
    /// How often it has waited for what it waits for now.
    pub waits: u32,
    /// The grant that is held is to be replaced.
    pub again: bool,
    /// The registrar said that the device belongs to the fleet, since the start.
    pub welcome: bool,
    /// The claim was taken from the card since the start (the card is read only at a start).
    pub erased: bool,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The device started.
    Begun,
    /// The wait is over.
    Due,
    /// A person wants it to try now.
    Asked,
    /// A request has come further.
    Progress(Progress),
    /// The registrar answered a request; a grant was verified.
    Answered(Answered),
    /// The registrar said how the device stands.
    Stood {
        /// See [`crate::wire::Standing`].
        phase: Phase,
        /// Of the grant that counts.
        generation: u64,
        /// See [`crate::wire::Standing::enrol_again`].
        enrol_again: bool,
    },
    /// The registrar was not reached, or not believed.
    Failed(Fault),
    /// What was to be written is written.
    Written,
    /// It is not, and nothing of it counts.
    Unwritable(Unwritable),
}

/// How far a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A connection was made.
    Connected,
    /// The other end is the pinned registrar.
    Secured,
    /// The request is on its way.
    Sent,
}

/// What the registrar answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// A sound grant, in the hands of who asked.
    Grant,
    /// Later.
    Wait {
        /// When to ask again.
        after: Duration,
        /// What is waited for.
        reason: Waiting,
    },
    /// No.
    Refused {
        /// Why.
        word: Refusal,
        /// When to ask again.
        after: Option<Duration>,
    },
}

/// What is to be done. Each comes back as one event, [`Effect::Nothing`] as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Something is under way.
    Nothing,
    /// Make the keys: `Written` or `Unwritable`.
    MakeKey,
    /// Ask for a grant: `Progress`, and at last `Answered` or `Failed`.
    Ask {
        /// With the claim of the card; without, the key is to be known.
        claim: bool,
    },
    /// Install the grant in hand: `Written` or `Unwritable`.
    Install,
    /// Ask how the device stands: `Stood` or `Failed`, or `Answered` with a refusal.
    Inquire,
    /// Write down that the node was ready: `Written` or `Unwritable`.
    Confirm,
    /// Take the claim from the card: `Written`, also when it cannot be done.
    Erase,
    /// `Due` after this time.
    Wait(Duration),
}
