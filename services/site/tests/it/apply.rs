//! What lies on a node after its starts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use argon2::{Argon2, PasswordVerifier};

use crate::stage::{Stage, WHOLE};

#[test]
fn everything_of_the_file_comes_to_its_place() {
    let mut stage = Stage::new();
    let findings = stage.boot_with(WHOLE);
    assert!(findings.found && findings.changed && findings.name == "yard");
    assert_eq!((findings.mistakes.len(), findings.troubles.len()), (0, 0));
    assert_eq!(stage.read("etc/hostname"), "yard\n");
    let zone = fs::read_link(stage.places.at("etc/localtime")).unwrap();
    assert_eq!(zone.to_str(), Some("../usr/share/zoneinfo/Europe/Berlin"));
    for (path, line) in [
        (
            "etc/systemd/timesyncd.conf.d/50-vigla.conf",
            "\nNTP=192.168.1.1 pool.ntp.org\n",
        ),
        (
            "etc/vigla/proxy.env",
            "\nHTTPS_PROXY=http://proxy.example.org:3128\n",
        ),
        ("etc/vigla/ssh/authorized_keys", "\nssh-ed25519 AAAA"),
        (
            "etc/systemd/network/10-vigla-eth0.network",
            "\nAddress=192.168.1.50/24\nGateway=192.168.1.1\n",
        ),
        ("etc/systemd/network/10-vigla-wlan0.network", "\nDHCP=yes\n"),
        (
            "etc/wpa_supplicant/wpa_supplicant-wlan0.conf",
            "\ncountry=DE\n",
        ),
        (
            "etc/wpa_supplicant/wpa_supplicant-wlan0.conf",
            "\n\tssid=79617264\n",
        ),
        (
            "etc/vigla/camera.credentials/front",
            "viewer:its password\n",
        ),
        (
            "etc/vigla/camera.d/50-site.toml",
            "\ncredentials = \"/etc/vigla/camera.credentials/front\"\n",
        ),
        ("etc/vigla/camera.d/50-site.toml", "\nrate = 15.0\n"),
        (
            "etc/vigla/metrics.d/50-site.toml",
            "\nbroker = \"192.168.1.10:1883\"\n",
        ),
        ("etc/vigla/secrets/mqtt.password", "its password\n"),
        (
            "etc/vigla/gateway.d/50-site.toml",
            "\nowner_file = \"/etc/vigla/gateway.owner\"\n",
        ),
    ] {
        let text = stage.read(path);
        assert!(text.contains(line), "{path}: {text}");
    }
    let told = [
        "/etc/vigla/camera.credentials/front 440 vigla-camera",
        "/etc/vigla/camera.d/50-site.toml 440 vigla-camera",
        "/etc/vigla/secrets/mqtt.password 440 vigla-metrics",
        "/etc/vigla/metrics.d/50-site.toml 440 vigla-metrics",
        "/etc/vigla/gateway.owner 440 vigla-gateway",
        "/etc/vigla/gateway.d/50-site.toml 440 vigla-gateway",
        "host name yard",
        "/usr/bin/systemctl --no-block start wpa_supplicant@wlan0.service",
    ];
    // The name of its own comes first, until the file is read.
    assert!(stage.machine.told[0].starts_with("host name vigla-"));
    assert_eq!(stage.machine.told[1..], told);
}

#[test]
fn secrets_are_for_their_reader_alone_and_the_passphrase_is_kept_nowhere() {
    let mut stage = Stage::new();
    stage.boot_with(WHOLE);
    for (path, mode) in [
        ("etc/wpa_supplicant/wpa_supplicant-wlan0.conf", 0o600),
        ("etc/vigla/proxy.env", 0o600),
        ("etc/vigla/gateway.owner", 0o440),
        ("var/lib/vigla/site/applied.json", 0o600),
    ] {
        let meta = fs::metadata(stage.places.at(path)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{path}");
    }
    let passwords = ["correct horse battery", "at least ten characters"];
    for (path, text) in stage.tree() {
        let kept = passwords.iter().any(|password| text.contains(password));
        assert!(!kept || path == "boot/firmware/vigla.toml", "{path}");
    }
    assert!(!stage.read("run/vigla/site.json").contains("password"));
    let hash = stage.read("etc/vigla/gateway.owner");
    let verifier: &dyn PasswordVerifier<str> = &Argon2::default();
    let right = verifier.verify_password(b"at least ten characters", hash.trim());
    assert!(
        right.is_ok() && hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{hash}"
    );
}

#[test]
fn an_unchanged_file_leaves_what_the_owner_changed_on_the_node() {
    let mut stage = Stage::new();
    stage.boot_with(WHOLE);
    stage.write("etc/hostname", b"shed\n");
    stage.write("etc/vigla/ssh/authorized_keys", b"another key\n");
    fs::remove_file(stage.places.at("etc/vigla/metrics.d/50-site.toml")).unwrap();
    let before = stage.tree();
    stage.machine.told.clear();
    let findings = stage.boot();
    assert!(findings.found && !findings.changed && findings.name == "shed");
    assert_eq!(stage.tree(), before);
    assert_eq!(stage.machine.told, Vec::<String>::new());
}

#[test]
fn a_node_without_a_file_only_gets_a_name_of_its_own() {
    let mut stage = Stage::new();
    let findings = stage.boot();
    assert!(!findings.found && findings.name.starts_with("vigla-") && findings.name.len() == 10);
    let tree: Vec<_> = stage.tree().into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        tree,
        ["boot/firmware/kernel", "etc/hostname", "etc/machine-id"]
    );
    let again = stage.boot();
    assert_eq!(again.name, findings.name);
}

