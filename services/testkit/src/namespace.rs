//! Several users for somebody who is only one: a user namespace with that person's subordinate
//! numbers, in which a test runs again as its root. And a network of a test's own, likewise.
//!
//! A process with threads cannot enter a user namespace, and a test is a thread. So the test is
//! started anew, alone, by `unshare`, which lets `newuidmap` fill in the numbers: 0 is the person,
//! 1 to 65535 are those of `/etc/subuid`. Nothing of it outlives the test.

use std::any::type_name_of_val;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::Context as _;
use nix::unistd::geteuid;

/// Makes everything after it run as root of a namespace with all numbers.
const ENTER: [&str; 4] = ["unshare", "--map-root-user", "--map-auto", "--"];

/// Somebody else, for the trial.
const NOBODY: [&str; 4] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
];

/// Runs the body of a test that needs several users: as it is for root, in a user namespace for
/// others, and not at all, loudly, where there is none. `body` is a closure in the test itself:
/// its type's name tells which test is to be run again.
///
/// # Panics
///
/// When the test fails in the namespace, with everything it said.
pub fn with_users(body: impl FnOnce()) {
    static TRIAL: OnceLock<Result<(), String>> = OnceLock::new();
    if geteuid().is_root() {
        return body();
    }
    match TRIAL.get_or_init(trial) {
        Ok(()) => again(type_name_of_val(&body)).unwrap_or_else(|error| panic!("{error:#}")),
        Err(reason) => crate::skip(reason),
    }
}

/// A network with nothing but a loopback that is up, and files that can be bound over others.
const ALONE: [&str; 4] = ["unshare", "--net", "--mount", "--"];
/// Tells a test that it is in there.
const INSIDE: &str = "VIGLA_TEST_NETWORK";

/// Runs the body of a test that needs a network of its own: again, alone, in one that has a loopback only.
/// Not at all, loudly, where there is none. See [`with_users`].
///
/// # Panics
///
/// When the test fails in there, with everything it said.
pub fn with_network(body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let root: &[&str] = if geteuid().is_root() { &[] } else { &ENTER };
    let enter = [root, &ALONE].concat();
    let tried = Command::new(enter[0])
        .args(&enter[1..])
        .args(["ip", "link", "set", "lo", "up"])
        .output();
    match tried {
        Ok(output) if output.status.success() => {}
        _ => {
            return crate::skip(
                "needs a network of its own: `unshare --net` and `ip`, as root or with `uidmap`",
            );
        }
    }
    let closure = type_name_of_val(&body);
    again_in(&enter, closure).unwrap_or_else(|error| panic!("{error:#}"));
}

/// Whether there is such a namespace; if not, why and what to do.
fn trial() -> Result<(), String> {
    let mut command = Command::new(ENTER[0]);
    command.args(&ENTER[1..]).args(NOBODY).arg("true");
    let why = match command.output() {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("{}: {error}", ENTER[0]),
    };
    Err(format!(
        "needs several users, and a user namespace cannot be had ({}); install the package \
         `uidmap` and enter 65536 numbers for you in `/etc/subuid` and `/etc/subgid`, or be root",
        why.lines().last().unwrap_or("no reason given")
    ))
}

/// Runs the test that holds the closure of type `closure` alone in a namespace.
fn again(closure: &str) -> anyhow::Result<()> {
    again_in(&ENTER, closure)
}

fn again_in(enter: &[&str], closure: &str) -> anyhow::Result<()> {
    let test = test_of(closure).with_context(|| format!("`{closure}` is not in a test"))?;
    let program = std::env::current_exe().context("who am I")?;
    let mut command = Command::new(enter[0]);
    command.args(&enter[1..]).arg(program).env(INSIDE, "1");
    command.args([test, "--exact", "--include-ignored", "--nocapture"]);
    let output = command.output().context("run the test again")?;
    let said = [output.stdout, output.stderr].map(|b| String::from_utf8_lossy(&b).into_owned());
    let passed = output.status.success() && said[0].contains("1 passed");
    anyhow::ensure!(passed, "in a namespace:\n{}\n{}", said[0], said[1]);
    Ok(())
}

/// `it::policy::each_user` for the closure `it::policy::each_user::{{closure}}`, without the crate.
fn test_of(closure: &str) -> Option<&str> {
    let (_, inside) = closure.split_once("::")?;
    inside.strip_suffix("::{{closure}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rig, Who};

    #[test]
    fn knows_the_test_around_a_closure() {
        let closure = || {};
        assert_eq!(
            test_of(type_name_of_val(&closure)),
            Some("namespace::tests::knows_the_test_around_a_closure")
        );
    }

    #[test]
    fn users_are_different_where_there_are_several() {
        with_users(|| {
            let rig = Rig::start().unwrap();
            let number = |who| {
                let mut command = Command::new("id");
                rig.run_as(who, command.arg("-u"));
                String::from_utf8(command.output().unwrap().stdout).unwrap()
            };
            assert_eq!(number(Who::Service("camera")), "961\n");
            assert_ne!(number(Who::Stranger), number(Who::Operator));
            assert_eq!(number(Who::Me), "0\n");
        });
    }
}
