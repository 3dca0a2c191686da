//! A file `reset` on the card.

use std::fs;
use std::io;
use std::path::Path;

use vigla_site::machine::Machine;
use vigla_site::report::text;
use vigla_site::reset::{Next, look, next};

use crate::stage::Stage;

const ORDER: &str = "data/reset/wanted";

fn node() -> Stage {
    let mut stage = Stage::new();
    stage.write("data/reset/.keep", b"");
    stage.boot();
    stage.machine.told.clear();
    stage
}

#[test]
fn a_node_without_the_file_is_left_alone() {
    let mut stage = node();
    assert!(!look(&stage.places, &mut stage.machine).unwrap());
    assert!(!stage.exists(ORDER) && stage.machine.told.is_empty());
}

#[test]
fn the_file_is_gone_before_the_reset_is_ordered() {
    for name in ["reset", "reset.txt"] {
        let mut stage = node();
        stage.write(&format!("boot/firmware/{name}"), b"");
        assert!(look(&stage.places, &mut stage.machine).unwrap());
        assert!(!stage.exists(&format!("boot/firmware/{name}")));
        assert_eq!(stage.read(ORDER), "card");
        assert_eq!(
            stage.machine.told,
            [
                "/usr/bin/mount -o remount,rw /boot/firmware",
                "/usr/bin/mount -o remount,ro /boot/firmware",
                "/usr/bin/systemctl --no-block reboot",
            ]
        );
        stage.machine.told.clear();
        assert!(!look(&stage.places, &mut stage.machine).unwrap(), "once");
    }
}

/// A card that stays as it is.
struct Stuck;

impl Machine for Stuck {
    fn set_host_name(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn give(&mut self, _: &Path, _: &str) -> io::Result<()> {
        Ok(())
    }
    fn run(&mut self, program: &'static str, _: &[&str]) -> io::Result<()> {
        assert_ne!(program, "/usr/bin/systemctl", "no restart");
        Err(io::Error::other("exit status: 32"))
    }
}

#[test]
fn a_file_that_cannot_be_removed_resets_nothing_and_is_reported() {
    let stage = node();
    stage.write("boot/firmware/reset", b"");
    assert!(!look(&stage.places, &mut Stuck).unwrap());
    assert!(!stage.exists(ORDER));
    let said = text(&stage.places);
    assert!(
        said.contains("not reset: the file `reset` on the card cannot be removed"),
        "{said}"
    );
}

#[test]
fn a_folder_of_that_name_resets_nothing() {
    let mut stage = node();
    stage.write("boot/firmware/reset/x", b"");
    assert!(!look(&stage.places, &mut stage.machine).unwrap());
    assert!(!stage.exists(ORDER));
}

#[test]
fn an_order_that_cannot_be_written_is_reported() {
    let mut stage = node();
    fs::remove_dir_all(stage.places.at("data")).unwrap();
    stage.write("boot/firmware/reset", b"");
    look(&stage.places, &mut stage.machine).unwrap_err();
    assert!(
        !stage
            .machine
            .told
            .iter()
            .any(|told| told.contains("reboot"))
    );
    let said = text(&stage.places);
    assert!(
        said.contains("not reset: the order cannot be written"),
        "{said}"
    );
}

#[test]
fn what_the_start_after_it_says_is_in_the_report() {
    let stage = node();
    stage.write(
        "run/vigla/reset",
        b"This node was reset, as the page asked.\n",
    );
    assert!(text(&stage.places).contains("\nThis node was reset, as the page asked.\n"));
}

#[test]
fn it_is_decided_by_what_is_left() {
    assert_eq!(next(0, 0), Next::Nothing);
    assert_eq!(next(2, 0), Next::Order);
    assert_eq!(next(2, 1), Next::Refuse);
}
