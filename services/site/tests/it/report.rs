//! What the owner is told.

use std::os::unix::fs::symlink;

use vigla_site::report::{fleet, put, text};

use crate::stage::Stage;

const REPORT: &str = "boot/firmware/vigla-report.txt";
const GATEWAY: &str = "var/lib/vigla/gateway/report.txt";

#[test]
fn it_has_the_name_the_mistakes_and_what_the_gateway_says() {
    let mut stage = Stage::new();
    stage.boot_with("name = 'yard'\nntp = 7\n[wifi]\ncountry = 'DE'\n");
    stage.write(GATEWAY, b"set it with this code: BKTQ-WHZD-MXRG\n");
    let said = text(&stage.places);
    assert!(
        said.starts_with("Vigla: this node is `yard`, https://yard.local:8443/\n"),
        "{said}"
    );
    assert!(said.contains("vigla.toml has 2 mistakes"), "{said}");
    assert!(
        said.contains("\nline 2: `ntp` is no text\n    put it in quotes"),
        "{said}"
    );
    assert!(
        said.ends_with("\nset it with this code: BKTQ-WHZD-MXRG\n"),
        "{said}"
    );
}

#[test]
fn the_card_is_written_once_and_writable_for_that_moment_only() {
    let mut stage = Stage::new();
    stage.boot();
    stage.machine.told.clear();
    let said = text(&stage.places);
    assert!(put(&said, &stage.places, &mut stage.machine).unwrap());
    assert_eq!(stage.read(REPORT), said);
    assert_eq!(
        stage.machine.told,
        [
            "/usr/bin/mount -o remount,rw /boot/firmware",
            "/usr/bin/mount -o remount,ro /boot/firmware",
        ]
    );
    assert!(!put(&said, &stage.places, &mut stage.machine).unwrap());
    assert_eq!(stage.machine.told.len(), 2);
}

#[test]
fn the_way_into_a_fleet_is_for_the_console_alone_and_harmless() {
    const SAID: &str = "run/vigla/enrolment/sentence";
    let mut stage = Stage::new();
    stage.boot();
    assert_eq!(fleet(&stage.places), None);
    stage.write(SAID, b"The node belongs to its fleet.\n");
    let said = fleet(&stage.places).unwrap();
    assert_eq!(said, "The node belongs to its fleet.");
    assert!(!text(&stage.places).contains("fleet"), "the card is spared");
    stage.write(SAID, b"\x1b]0;x\x07\n\none\ntwo");
    assert_eq!(fleet(&stage.places).unwrap(), "]0;x  one two");
    stage.write("etc/shadow", b"root:SECRET\n");
    std::fs::remove_file(stage.places.at(SAID)).unwrap();
    symlink(stage.places.at("etc/shadow"), stage.places.at(SAID)).unwrap();
    assert_eq!(fleet(&stage.places), None);
}

#[test]
fn a_gateway_that_was_taken_over_shows_no_foreign_file_and_rules_no_console() {
    let mut stage = Stage::new();
    stage.boot();
    stage.write("etc/shadow", b"root:SECRET\n");
    stage.write(GATEWAY, b"");
    let path = stage.places.at(GATEWAY);
    std::fs::remove_file(&path).unwrap();
    symlink(stage.places.at("etc/shadow"), &path).unwrap();
    assert!(!text(&stage.places).contains("SECRET"));
    std::fs::remove_file(&path).unwrap();
    std::fs::hard_link(stage.places.at("etc/shadow"), &path).unwrap();
    assert!(!text(&stage.places).contains("SECRET"));
    std::fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(
        text(&stage.places).contains("this node is"),
        "it does not wait"
    );
    std::fs::remove_file(&path).unwrap();
    stage.write(
        GATEWAY,
        &[b"\x1b]0;x\x07\xff\x9b2J".as_slice(), &vec![b'a'; 100_000]].concat(),
    );
    let said = text(&stage.places);
    assert!(said.len() < 10_000 && !said.contains(['\u{1b}', '\u{7}', '\u{9b}']));
}

#[test]
fn without_findings_it_says_where_to_look() {
    let stage = Stage::new();
    assert!(text(&stage.places).contains("journalctl"));
}

#[test]
fn a_data_partition_that_was_lost_is_said() {
    let mut stage = Stage::new();
    stage.boot();
    for (found, said) in [("mended\n", "was mended"), ("remade\n", "WAS MADE ANEW")] {
        stage.write("run/vigla/data", found.as_bytes());
        assert!(text(&stage.places).contains(said));
    }
    stage.write("run/vigla/data", b"sound\n");
    assert!(!text(&stage.places).contains("data partition"));
}
