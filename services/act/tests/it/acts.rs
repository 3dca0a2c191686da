//! What each verb does when all is well, and when the system fails it.

use std::os::unix::fs::PermissionsExt as _;

use vigla_act::{Error, Verb};

use crate::stage::Stage;

#[test]
fn reboot_asks_systemd_once_and_answers_with_the_id() {
    let mut stage = Stage::new();
    let done = stage.ask(Verb::Reboot, r#"{"id": "a-7", "reason": "update 1.2"}"#);
    assert_eq!(done.unwrap(), "restarting: update 1.2");
    assert_eq!(stage.system.told, ["/usr/bin/systemctl --no-block reboot"]);
    let answer = stage.answer(Verb::Reboot);
    assert_eq!(
        (&answer["id"], &answer["result"]),
        (&"a-7".into(), &"done".into())
    );
}

#[test]
fn the_agent_is_the_only_unit_that_is_started() {
    let mut stage = Stage::new();
    stage.ask(Verb::StartAgent, r#"{"id": "1"}"#).unwrap();
    let expected = "/usr/bin/systemctl --no-block start k3s-agent.service";
    assert_eq!(stage.system.told, [expected]);
    stage.system.told.clear();
    stage.refuses(Verb::StartAgent, r#"{"id": "1", "unit": "sshd.service"}"#);
}

#[test]
fn the_host_name_is_set_now_and_for_the_next_start() {
    let mut stage = Stage::new();
    stage.write("etc/hostname", "old\n");
    let asked = stage.ask(Verb::HostName, r#"{"id": "1", "name": "vigla-yard"}"#);
    asked.unwrap();
    assert_eq!(stage.read("etc/hostname"), "vigla-yard\n");
    assert_eq!(stage.system.told, ["host name vigla-yard"]);
}

const NETWORK: &str = r#"{"id": "1", "interfaces": [
    {"name": "eth0", "dhcp": true},
    {"name": "wlan0", "dhcp": false, "addresses": ["10.0.0.2/24", "fd00::2/64"],
     "gateway": "10.0.0.1", "dns": ["1.1.1.1"],
     "wifi": {"country": "GB", "networks": [{"ssid": "my \"net\"\n", "psk": "PSK"}]}}]}"#;

#[test]
fn the_network_is_what_was_asked_for_and_nothing_of_before() {
    let mut stage = Stage::new();
    stage.write("etc/systemd/network/10-vigla-eth7.network", "old");
    stage.write("etc/systemd/network/80-owner.network", "the owner's");
    let mark = "# Written by vigla-act; do not edit.\n";
    stage.write("etc/wpa_supplicant/wpa_supplicant-wlan7.conf", mark);
    stage.write(
        "etc/wpa_supplicant/wpa_supplicant-wlan8.conf",
        "the owner's",
    );
    let asked = stage.ask(Verb::Network, &NETWORK.replace("PSK", &"ab".repeat(32)));
    asked.unwrap();
    assert_eq!(
        stage.read("etc/systemd/network/10-vigla-wlan0.network"),
        format!(
            "{mark}[Match]\nName=wlan0\n\n[Network]\nDHCP=no\nMulticastDNS=yes\nLinkLocalAddressing=ipv6\nAddress=10.0.0.2/24\nAddress=fd00::2/64\nGateway=10.0.0.1\nDNS=1.1.1.1\n\n[DHCPv4]\nUseHostname=no\nClientIdentifier=mac\n"
        )
    );
    let wifi = "etc/wpa_supplicant/wpa_supplicant-wlan0.conf";
    let key = "ab".repeat(32);
    let expected =
        format!("{mark}country=GB\nnetwork={{\n\tssid=6d7920226e6574220a\n\tpsk={key}\n}}\n");
    assert_eq!(stage.read(wifi), expected);
    let mode = std::fs::metadata(stage.places.at(wifi))
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600, "the key is root's alone");
    assert!(!stage.exists("etc/systemd/network/10-vigla-eth7.network"));
    assert!(!stage.exists("etc/wpa_supplicant/wpa_supplicant-wlan7.conf"));
    assert!(stage.exists("etc/systemd/network/80-owner.network"));
    assert!(stage.exists("etc/wpa_supplicant/wpa_supplicant-wlan8.conf"));
    assert_eq!(
        stage.system.told,
        [
            "/usr/bin/networkctl reload",
            "/usr/bin/systemctl enable wpa_supplicant@wlan0.service",
            "/usr/bin/systemctl restart wpa_supplicant@wlan0.service",
        ]
    );
    let answer = stage.answer(Verb::Network).to_string();
    assert!(!answer.contains(&key), "{answer}");
}

#[test]
fn a_claim_is_overwritten_and_the_rest_of_the_file_stays() {
    let mut stage = Stage::new();
    let file = "boot/firmware/enrolment.toml";
    stage.write(file, "# mine\nclaim = \"s3cret\"\nserver = \"x\"\n");
    let request = r#"{"id": "1", "key": "claim"}"#;
    stage.ask(Verb::EraseClaim, request).unwrap();
    assert_eq!(stage.read(file), "# mine\nserver = \"x\"\n");
    let card = [
        "/usr/bin/mount -o remount,rw /boot/firmware",
        "/usr/bin/mount -o remount,ro /boot/firmware",
    ];
    assert_eq!(stage.system.told, card);
    let again = stage.ask(Verb::EraseClaim, request);
    assert!(matches!(again, Err(Error::Failed(_))), "{again:?}");
    assert_eq!(stage.answer(Verb::EraseClaim)["result"], "failed");
    // It is closed again also when there is nothing to erase.
    assert_eq!(stage.system.told[2..], card);
}

#[test]
fn a_link_in_the_place_of_the_claim_is_not_followed() {
    let mut stage = Stage::new();
    stage.write("etc/secret", "claim = \"s3cret\"\n");
    let link = stage.places.at("boot/firmware/enrolment.toml");
    std::os::unix::fs::symlink(stage.places.at("etc/secret"), link).unwrap();
    let asked = stage.ask(Verb::EraseClaim, r#"{"id": "1", "key": "claim"}"#);
    assert!(matches!(asked, Err(Error::Failed(_))), "{asked:?}");
    assert_eq!(stage.read("etc/secret"), "claim = \"s3cret\"\n");
}

#[test]
fn a_reset_is_ordered_before_the_restart() {
    let mut stage = Stage::new();
    stage
        .ask(Verb::Reset, r#"{"id": "1", "by": "page"}"#)
        .unwrap();
    assert_eq!(stage.read("data/reset/wanted"), "page");
    assert_eq!(stage.system.told, ["/usr/bin/systemctl --no-block reboot"]);
    stage.system.told.clear();
    stage.refuses(Verb::Reset, r#"{"id": "1"}"#);
    stage.refuses(Verb::Reset, r#"{"id": "1", "by": "card"}"#);
    // A machine that no image of ours started has nothing to forget, and is not restarted.
    std::fs::remove_dir_all(stage.places.at("data")).unwrap();
    let asked = stage.ask(Verb::Reset, r#"{"id": "1", "by": "viglactl"}"#);
    assert!(matches!(asked, Err(Error::Failed(_))), "{asked:?}");
    assert_eq!(stage.system.told, Vec::<String>::new());
}

#[test]
fn what_the_system_refuses_is_answered_as_failed() {
    let mut stage = Stage::new();
    stage.system.broken = true;
    let asked = stage.ask(Verb::Reboot, r#"{"id": "9", "reason": "x"}"#);
    assert!(matches!(asked, Err(Error::Failed(_))), "{asked:?}");
    let answer = stage.answer(Verb::Reboot);
    assert_eq!(
        (&answer["id"], &answer["result"]),
        (&"9".into(), &"failed".into())
    );
    let said = answer["detail"].as_str().unwrap();
    assert!(said.contains("systemctl --no-block reboot"), "{said}");
}
