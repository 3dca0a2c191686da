//! What a hostile person does to a node: kills in loops, processes that stand still, a bus that
//! cannot be found.

use std::time::Duration;

use vigla_system_tests::{NOUNS, Scene, Site, http, mqtt};
use vigla_testkit::until;

const PATIENCE: Duration = Duration::from_secs(30);

/// Open descriptors of a daemon.
fn open_files(site: &mut Site, noun: &str) -> usize {
    let pid = site.daemon(noun).unwrap().child().pid();
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .count()
}

/// How often each is killed in a row.
const KILLS: usize = 10;

#[test]
fn killed_in_loops_they_come_back_and_the_others_keep_nothing_open() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    for victim in NOUNS {
        let others = NOUNS.into_iter().filter(|noun| *noun != victim);
        let others: Vec<_> = others
            .map(|noun| (noun, open_files(&mut site, noun)))
            .collect();
        for _ in 0..KILLS {
            site.kill(victim).unwrap();
            site.bring(victim).unwrap();
        }
        site.whole().unwrap();
        assert_eq!(site.fallen(), Vec::<String>::new());
        for (noun, before) in others {
            // Somebody may have come to a ring meanwhile; what is lost is lost at every kill.
            let what = format!("{noun} with {before} files keeps none of {victim}");
            until(&what, PATIENCE, || {
                (open_files(&mut site, noun) < before + KILLS).then_some(())
            })
            .unwrap();
        }
    }
}

/// Stops `noun` (SIGSTOP) while frames flow, for about `seconds`: the others go on, and the page
/// says so; then lets it go on.
fn stands_still(noun: &str, seconds: u32) {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    site.daemon(noun).unwrap().child().pause().unwrap();
    let count = usize::try_from(seconds).unwrap();
    match noun {
        // Counts go out once a second, whatever the others do; without a camera for 10 s, until what
        // was counted is too old to be said again.
        "camera" | "gateway" => {
            let count = if noun == "camera" {
                count.min(8)
            } else {
                count
            };
            let counts = mqtt::messages(site.broker.port(), "demo/car_count", count, 3 * seconds);
            counts.unwrap();
        }
        // Pictures go on, ten a second and in pairs with what is seen in them.
        _ => {
            let mut live = http::get(site.port, "/api/v1/cameras/street/live").unwrap();
            live.parts(2 * 10 * count).unwrap();
        }
    }
    if noun != "gateway" {
        site.wait("the page says degraded", PATIENCE, |state| {
            state["sentence"]["state"] == "degraded"
        })
        .unwrap();
    }
    assert_eq!(site.fallen(), Vec::<String>::new());
    site.daemon(noun).unwrap().child().resume().unwrap();
    site.whole().unwrap();
    assert_eq!(site.fallen(), Vec::<String>::new());
}

#[test]
fn a_daemon_that_stands_still_holds_up_nobody() {
    for noun in NOUNS {
        stands_still(noun, 3);
    }
}

#[test]
#[ignore = "takes 20 s for each daemon"]
fn a_daemon_that_stands_still_for_long_holds_up_nobody() {
    for noun in NOUNS {
        stands_still(noun, 20);
    }
}

#[test]
fn without_the_socket_of_the_bus_who_is_connected_goes_on() {
    let mut site = Site::start(Scene::Synthetic).unwrap();
    site.whole().unwrap();
    let (socket, away) = (site.rig.dir().join("bus"), site.rig.dir().join("away"));
    std::fs::rename(&socket, &away).unwrap();
    let mut live = http::get(site.port, "/api/v1/cameras/street/live").unwrap();
    live.parts(40).unwrap();
    assert_eq!(site.fallen(), Vec::<String>::new());
    // Who starts now says why it cannot, and systemd starts it again.
    site.kill("detector").unwrap();
    let error = format!("{:#}", site.bring("detector").unwrap_err());
    assert!(error.contains("bus"), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    std::fs::rename(&away, &socket).unwrap();
    site.bring("detector").unwrap();
    site.whole().unwrap();
}
