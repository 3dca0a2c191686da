//! What goes over the wire: `POST /v1/enrol` and `GET /v1/device/self`, as JSON.
//!
//! ```text
//!  POST /v1/enrol        Request ──► Answer: grant (200) | wait (202) | refused (4xx, 503)
//!  GET  /v1/device/self?generation=…&boot_id=…&hardware=…    over TLS with the device's own certificate ──► Standing (200) | refused
//! ```
//!
//! A reader ignores keys that it does not know and refuses a major version that it does not know.
//! Sizes are bounded before anything is parsed.

mod refusal;
mod request;
mod standing;

use serde::{Deserialize, Serialize};

pub use refusal::{Meaning, Refusal};
pub use request::{Ask, Facts, LARGEST_REQUEST, NONCE, Proof, Request, Unsound};
pub use standing::{Phase, Report, Standing};

use crate::grant::Grant;
use crate::signed::Signed;

/// The major version of everything here.
pub const VERSION: u32 = 1;
/// Where a device asks to join.
pub const ENROL: &str = "/v1/enrol";
/// Where a device asks how it stands.
pub const SELF: &str = "/v1/device/self";
/// Most bytes of an answer that a device reads.
pub const LARGEST_ANSWER: usize = 256 * 1024;
/// A registrar cannot make a device wait for longer, in seconds.
pub const LONGEST_WAIT: u64 = 3600;

/// What the registrar says to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// Here is everything that is needed to join.
    Grant {
        /// To be verified before it is used.
        grant: Box<Signed<Grant>>,
    },
    /// Not now: somebody has to approve, or the cluster has to prepare something.
    Wait {
        /// Ask again after this many seconds.
        after_secs: u64,
        /// What is waited for.
        reason: Waiting,
    },
    /// No.
    Refused {
        /// Why, in a word.
        word: Refusal,
        /// When to ask again at the earliest; `None`: as the device thinks fit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_secs: Option<u64>,
    },
}

/// What a device waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Waiting {
    /// Somebody has to approve the device.
    Approval,
    /// The cluster has not allocated a pod network yet.
    PodNetwork,
    /// Something that a newer registrar knows.
    #[serde(other)]
    Other,
}

/// An answer that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// More than [`LARGEST_ANSWER`].
    #[error("the answer is larger than {LARGEST_ANSWER} bytes")]
    Large,
    /// Not what an answer looks like. The text of an answer may hold a token: it is not repeated.
    #[error("the answer is none of a registrar: {0}")]
    Form(String),
}

impl Answer {
    /// Reads the body of an answer.
    ///
    /// # Errors
    ///
    /// It is too large, or none.
    pub fn read(body: &[u8]) -> Result<Self, NoAnswer> {
        read(body)
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Grant { .. } => 200,
            Self::Wait { .. } => 202,
            Self::Refused { word, .. } => word.status(),
        }
    }
}

/// Reads what a registrar said. A complaint of the parser can quote the text, so only its place is told.
fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, NoAnswer> {
    if body.len() > LARGEST_ANSWER {
        return Err(NoAnswer::Large);
    }
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        NoAnswer::Form(place)
    })
}
