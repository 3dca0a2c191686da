//! `enrolment.toml`: what the owner puts on a card so that its device joins a fleet.
//!
//! ```toml
//! version = 1
//! endpoint = "https://enrol.example:8443"
//! ca_sha256 = "…64 hex digits…"        # or a list: while the authority is changed there are two
//! claim = "K7QF-2M8A-…"
//! # addresses = ["192.0.2.7"]          # where the endpoint is, when no name server says so
//! ```
//!
//! A file that any editor may have damaged: [`read`] lists every mistake with its line and the next step,
//! and none of these texts repeats the claim. Keys that it does not know are listed and ignored. Once the
//! device has joined, [`Invitation::spent`] is written in its place: the same without the claim.

mod mistake;
mod reader;

use std::fmt::Write as _;
use std::net::IpAddr;

pub use mistake::Mistake;

use crate::claim::Claim;
use crate::endpoint::Endpoint;
use crate::fingerprint::Fingerprint;

/// What the file is called, on the card.
pub const FILE: &str = "enrolment.toml";
/// Most bytes that the file may have; ours have about 500.
pub const LARGEST: usize = 64 * 1024;
/// Most pins, and most addresses.
const MOST: usize = 8;

/// What the file says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Where to ask.
    pub endpoint: Endpoint,
    /// Of the authorities to trust; one at least.
    pub pins: Vec<Fingerprint>,
    /// `None`: it was used, and taken out.
    pub claim: Option<Claim>,
    /// Where the endpoint is when its name cannot be looked up.
    pub addresses: Vec<IpAddr>,
}

/// Reads the file. `None`: it cannot be used; the mistakes say why. There can be mistakes in a file that can
/// be used: what they are about is ignored.
#[must_use]
pub fn read(bytes: &[u8]) -> (Option<Invitation>, Vec<Mistake>) {
    reader::read(bytes)
}

impl Invitation {
    /// The file, with the claim.
    #[must_use]
    pub fn write(&self) -> zeroize::Zeroizing<String> {
        let mut text = zeroize::Zeroizing::new(String::with_capacity(1024));
        text.push_str("# Put this file on the card of a device, beside vigla.toml: it joins the fleet with it.\n");
        text.push_str("# Whoever has it can join: keep it like a password. The device removes the claim once it has joined.\n");
        self.facts(&mut text);
        if let Some(claim) = &self.claim {
            text.push_str("claim = \"");
            text.push_str(&claim.reveal());
            text.push_str("\"\n");
        }
        text
    }

    /// The file after the device `node` has joined with it.
    #[must_use]
    pub fn spent(&self, node: &str) -> String {
        let mut text = String::from(
            "# This device has joined the fleet, and the claim was taken out. To join another one,\n\
             # write a new file here.\n",
        );
        self.facts(&mut text);
        text.push_str("used_by = \"");
        text.push_str(node);
        text.push_str("\"\n");
        text
    }

    fn facts(&self, text: &mut String) {
        let quoted = |items: Vec<String>| match &items[..] {
            [one] => format!("\"{one}\""),
            all => format!("[\"{}\"]", all.join("\", \"")),
        };
        let pins = quoted(self.pins.iter().map(ToString::to_string).collect());
        let _ = writeln!(text, "version = 1\nendpoint = \"{}\"", self.endpoint);
        let _ = writeln!(text, "ca_sha256 = {pins}");
        if !self.addresses.is_empty() {
            let addresses = quoted(self.addresses.iter().map(ToString::to_string).collect());
            let _ = writeln!(text, "addresses = {addresses}");
        }
    }
}

#[cfg(test)]
mod tests;
