//! An invented version 2 of the gateway's state: `login.json` becomes `people.json`, which can hold more.

use vigla_state::move_over::{Way, way};
use vigla_state::steps::{STEPS, Step, There};
use vigla_state::{enter, leave};

use crate::stage::Stage;

const SECOND: &[Step] = &[Step {
    noun: "gateway",
    to: 2,
    files: &["login.json", "people.json"],
    forward,
    back,
}];

fn forward(mut files: There) -> Result<There, String> {
    let Some(old) = files.remove("login.json") else {
        return Err("there is no `login.json`".into());
    };
    let old = String::from_utf8(old).map_err(|_| "it is no text")?;
    files.insert("people.json".into(), format!("people: {old}").into());
    Ok(files)
}

fn back(mut files: There) -> Result<There, String> {
    let Some(new) = files.remove("people.json") else {
        return Err("there is no `people.json`".into());
    };
    let new = String::from_utf8(new).map_err(|_| "it is no text")?;
    let old = new.strip_prefix("people: ").ok_or("it has no people")?;
    files.insert("login.json".into(), old.into());
    Ok(files)
}

const OLD: &str = "var/lib/vigla/gateway/login.json";
const NEW: &str = "var/lib/vigla/gateway/people.json";
const STAMPS: &str = "var/lib/vigla/state/versions.json";

fn old_node() -> Stage {
    let stage = Stage::new();
    stage.write(OLD, "anna");
    stage.write("var/lib/vigla/gateway/other", "stays");
    stage
}

fn well(said: &vigla_state::move_over::Said) {
    assert!(said.troubles.is_empty(), "{said:?}");
}

#[test]
fn a_state_of_today_is_stamped_and_left_alone() {
    let stage = old_node();
    let said = enter(&stage.places, STEPS);
    well(&said);
    assert!(said.done.is_empty());
    assert_eq!(stage.read(OLD).unwrap(), "anna");
    assert!(stage.read(STAMPS).unwrap().contains("\"version\": 1"));
    well(&leave(&stage.places, STEPS));
    let before = stage.tree();
    well(&enter(&stage.places, STEPS));
    assert_eq!(stage.tree(), before);
}

#[test]
fn a_newer_slot_and_the_older_one_each_find_what_they_know() {
    let stage = old_node();
    let said = enter(&stage.places, SECOND);
    well(&said);
    assert_eq!(
        said.done,
        ["the state of `gateway` went from version 1 to 2"]
    );
    assert_eq!(
        (stage.read(OLD), stage.read(NEW).unwrap()),
        (None, "people: anna".into())
    );
    // What the newer one learns is kept for the older one, as far as an orderly end came.
    stage.write(NEW, "people: anna, ben");
    well(&leave(&stage.places, SECOND));
    well(&enter(&stage.places, STEPS));
    assert_eq!(
        (stage.read(OLD).unwrap(), stage.read(NEW)),
        ("anna, ben".into(), None)
    );
    stage.write(OLD, "anna, ben, cleo");
    well(&leave(&stage.places, STEPS));
    // And forward again, from what the older one wrote.
    well(&enter(&stage.places, SECOND));
    assert_eq!(
        (stage.read(OLD), stage.read(NEW).unwrap()),
        (None, "people: anna, ben, cleo".into())
    );
    assert_eq!(stage.read("var/lib/vigla/gateway/other").unwrap(), "stays");
}

#[test]
fn a_newer_slot_that_dies_leaves_the_older_one_what_it_had() {
    let stage = old_node();
    well(&enter(&stage.places, SECOND));
    stage.write(NEW, "people: torn");
    // No orderly end.
    well(&enter(&stage.places, STEPS));
    assert_eq!(
        (stage.read(OLD).unwrap(), stage.read(NEW)),
        ("anna".into(), None)
    );
}

#[test]
fn a_change_that_was_broken_off_begins_again_in_either_slot() {
    let stage = old_node();
    well(&enter(&stage.places, STEPS));
    well(&enter(&stage.places, SECOND));
    let whole = stage.tree();
    let stamp = |text: &str| {
        stage.write(STAMPS, &format!("{{\"gateway\": {text}}}"));
    };
    // Files of both versions, and of neither: only the copy counts.
    for (old, new) in [
        (Some("anna"), None),
        (Some("anna"), Some("peop")),
        (None, Some("people: anna")),
        (None, None),
    ] {
        for steps in [SECOND, STEPS] {
            stage.restore(&whole);
            stage.remove(NEW);
            for (path, text) in [(OLD, old), (NEW, new)] {
                if let Some(text) = text {
                    stage.write(path, text);
                }
            }
            stamp("{\"version\": 1, \"moving_to\": 2}");
            well(&enter(&stage.places, steps));
            let expected = if steps.is_empty() {
                (Some("anna".to_owned()), None)
            } else {
                (None, Some("people: anna".to_owned()))
            };
            assert_eq!(
                (stage.read(OLD), stage.read(NEW)),
                expected,
                "{old:?} {new:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_changed_stays_and_is_said() {
    let stage = Stage::new();
    stage.write("var/lib/vigla/gateway/other", "stays");
    let said = enter(&stage.places, SECOND);
    assert_eq!(
        said.troubles,
        ["the state of `gateway` stays as it is: there is no `login.json`"]
    );
    // A newer state without a copy for us.
    let stage = old_node();
    stage.write(STAMPS, "{\"gateway\": {\"version\": 7}}");
    let said = enter(&stage.places, STEPS);
    assert_eq!(
        said.troubles,
        ["the state of `gateway` stays as it is: it has version 7, and there is no copy of 1"]
    );
    assert_eq!(stage.read(OLD).unwrap(), "anna");
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let stage = old_node();
    stage.write("etc/shadow", "secret");
    stage.remove(OLD);
    std::os::unix::fs::symlink(stage.places.at("etc/shadow"), stage.places.at(OLD)).unwrap();
    let said = enter(&stage.places, SECOND);
    assert_eq!(said.troubles.len(), 1);
    assert!(
        !stage
            .tree()
            .iter()
            .any(|(path, _)| path.contains("gateway-1"))
    );
}

#[test]
fn the_way_is_decided_by_stamp_and_folder() {
    assert_eq!(
        way(None, false, 2),
        Way::Stay,
        "the services of this slot make it"
    );
    assert_eq!(way(Some(1), false, 2), Way::Stay);
    assert_eq!(way(None, true, 1), Way::Stay);
    assert_eq!(way(None, true, 2), Way::Forward(1));
    assert_eq!(way(Some(2), true, 3), Way::Forward(2));
    assert_eq!(way(Some(3), true, 2), Way::Back(3));
}
