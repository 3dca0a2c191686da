//! The first boot of a fresh card, and the node as others see it.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vigla_boot_tests::{Agent, Card, Door, Fat, Film, Guest, HOST, Lan, Outside, image};
use vigla_system_tests::browser::{self, Browser};
use vigla_system_tests::{assets, mqtt};
use vigla_testkit::until;

use super::node::settle_well;

/// An emulated board looks at a picture in some seconds.
const COUNTED: Duration = Duration::from_mins(5);
const PASSWORD: &str = "correct horse battery";

#[test]
fn a_fresh_card_becomes_a_node_that_counts() {
    let Some(image) = image() else { return };
    let card = Card::copy(&image, "first-boot").unwrap();
    let outside = Outside::start().unwrap();
    let film = Film::of(&assets::clip().unwrap()).unwrap();
    let toml = format!(
        "name = \"yard\"\n[mqtt]\nbroker = \"mqtt://{HOST}:{}\"\n[login]\npassword = \"{PASSWORD}\"\n\
         [camera.bars]\nsource = \"/dev/video0\"\n\
         [camera.gate]\nsource = \"rtsp://{HOST}:{}/live\"\nuser = \"admin\"\npassword = \"p@ss:word\"\n",
        outside.port(),
        film.port()
    );
    let fat = Fat::of(card.path()).unwrap();
    fat.put("vigla.toml", toml.as_bytes()).unwrap();
    let jpegs = std::fs::read(assets::jpegs().unwrap()).unwrap();
    fat.put("clip.mjp", &jpegs).unwrap();
    let mut lan = Lan::new().unwrap();
    let mut guest = Guest::start_on(&lan, &card).unwrap();
    let mut agent = guest.agent().unwrap();
    settle_well(&guest, &mut agent);

    for name in [
        "Camera1",
        "Detector1",
        "Metrics1",
        "Gateway1",
        "Updater1",
        "Enrolment1",
    ] {
        agent
            .run(&format!("busctl status org.vigla.{name}"))
            .unwrap();
    }
    assert_eq!(agent.run("hostname").unwrap(), "yard");
    assert_eq!(agent.run("cat /run/vigla/data").unwrap(), "sound");
    let slot = agent
        .run("findmnt --noheadings --output OPTIONS /")
        .unwrap();
    assert!(slot.starts_with("ro,"), "the slot is mounted {slot}");
    let grown = agent.run("df --output=size -BM /data | tail -1").unwrap();
    let grown: u64 = grown.trim().trim_end_matches('M').parse().unwrap();
    assert!(grown > 2000, "the data partition has {grown} MB of 4 GB");
    println!("{}", agent.run("systemd-analyze time").unwrap());

    // The kernel's test camera shows bars: nothing to count, and that is counted.
    let of = |what: &str, camera: &str| {
        let its = |message: &Value| message["camera_id"] == camera;
        until(what, COUNTED, || {
            outside.counts().ok()?.into_iter().find(its)
        })
        .unwrap()
    };
    let bars = of("the test camera is counted", "bars");
    let all = bars["counts"].as_object().unwrap();
    assert!(all.values().all(|count| count == 0), "{bars}");
    let gate = of("the network camera is counted", "gate");
    for counts in [bars, gate] {
        assert!(counts["frame_id"].as_u64().is_some(), "{counts}");
    }

    figures(&guest);
    page(&guest);
    ports(&mut lan, &guest);
    street(&mut agent, outside.port());
    guest.cut().unwrap();
}

/// The next counts in the broker.
fn counts(port: u16) -> Value {
    let messages = mqtt::messages(port, "vigla/v1/+/+/counts", 1, 300).unwrap();
    serde_json::from_str(&messages[0].1).unwrap()
}

/// A film of a street in the camera's place, slowly: an emulated board looks once a second, and who has gone
/// too far since is nobody it knows.
fn street(agent: &mut Agent, port: u16) {
    let settings = "[camera.street]\\nsource = \\\"/var/lib/vigla/street.mjpeg\\\"\\nrate = 1\\n";
    for line in [
        "cp /boot/firmware/clip.mjp /var/lib/vigla/street.mjpeg",
        "chmod 0644 /var/lib/vigla/street.mjpeg",
        // An emulated board looks at one camera often enough to know who is who; the owner's are taken away.
        "rm /etc/vigla/camera.d/50-site.toml",
        &format!("printf \"{settings}\" > /etc/vigla/camera.d/60-street.toml"),
        "systemctl restart vigla-camera",
    ] {
        agent.run(line).unwrap();
    }
    until("somebody in the street is counted", COUNTED, || {
        let counts = counts(port);
        let all = counts["counts"].as_object()?.values();
        let some =
            counts["camera_id"] == "street" && all.filter_map(Value::as_u64).sum::<u64>() > 0;
        some.then(|| println!("{counts}"))
    })
    .unwrap();
}

/// What Prometheus gets.
fn figures(guest: &Guest) {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--insecure", "--user"]);
    curl.arg(format!("owner:{PASSWORD}"));
    curl.arg(format!("https://127.0.0.1:{}/metrics", guest.https()));
    let output = curl.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for series in [
        "vigla_metrics_records_total ",
        "node_uname_info{",
        "node_memory_MemAvailable_bytes ",
        "vigla_updater_busy ",
        "vigla_camera_build_info{",
    ] {
        let found = text.lines().any(|line| line.starts_with(series));
        assert!(found, "`{series}` in {text}");
    }
}

/// What a person sees: how the node is, then, with the password, its picture.
fn page(guest: &Guest) {
    let stranger = guest.get("/").unwrap();
    assert!(stranger.starts_with("HTTP/1.1 200"), "{stranger}");
    assert!(!stranger.contains("data-testid=\"picture\""), "{stranger}");
    if !browser::can_be_had() {
        vigla_testkit::skip("there is no browser; run `sudo snap install chromium`");
        return;
    }
    let browser = Browser::open_trusting(1280, 900).unwrap();
    let address = format!("https://127.0.0.1:{}/", guest.https());
    browser.go(&address).unwrap();
    let form = "return document.forms[0]?.action.endsWith('/login')";
    browser.wait("the log-in", form).unwrap();
    browser.run("document.forms[0].password.focus()").unwrap();
    browser.enter(PASSWORD).unwrap();
    browser.press("Enter").unwrap();
    let picture = "document.querySelector('[data-testid=picture]')?.dataset.frameId";
    let first = browser
        .wait("a picture", &format!("return {picture}"))
        .unwrap();
    let next = format!("return Number({picture}) > {}", first.as_str().unwrap());
    browser.wait("the next picture", &next).unwrap();
}

/// Those of `image/ports.toml` that are always open in the firewall.
const DOCUMENTED: [u16; 6] = [8000, 8001, 8002, 8080, 8083, 8443];
/// What listens on loopback, or might: broker, kubelet, its metrics, the API server, name service.
const OTHERS: [u16; 8] = [1883, 5353, 5355, 6443, 10249, 10250, 10256, 8883];

fn ports(lan: &mut Lan, guest: &Guest) {
    let doors = lan.look((1..1024).chain(DOCUMENTED).chain(OTHERS)).unwrap();
    let of = |wanted: Door| {
        let found = doors.iter().filter(|(_, door)| *door == wanted);
        found.map(|(port, _)| *port).collect::<Vec<_>>()
    };
    assert_eq!(of(Door::Open), [8080, 8443], "{}", guest.last_words());
    // The firewall lets them through; their services are not there yet.
    assert_eq!(of(Door::Closed), [8000, 8001, 8002, 8083]);
}
