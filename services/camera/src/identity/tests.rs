use super::*;

fn camera(node: &str, bus: u8, port: &str, serial: &str) -> Found {
    let device = format!("{bus}-{port}");
    let attributes = Attributes {
        node: format!("/dev/{node}").into(),
        card: "Webcam".into(),
        device_path: format!("/devices/pci0000:00/0000:00:14.0/usb{bus}/{device}/{device}:1.0"),
        serial: serial.into(),
        vendor: "046d".into(),
        product: "0825".into(),
        index: 0,
    };
    Found {
        identity: Identity::of(&attributes),
        node: attributes.node,
        card: attributes.card,
    }
}

fn usb(text: &str) -> Match {
    Match::Usb(text.to_owned())
}

fn ids(found: &[Found]) -> Vec<String> {
    recognise(&[], &[], found, true)
        .into_iter()
        .flatten()
        .collect()
}

fn known(found: &[Found]) -> Vec<(String, Identity)> {
    ids(found)
        .into_iter()
        .zip(found.iter().map(|f| f.identity.clone()))
        .collect()
}

#[test]
fn reads_port_and_controller_out_of_a_path() {
    let identity = camera("video0", 1, "1.2", "ABCD1234").identity;
    assert_eq!(identity.path, "0000:00:14.0/1.2:1.0");
    assert_eq!(identity.location(), "usb:1.2, 046d:0825, serial ABCD1234");
    assert!(identity.id().starts_with("usb-1-2-"), "{}", identity.id());
    let built_in = Attributes {
        device_path: "/devices/platform/fe801000.csi".into(),
        ..Attributes::default()
    };
    let identity = Identity::of(&built_in);
    assert_eq!(identity.location(), "devices/platform/fe801000.csi");
    assert!(identity.id().starts_with("camera-"));
}

#[test]
fn two_equal_cameras_stay_apart_whatever_the_order() {
    for serial in ["", "SN0001"] {
        let (left, right) = (
            camera("video0", 1, "1", serial),
            camera("video2", 1, "2", serial),
        );
        let both = ids(&[left.clone(), right.clone()]);
        assert_ne!(both[0], both[1]);
        assert_eq!(ids(&[right, left]), [both[1].clone(), both[0].clone()]);
    }
}

#[test]
fn a_replugged_camera_keeps_its_id_on_any_bus_number_and_node() {
    let before = known(&[camera("video0", 1, "1.2", "")]);
    let again = camera("video4", 3, "1.2", "");
    assert_eq!(
        recognise(&[], &before, &[again], true),
        [Some(before[0].0.clone())]
    );
}

#[test]
fn a_camera_that_moved_is_recognised_by_its_serial_unless_in_doubt() {
    let before = known(&[camera("video0", 1, "1", "ABCD1234")]);
    let moved = camera("video0", 1, "3", "ABCD1234");
    let (id, twin) = (before[0].0.clone(), camera("video2", 1, "4", "ABCD1234"));
    assert_eq!(
        recognise(&[], &before, std::slice::from_ref(&moved), true),
        [Some(id.clone())]
    );
    let doubtful = recognise(&[], &before, &[moved, twin], true);
    assert!(!doubtful.contains(&Some(id)));
    // A serial that all have tells nothing.
    let before = known(&[camera("video0", 1, "1", "00000000")]);
    let other = camera("video0", 1, "3", "00000000");
    assert_ne!(
        recognise(&[], &before, &[other], true),
        [Some(before[0].0.clone())]
    );
}

#[test]
fn a_name_means_serial_port_model_or_node() {
    let found = camera("video7", 1, "1.4", "ABCD1234");
    for wanted in ["ABCD1234", "1.4", "046d:0825"] {
        let named = [("front".to_owned(), usb(wanted))];
        assert_eq!(
            recognise(&named, &[], std::slice::from_ref(&found), false),
            [Some("front".into())]
        );
    }
    let named = [("front".to_owned(), Match::Node("/dev/video7".into()))];
    assert_eq!(
        recognise(&named, &[], std::slice::from_ref(&found), false),
        [Some("front".into())]
    );
    let named = [("front".to_owned(), usb("1.3"))];
    assert_eq!(recognise(&named, &[], &[found], false), [None]);
}

#[test]
fn a_name_for_a_model_stays_with_the_camera_that_had_it() {
    let (first, second) = (camera("video0", 1, "1", ""), camera("video2", 1, "2", ""));
    let named = [("front".to_owned(), usb("046d:0825"))];
    let known = [("front".to_owned(), second.identity.clone())];
    assert_eq!(
        recognise(&named, &known, &[first, second], false),
        [None, Some("front".into())]
    );
}

proptest::proptest! {
    #[test]
    fn ids_are_always_distinct(ports in proptest::collection::vec("[0-9.]{0,4}", 0..8), serials: bool) {
        let found: Vec<_> = ports
            .iter()
            .enumerate()
            .map(|(i, port)| camera(&format!("video{i}"), 1, &format!("{i}.{port}"), if serials { "SN0001" } else { "" }))
            .collect();
        let mut all = ids(&found);
        proptest::prop_assert_eq!(all.len(), found.len());
        all.sort();
        all.dedup();
        proptest::prop_assert_eq!(all.len(), found.len());
    }

    #[test]
    fn any_path_has_an_id_that_is_a_name(path: String, serial: String) {
        let attributes = Attributes { device_path: path, serial, ..Attributes::default() };
        let id = Identity::of(&attributes).id();
        proptest::prop_assert!(crate::config::Name::try_from(id).is_ok());
    }
}
