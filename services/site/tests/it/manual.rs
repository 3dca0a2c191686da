//! The manual `vigla.toml` speaks of every key, and of no other.

use vigla_site::{Site, Zones, read};

use crate::stage::WHOLE;

const MANUAL: &str = include_str!("../../dist/usr/share/vigla/vigla.toml");

/// The manual with everything that is commented out; prose begins with `# `.
fn switched_on() -> String {
    let lines = MANUAL.lines().filter(|line| !line.starts_with("# "));
    let lines = lines.map(|line| line.strip_prefix('#').unwrap_or(line));
    lines
        .filter(|line| !line.is_empty())
        .fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn as_it_is_it_sets_nothing_and_has_no_mistake() {
    let (site, mistakes) = read(MANUAL.as_bytes(), &Zones::system());
    assert_eq!((site, mistakes), (Site::default(), Vec::new()));
}

#[test]
fn everything_in_it_can_be_switched_on() {
    let (site, mistakes) = read(switched_on().as_bytes(), &Zones::system());
    assert_eq!(mistakes, []);
    // Destructured, so that a new part must come into the manual.
    let Site {
        name,
        time_zone,
        ntp,
        proxy,
        ssh_keys,
        wifi,
        network,
        cameras,
        mqtt,
        login,
    } = site;
    assert!(name.is_some() && time_zone.is_some() && proxy.is_some());
    assert!(ntp.len() == 2 && ssh_keys.len() == 1);
    let wifi = wifi.unwrap();
    assert!(wifi.country.is_some() && wifi.networks.len() == 1);
    let network = network.unwrap();
    assert!(network.address.is_some() && network.gateway.is_some() && network.dns.len() == 1);
    assert_eq!(network.interface.text(), "eth0");
    let camera = &cameras["front"];
    assert!(camera.label.is_some() && camera.credentials.is_some());
    assert!(camera.size.is_some() && camera.rate == Some(15.0));
    let mqtt = mqtt.unwrap();
    assert!(mqtt.user.is_some() && mqtt.password.is_some() && !mqtt.tls);
    assert!(login.open == Some(false) && login.password.is_some());
}

#[test]
fn the_corpus_has_the_manual_switched_on() {
    assert_eq!(switched_on(), WHOLE);
}
