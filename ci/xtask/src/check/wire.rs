//! The golden XML is what the daemons serve.

use super::Verdict;
use crate::{bus, places};

pub(super) fn check() -> anyhow::Result<Verdict> {
    if places::program("dbus-send").is_none() {
        return Ok(Verdict::Skipped(
            "no `dbus-send`: install the package `dbus-bin`".into(),
        ));
    }
    let served = bus::served()?;
    bus::compare(&served)?;
    Ok(Verdict::Good(format!(
        "{} interfaces as promised",
        served.len()
    )))
}
