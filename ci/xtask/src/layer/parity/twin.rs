//! What the twin has of ours: its trees, and what `ci/xtask/src/image/tree.rs` makes beside packages.

use super::{Facts, units};
use crate::layer::made;
use crate::layer::made::users::{self, Line};
use crate::{dist, image};

/// What `cargo xtask image` puts into its tree beside packages.
pub(super) fn facts() -> anyhow::Result<Facts> {
    let mut facts = Facts::new();
    for tree in dist::trees()? {
        let folder = format!("services/{}/dist", tree.noun);
        facts.extend(
            made::below(&folder)?
                .iter()
                .map(|path| format!("file /{path}")),
        );
    }
    facts.extend(
        made::below("image/root")?
            .iter()
            .map(|path| format!("file /{path}")),
    );
    // What ci/xtask/src/image/tree.rs makes (`identify`, `dress`).
    let made = [
        "/etc/rauc/system.conf",
        "/etc/rauc/keyring.pem",
        "/etc/fw_env.config",
        "/etc/nftables.conf",
        "/usr/lib/clock-epoch",
        "/usr/lib/vigla/libonnxruntime.so.1.27.0",
    ];
    facts.extend(made.iter().map(|path| format!("file {path}")));
    facts.extend(
        made::below("services/detector/models")?
            .iter()
            .map(|path| format!("file /usr/share/vigla/models/{path}")),
    );
    facts.extend(
        image::crates()?
            .iter()
            .map(|name| format!("program {name}")),
    );
    facts.extend(image::MASKED.iter().map(|unit| format!("masked {unit}")));
    facts.extend(
        image::SILENCED
            .iter()
            .map(|name| format!("silenced {name}")),
    );
    for line in users::everyone()? {
        match line {
            Line::User { name, id, .. } => facts.extend([format!("user {name} {id}")]),
            Line::Group { name, id } if id != "-" => facts.extend([format!("group {name} {id}")]),
            Line::Group { .. } | Line::Member { .. } => {}
        }
    }
    facts.extend(
        image::firewall()?
            .lines()
            .map(|rule| format!("firewall {}", rule.trim())),
    );
    // Debian's packages bring every unit that the presets name; the boot tests start them.
    let follow = units::facts(&facts, |_| true)?;
    facts.extend(follow);
    Ok(facts)
}
