//! What goes wrong at the owner's: a broken file, a full or dead disk, no network and no time.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::time::Duration;

use vigla_boot_tests::{
    Agent, Card, Fat, Guest, HOST, Outside, Wire, image, partition, serve_time,
};
use vigla_testkit::until;

use super::node::{accepted, fresh, hurry, settle, settle_well, viglactl};

const SOON: Duration = Duration::from_mins(5);

#[test]
fn a_broken_file_of_the_owner_is_reported_and_the_node_works() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "broken-file").unwrap();
    let fat = Fat::of(card.path()).unwrap();
    let toml = "name = \"yard\"\nnam = 'a'\n[wifi]\ncountry = 'DE'\n";
    fat.put("vigla.toml", toml.as_bytes()).unwrap();
    let (guest, mut agent) = fresh(&card);
    assert_eq!(agent.run("hostname").unwrap(), "yard");
    let told = "line 2: unknown key `nam`\n    `name`";
    let report = until("the report on the card", SOON, || {
        let report = agent.run("cat /boot/firmware/vigla-report.txt").ok()?;
        report.contains("line 2").then_some(report)
    })
    .unwrap();
    assert!(report.contains("2 mistakes"), "{report}");
    let console = std::fs::read(card.log()).unwrap();
    let console = String::from_utf8_lossy(&console).replace('\r', "");
    for said in [&report, &*console] {
        let lines: Vec<_> = said.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("line 2: "));
        let at = at.unwrap_or_else(|| panic!("{told} in {said}"));
        assert!(lines[at].contains("unknown key `nam`"), "{}", lines[at]);
        assert!(lines[at + 1].contains("`name`"), "{}", lines[at + 1]);
    }
    guest.cut().unwrap();
}

#[test]
fn a_full_data_partition_stops_neither_the_start_nor_the_counting() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "full").unwrap();
    let (guest, mut agent) = fresh(&card);
    let before = accepted(&mut agent);
    // It waits for a queue that does not come.
    hurry(&mut agent, "2m");
    // Also what is set aside for root; the most of it without writing it.
    let most = "fallocate -l $(($(stat -f -c '%f*%S' /data) - 8000000)) /data/fill";
    let rest = "dd if=/dev/zero of=/data/fill2 bs=64k; dd if=/dev/zero of=/data/fill3 bs=1k";
    agent.ask(&format!("{most}; {rest}; sync")).unwrap();
    assert_eq!(agent.run("stat -f -c %a /data").unwrap(), "0");
    agent.restart().unwrap();
    let failed = settle(&mut agent);
    assert!(
        ["", "vigla-gate.service"].contains(&failed.as_str()),
        "{failed}\n{}",
        guest.last_words()
    );
    let tries = agent.run("fw_printenv BOOT_A_LEFT").unwrap();
    assert_eq!(tries, "BOOT_A_LEFT=3", "a full disk is no bad version");
    until("more is counted", SOON, || {
        (accepted(&mut agent) > before).then_some(())
    })
    .unwrap();
    let doctor = agent.ask("viglactl doctor").unwrap();
    assert_ne!(doctor.status, 0);
    assert!(doctor.text.contains("full"), "{}", doctor.text);

    agent.run("rm /data/fill*").unwrap();
    until("the queue has its disk again", SOON, || {
        let queue = viglactl(&mut agent, "metrics queue");
        (queue["trouble"] == "").then_some(())
    })
    .unwrap();
}

#[test]
fn a_damaged_data_partition_is_mended_or_made_anew_and_that_is_said() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "dead-data").unwrap();
    let place = partition(&card.path(), "data").unwrap();
    let noise = vec![0x5a; 1 << 20];
    for at in (place.start..place.end).step_by(noise.len()) {
        let rest = usize::try_from(place.end - at).unwrap().min(noise.len());
        raw(&card).write_all_at(&noise[..rest], at).unwrap();
    }
    let (guest, mut agent) = fresh(&card);
    assert_eq!(agent.run("cat /run/vigla/data").unwrap(), "remade");
    said(&mut agent, "WAS MADE ANEW");
    let id = agent.run("cat /etc/machine-id").unwrap();
    agent.run("sync").unwrap();
    guest.cut().unwrap();

    // Only its first blocks: a copy of the super block is left.
    raw(&card)
        .write_all_at(&noise[..64 << 10], place.start)
        .unwrap();
    let (_guest, mut agent) = fresh(&card);
    assert_eq!(agent.run("cat /run/vigla/data").unwrap(), "mended");
    said(&mut agent, "was mended");
    assert_eq!(agent.run("cat /etc/machine-id").unwrap(), id);
}

fn raw(card: &Card) -> File {
    File::options().write(true).open(card.path()).unwrap()
}

fn said(agent: &mut Agent, words: &str) {
    until("the report on the card", SOON, || {
        let report = agent.run("cat /boot/firmware/vigla-report.txt").ok()?;
        report.contains(words).then_some(())
    })
    .unwrap();
}

#[test]
fn without_network_and_time_it_counts_and_loses_nothing() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "no-time").unwrap();
    let outside = Outside::start().unwrap();
    let wire = Wire::to(outside.port()).unwrap();
    let port = wire.port();
    let toml = format!("ntp = [\"{HOST}\"]\n[mqtt]\nbroker = \"mqtt://{HOST}:{port}\"\n");
    let fat = Fat::of(card.path()).unwrap();
    fat.put("vigla.toml", toml.as_bytes()).unwrap();
    let clock = ["-rtc", "base=1970-01-01"].map(String::from);
    let mut guest = Guest::start_with(&card, &["--keep"], &clock).unwrap();
    let mut agent = guest.agent().unwrap();
    settle_well(&guest, &mut agent);
    let floor: u64 = agent.run("date +%s").unwrap().parse().unwrap();
    let built = agent.run("stat -c %Y /usr/lib/os-release").unwrap();
    assert!(floor >= built.parse().unwrap(), "{floor} is below {built}");
    until("twenty messages wait", SOON, || {
        (accepted(&mut agent) >= 20).then_some(())
    })
    .unwrap();
    let quality = |agent: &mut Agent| {
        let said = agent.run("timedatectl show -P NTPSynchronized").unwrap();
        said == "yes"
    };
    assert!(!quality(&mut agent));

    wire.mend();
    if let Err(why) = serve_time() {
        vigla_testkit::skip(&format!("no time server: {why:#}"));
        return;
    }
    agent.run("systemctl restart systemd-timesyncd").unwrap();
    until("the time", SOON, || quality(&mut agent).then_some(())).unwrap();
    until("a message with the right time", SOON, || {
        let counts = outside.counts().unwrap();
        counts
            .iter()
            .any(|message| message["time_quality"] == "synced")
            .then_some(())
    })
    .unwrap();
    // Who connects again is sent what has waited, first things first.
    let all = until("all that has waited", SOON, || {
        outside.counts().ok().filter(|all| all.len() >= 20)
    })
    .unwrap();
    assert_eq!(all[0]["time_quality"], "floor", "{}", all[0]);
    let starts: BTreeSet<_> = all
        .iter()
        .map(|message| &message["boot_id"])
        .map(ToString::to_string)
        .collect();
    assert_eq!(starts.len(), 1, "one start, whatever the clock says");
    let queue = viglactl(&mut agent, "metrics queue");
    assert_eq!(queue["dropped"], 0, "{queue}");
}
