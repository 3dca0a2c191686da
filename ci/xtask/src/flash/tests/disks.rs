//! What `lsblk` may say of a disk, and whether it is overwritten.

use crate::flash::disks::{Disk, parse};

fn disk(words: &str, children: &str) -> Disk {
    let text = format!(
        r#"{{"blockdevices": [{{"name": "sdb", "path": "/dev/sdb", "type": "disk", "size": 31914983424,
        "model": "Ultra", "tran": "usb", "ro": false, "rm": true, "hotplug": true, "mountpoints": [null],
        "fstype": null, "label": null, "partlabel": null, "log-sec": 512, "children": [{children}]}}]}}"#
    );
    let changed = words
        .split(';')
        .filter(|word| !word.is_empty())
        .fold(text, |text, word| {
            let (key, value) = word.split_once('=').unwrap();
            let start = text.find(&format!("\"{key}\": ")).unwrap() + key.len() + 4;
            let end = start + text[start..].find([',', '}']).unwrap();
            format!("{}{value}{}", &text[..start], &text[end..])
        });
    parse(&changed).unwrap().remove(0)
}

fn part(mount: &str, fstype: &str, children: &str) -> String {
    format!(
        r#"{{"name": "sdb1", "path": "/dev/sdb1", "type": "part", "size": 1000000000, "model": null,
        "tran": null, "ro": false, "rm": true, "hotplug": true, "mountpoints": [{mount}], "fstype": {fstype},
        "label": "HOLIDAY", "partlabel": null, "log-sec": 512, "children": [{children}]}}"#
    )
}

fn above(kind: &str, mount: &str) -> String {
    part(mount, "\"ext4\"", "")
        .replace("\"part\"", &format!("\"{kind}\""))
        .replace("sdb1", "vg-root")
}

#[test]
fn a_card_that_nobody_uses_is_written_and_shown() {
    let card = disk("", &part("null", "\"vfat\"", ""));
    assert_eq!(card.refusal(Some(1 << 30)), None);
    assert_eq!(card.about(), "Ultra (usb removable)");
    assert_eq!(card.content(), ["/dev/sdb1    1.0 GB  vfat, HOLIDAY"]);
    assert_eq!(disk("", "").content(), ["nothing that `lsblk` knows"]);
}

#[test]
fn everything_in_use_is_refused_with_its_reason() {
    let gone = "null";
    for (card, why) in [
        (disk("ro=true", ""), "read-only"),
        (disk("size=0", ""), "no card"),
        (disk("size=1000000", ""), "too small: 1 MB of the 1.0 GB"),
        (disk("log-sec=4096", ""), "4096 bytes"),
        (disk("type=\"part\"", ""), "no whole disk"),
        (disk("type=\"crypt\"", ""), "no whole disk"),
        (
            disk("mountpoints=[\"/media/me\"]", ""),
            "mounted at `/media/me`",
        ),
        (disk("", &part("\"/\"", gone, "")), "runs from it"),
        (
            disk("", &part("null, \"/boot/efi\"", gone, "")),
            "runs from it",
        ),
        (disk("", &part("\"[SWAP]\"", gone, "")), "swap"),
        (
            disk("", &part("\"/mnt\"", gone, "")),
            "`/dev/sdb1` is mounted",
        ),
        (
            disk("", &part(gone, gone, &above("lvm", "null"))),
            "(lvm) is made of it",
        ),
        (
            disk("", &part(gone, gone, &above("crypt", "\"/\""))),
            "runs from it",
        ),
        (
            disk("", &part(gone, gone, &above("raid1", "\"/srv\""))),
            "mounted",
        ),
        (disk("", &part(gone, "\"LVM2_member\"", "")), "larger"),
        (disk("fstype=\"zfs_member\"", ""), "larger"),
    ] {
        let refusal = card.refusal(Some(1_073_741_824)).unwrap_or_default();
        assert!(refusal.contains(why), "{why}: {refusal}");
    }
}

#[test]
fn what_lsblk_does_not_say_is_an_error() {
    for text in ["", "{}", "[]", r#"{"blockdevices": [{"name": "x"}]}"#] {
        assert!(parse(text).is_err(), "{text}");
    }
}
