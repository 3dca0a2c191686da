//! The decisions of [`vigla_fleet::admission`], for the objects of the cluster.

use vigla_fleet::admission::{self, Claim, Known, Machine};
use vigla_fleet::crd::{Approve, Device, DeviceStatus, EnrolmentClaim};
use vigla_fleet::wire::{Report, Request};

pub(crate) use vigla_fleet::admission::{Course, Have, Step, Verdict, next, waiting};

/// What a request shows, once its signature fits.
#[derive(Debug, Clone)]
pub(crate) struct Asked<'r> {
    pub(crate) request: &'r Request,
    /// Of the key, in hex.
    pub(crate) key: &'r str,
    /// The claim, when one was brought and proved.
    pub(crate) claim: Option<&'r EnrolmentClaim>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Judges a request.
pub(crate) fn judge(asked: &Asked<'_>, device: Option<&Device>) -> Verdict {
    let facts = &asked.request.facts;
    let asked = admission::Asked {
        key: asked.key,
        generation: asked.request.generation,
        from: Machine {
            board: &facts.hardware,
            boot: &facts.boot_id,
        },
        model: &facts.model,
        claim: asked.claim.map(brought),
        now: asked.now,
    };
    let nothing = DeviceStatus::default();
    let known = device.map(|device| known(device, &nothing));
    admission::judge(&asked, known.as_ref())
}

/// Whether a device that reports is one of two with its key.
pub(crate) fn copied(device: &Device, report: &Report) -> Option<Verdict> {
    let nothing = DeviceStatus::default();
    let from = Machine {
        board: &report.hardware,
        boot: &report.boot_id,
    };
    admission::copied(&known(device, &nothing), from, report.generation)
}

fn brought(claim: &EnrolmentClaim) -> Claim<'_> {
    Claim {
        name: claim.metadata.name.as_deref().unwrap_or_default(),
        revoked: claim.spec.revoked || claim.metadata.deletion_timestamp.is_some(),
        not_after: claim.spec.not_after.0.as_second(),
        models: &claim.spec.models,
    }
}

fn known<'d>(device: &'d Device, nothing: &'d DeviceStatus) -> Known<'d> {
    let (spec, status) = (&device.spec, device.status.as_ref().unwrap_or(nothing));
    Known {
        key: &spec.key_sha256,
        claim: &spec.claim,
        phase: status.phase.into(),
        suspended: spec.suspended,
        forgotten: spec.forgotten,
        chosen: &spec.board,
        board: &status.board.known,
        boot: &status.board.boot,
        generation: status.generation,
        held: status.held,
        used: status.r#use >= 0,
    }
}

/// Whether a person has to look at a device that joins with this claim.
pub(crate) fn approved_at_once(claim: &EnrolmentClaim) -> bool {
    claim.spec.approve == Approve::Auto
}

/// The uses of a claim, in the order in which a device tries them.
pub(crate) fn uses(key: &[u8; 32], of: i32) -> impl Iterator<Item = i32> + use<> {
    let of = u32::try_from(of).unwrap_or(1);
    admission::numbers(key, of).map(|number| i32::try_from(number).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests;
