//! An update of which only the difference is sent.

use vigla_boot_tests::{Card, bundle, delta, image};
use vigla_testkit::{Habits, Web};

use super::node::{fresh, history, running, settle_well, viglactl};
use super::update::install;

#[test]
#[ignore = "minutes; `cargo xtask test --full` builds a bundle from a delta"]
fn a_delta_becomes_a_bundle_from_the_slot_that_runs_and_fits_no_other() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "delta").unwrap();
    let new = bundle(card.beside(), "new", "0.2.0", &[("usr/lib/news", "new\n")]).unwrap();
    let content = delta(&image.with_extension("raucb"), &new).unwrap();
    let whole = std::fs::metadata(&new).unwrap().len();
    println!("{} bytes instead of {whole}", content.len());
    assert!(content.len() < 1 << 20, "a file was added");
    let web = Web::start(Habits {
        content,
        ..Habits::default()
    })
    .unwrap();

    let (guest, mut agent) = fresh(&card);
    install(&mut agent, &web);
    agent.restart().unwrap();
    settle_well(&guest, &mut agent);
    assert_eq!(running(&mut agent), ("B".into(), "0.2.0".into()));
    assert_eq!(agent.run("cat /usr/lib/news").unwrap(), "new");
    let left = agent.run("ls /var/lib/vigla/updater/download").unwrap();
    assert_eq!(left, "", "what was built is gone");

    let order = format!(
        "update install --no-restart {}",
        web.url_at(vigla_boot_tests::HOST, "/bundle")
    );
    let end = viglactl(&mut agent, &order);
    assert_eq!(end["result"], "misfit", "{end}");
    assert_eq!(history(&mut agent)[0]["result"], "misfit");
    guest.cut().unwrap();
}
