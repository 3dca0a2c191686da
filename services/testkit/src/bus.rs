//! The private dbus-daemon: the shipped policies, rendered for the users that there are here.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::unistd::{getgid, getuid};

use crate::rig::{OPERATOR, STRANGER};
use crate::{Child, Rig, dist, policy};

/// Lets dbus-daemon know users that this machine does not have: it refuses a user id that the name
/// service cannot resolve, whatever the policy says.
const NSS_WRAPPER: &str = "libnss_wrapper.so";

/// Starts the bus of `rig` and waits until it listens.
pub(crate) fn start(rig: &Rig) -> anyhow::Result<Child> {
    write_configuration(rig)?;
    let socket = rig.socket();
    let _ = fs::remove_file(&socket);
    let log = rig.dir().join("bus.log");
    let mut command = Command::new("dbus-daemon");
    command.arg("--nofork").arg("--nopidfile").arg("--nosyslog");
    command
        .arg(format!(
            "--config-file={}",
            rig.dir().join("bus.conf").display()
        ))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?);
    if rig.separate_users() {
        introduce_users(rig, &mut command)?;
    }
    let mut bus =
        Child::start("dbus-daemon", &mut command).context("install the package `dbus`")?;
    let up = crate::until("the private bus listens", Duration::from_secs(10), || {
        // The socket is there a moment before anybody listens on it.
        let listens = UnixStream::connect(&socket).ok().map(|_| true);
        listens.or(bus.ended().map(|_| false))
    })?;
    let said = fs::read_to_string(log).unwrap_or_default();
    anyhow::ensure!(up, "dbus-daemon refuses the policies: {}", said.trim());
    Ok(bus)
}

#[allow(
    clippy::disallowed_methods,
    reason = "configuration in a temporary folder"
)]
fn write_configuration(rig: &Rig) -> anyhow::Result<()> {
    let policies = rig.policies();
    fs::create_dir_all(&policies)?;
    let single = (!rig.separate_users()).then(|| (getuid().as_raw(), getgid().as_raw()));
    for file in dist::files(rig.repository(), "usr/share/dbus-1/system.d", "conf")? {
        let text = fs::read_to_string(&file)?;
        let name = file.file_name().context("a policy without a name")?;
        let rendered = policy::render(&text, rig.users(), single);
        fs::write(policies.join(name), rendered)?;
    }
    let text = policy::bus(&rig.socket().to_string_lossy(), &policies.to_string_lossy());
    fs::write(rig.dir().join("bus.conf"), text).context("write the configuration of the bus")
}

/// Lets the bus resolve the users of the device and of the tests.
#[allow(
    clippy::disallowed_methods,
    reason = "configuration in a temporary folder"
)]
fn introduce_users(rig: &Rig, command: &mut Command) -> anyhow::Result<()> {
    let (passwd, group) = rig.users().files(&[STRANGER, OPERATOR])?;
    command.env("LD_PRELOAD", NSS_WRAPPER);
    for (what, text) in [("PASSWD", passwd), ("GROUP", group)] {
        let path = rig.dir().join(what);
        fs::write(&path, text)?;
        command.env(format!("NSS_WRAPPER_{what}"), path);
    }
    Ok(())
}
