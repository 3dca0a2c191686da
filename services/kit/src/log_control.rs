//! `org.freedesktop.LogControl1`, so that `systemctl service-log-level vigla-camera debug` works.

use tracing_subscriber::filter::LevelFilter;

use crate::log::Level;

/// Where systemd looks for it.
pub(crate) const PATH: &str = "/org/freedesktop/LogControl1";

pub(crate) struct LogControl {
    pub(crate) level: Level,
    pub(crate) binary: &'static str,
}

/// syslog's names, which systemd uses, to ours: the nearest that logs no less.
fn parse(level: &str) -> Option<LevelFilter> {
    Some(match level {
        "emerg" | "alert" | "crit" | "err" => LevelFilter::ERROR,
        "warning" => LevelFilter::WARN,
        "notice" | "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        _ => return None,
    })
}

fn name(level: LevelFilter) -> &'static str {
    match level {
        LevelFilter::OFF | LevelFilter::ERROR => "err",
        LevelFilter::WARN => "warning",
        LevelFilter::INFO => "info",
        _ => "debug",
    }
}

#[zbus::interface(name = "org.freedesktop.LogControl1")]
#[allow(
    clippy::unused_self,
    clippy::unnecessary_literal_bound,
    reason = "the interface macro wants methods"
)]
impl LogControl {
    #[zbus(property)]
    fn log_level(&self) -> &str {
        name(self.level.get())
    }

    #[zbus(property)]
    fn set_log_level(&mut self, level: &str) -> zbus::fdo::Result<()> {
        let Some(filter) = parse(level) else {
            return Err(zbus::fdo::Error::InvalidArgs(format!(
                "no such level `{level}`"
            )));
        };
        self.level.set(filter);
        Ok(())
    }

    #[zbus(property)]
    fn log_target(&self) -> &str {
        "journal-or-console"
    }

    #[zbus(property(emits_changed_signal = "const"))]
    fn syslog_identifier(&self) -> &str {
        self.binary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_syslog_level_has_one_of_ours() {
        for level in [
            "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
        ] {
            assert!(parse(level).is_some(), "{level}");
        }
        assert_eq!(parse("loud"), None);
        assert_eq!(name(LevelFilter::WARN), "warning");
    }
}
