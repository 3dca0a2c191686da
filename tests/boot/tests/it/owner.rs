//! What an owner relies on and rarely sees: his key, and a node that hangs.

use vigla_boot_tests::{Agent, Card, image};

use super::node::{fresh, history, settle_well};

#[test]
#[ignore = "two starts; `cargo xtask test --full` logs in"]
fn ssh_takes_the_key_of_the_owner_and_nothing_else() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "ssh").unwrap();
    let (guest, mut agent) = fresh(&card);
    let state = agent.ask("systemctl is-active ssh").unwrap();
    assert_eq!(state.text, "inactive", "without a key it does not run");
    for line in [
        "ssh-keygen -q -t ed25519 -N '' -f /data/mine",
        "ssh-keygen -q -t ed25519 -N '' -f /data/other",
        "mount -o remount,rw /boot/firmware",
        "echo \"ssh_keys = ['$(cat /data/mine.pub)']\" > /boot/firmware/vigla.toml",
        "sync",
    ] {
        agent.run(line).unwrap();
    }
    agent.restart().unwrap();
    settle_well(&guest, &mut agent);
    let mut enter = |how: &str| {
        let options =
            "-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null";
        let line = format!("ssh {options} {how} root@127.0.0.1 echo inside");
        agent.ask(&line).unwrap()
    };
    let entered = enter("-i /data/mine");
    assert!(entered.text.ends_with("inside"), "{}", entered.text);
    assert_ne!(enter("-i /data/other").status, 0);
    let password = enter("-o PubkeyAuthentication=no");
    assert!(
        password.text.contains("denied (publickey)"),
        "{}",
        password.text
    );
}

#[test]
#[ignore = "waits for the watchdog; `cargo xtask test --full` does"]
fn a_node_that_hangs_is_reset_by_its_watchdog() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "watchdog").unwrap();
    let (guest, mut agent) = fresh(&card);
    let armed = agent
        .run("cat /sys/class/watchdog/watchdog0/state")
        .unwrap();
    assert_eq!(armed, "active");
    // systemd catches it, and does nothing any more.
    agent.run("sync; kill -SEGV 1").unwrap();
    agent.again().unwrap();
    settle_well(&guest, &mut agent);
}

#[test]
#[ignore = "four starts; `cargo xtask test --full` forgets"]
fn a_factory_reset_forgets_what_is_the_owners_and_the_node_begins_anew() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "reset").unwrap();
    let (guest, mut agent) = fresh(&card);
    let id = agent.run("cat /etc/machine-id").unwrap();
    let mut forgotten = vec![id];
    for way in [
        "viglactl reset --yes",
        "mount -o remount,rw /boot/firmware; touch /boot/firmware/reset; sync; systemctl reboot",
    ] {
        agent.run("echo mine > /etc/vigla/mine; sync").unwrap();
        agent.order(way).unwrap();
        agent.again().unwrap();
        another(&mut agent, &forgotten);
        settle_well(&guest, &mut agent);
        let mine = agent.ask("cat /etc/vigla/mine").unwrap();
        assert_ne!(mine.status, 0, "{way}: {}", mine.text);
        let id = agent.run("cat /etc/machine-id").unwrap();
        assert!(!forgotten.contains(&id), "{way}: the identity is the same");
        forgotten.push(id);
        let left = agent.ask("ls /boot/firmware/reset").unwrap();
        assert_ne!(left.status, 0, "{way}: the file is gone");
    }
    let history = history(&mut agent);
    assert!(!history.is_empty(), "what happened to the slots is kept");
}

/// Waits until the node is another one. The file on the card becomes an order, and the node restarts once more to carry
/// it out: maybe before it has said hello, maybe in the middle of an answer.
fn another(agent: &mut Agent, forgotten: &[String]) {
    for _ in 0..4 {
        match agent.ask("cat /etc/machine-id") {
            Ok(said) if said.status == 0 && !forgotten.contains(&said.text) => return,
            Ok(_) => agent.again().unwrap(),
            // It said hello instead of the answer.
            Err(_) => {}
        }
    }
    panic!("it is still the same node");
}