#[test]
fn what_is_taken_out_of_the_file_goes_away_unless_somebody_changed_it() {
    let mut stage = Stage::new();
    stage.boot_with(WHOLE);
    stage.write("etc/vigla/camera.d/50-site.toml", b"auto = 'always'\n");
    stage.boot_with("name = 'yard'\n");
    for gone in [
        "etc/localtime",
        "etc/vigla/proxy.env",
        "etc/vigla/ssh/authorized_keys",
        "etc/wpa_supplicant/wpa_supplicant-wlan0.conf",
        "etc/systemd/system/multi-user.target.wants/wpa_supplicant@wlan0.service",
        "etc/systemd/network/10-vigla-eth0.network",
        "etc/vigla/secrets/mqtt.password",
        "etc/vigla/gateway.owner",
    ] {
        assert!(!stage.exists(gone), "{gone}");
    }
    assert!(stage.exists("etc/vigla/camera.d/50-site.toml"));
    assert_eq!(stage.read("etc/hostname"), "yard\n");
}

#[test]
fn what_could_not_be_done_is_tried_again_at_the_next_start() {
    let mut stage = Stage::new();
    stage.machine.strangers = true;
    let findings = stage.boot_with(WHOLE);
    assert!(
        findings.troubles[0].contains("vigla-camera"),
        "{:?}",
        findings.troubles
    );
    assert!(
        stage.exists("etc/vigla/ssh/authorized_keys"),
        "the rest is done"
    );
    stage.machine.strangers = false;
    let findings = stage.boot();
    assert!(findings.changed && findings.troubles.is_empty());
    assert!(!stage.boot().changed);
}

/// Every state that a power cut can leave: the files up to one, and the record of before.
#[test]
fn a_power_cut_at_any_write_ends_in_the_same_node() {
    let mut whole = Stage::new();
    whole.boot_with(WHOLE);
    let salted = "etc/vigla/gateway.owner";
    let wanted: Vec<_> = whole.tree();
    let files: Vec<_> = wanted.iter().map(|(path, _)| path.clone()).collect();
    for cut in &files {
        if cut.starts_with("boot/") || cut == "etc/machine-id" {
            continue;
        }
        let mut stage = Stage::new();
        stage.boot_with(WHOLE);
        // This one did not come, nor did the record, which is the last; half of one lies beside.
        fs::remove_file(stage.places.at(cut)).unwrap();
        let _ = fs::remove_file(stage.places.at("var/lib/vigla/site/applied.json"));
        stage.write(&format!("{cut}.new"), b"hal");
        assert!(stage.boot().troubles.is_empty());
        for (path, text) in &wanted {
            if path == "var/lib/vigla/site/applied.json" {
                assert!(stage.exists(path));
            } else if path == "etc/localtime" || path.contains(".wants/") {
                let link = fs::read_link(stage.places.at(path)).unwrap();
                assert_eq!(link.to_str(), Some(text.as_str()), "cut at {cut}");
            } else if path != salted {
                assert_eq!(&stage.read(path), text, "cut at {cut}");
            }
        }
    }
}

#[test]
fn a_file_with_the_hidden_ending_of_windows_is_read_and_named() {
    let mut stage = Stage::new();
    stage.write("boot/firmware/vigla.toml.txt", b"name = 'yard'\n");
    let findings = stage.boot();
    assert_eq!(findings.name, "yard");
    assert!(findings.mistakes[0].fix.contains("rename"), "{findings:?}");
}

#[test]
fn a_static_address_goes_to_wifi_when_there_is_wifi() {
    let mut stage = Stage::new();
    stage.boot_with(
        "[wifi]\ncountry = 'DE'\n[[wifi.network]]\nssid = 'a'\npassphrase = '12345678'\n[network]\naddress = '10.0.0.2/8'\n",
    );
    let link = stage.read("etc/systemd/network/10-vigla-wlan0.network");
    assert!(
        link.contains("DHCP=no\n") && link.contains("Address=10.0.0.2/8\n"),
        "{link}"
    );
    assert!(!stage.exists("etc/systemd/network/10-vigla-eth0.network"));
}
