//! Each mistake that an owner may make: its line, what is said, and that the rest is taken.

use vigla_site::{Site, Zones, read};

fn reading(text: &str) -> (Site, Vec<vigla_site::Mistake>) {
    read(text.as_bytes(), &Zones::system())
}

/// The file, the line of its only mistake, a word of what is said, a word of the next step.
const WRONGS: &[(&str, usize, &str, &str)] = &[
    ("nam = 'a'", 1, "unknown key `nam`", "`name`"),
    (
        "\ncolour = 'red'",
        2,
        "unknown key `colour`",
        "there are `name`",
    ),
    ("Time-Zone = 'UTC'", 1, "unknown key", "`time_zone`"),
    (
        "name = 'Front Yard'",
        1,
        "`Front Yard`",
        "`name = \"front-yard\"`",
    ),
    ("name = 'localhost'", 1, "`localhost`", "small letters"),
    ("name = 7", 1, "no text", "quotes"),
    ("name = 'a'\nname = 'b'", 2, "duplicate key", "remove one"),
    (
        "time_zone = '../../etc/passwd'",
        1,
        "no time zone",
        "Europe/Berlin",
    ),
    ("ntp = ['good', 'a b']", 1, "`a b`", "pool.ntp.org"),
    ("ntp = 5", 1, "no text", "quotes"),
    ("proxy = 'proxy:3128'", 1, "proxy", "http://"),
    ("proxy = 'socks5://user:SECRET@x'", 1, "proxy", "http://"),
    ("ssh_keys = ['ssh-ed25519 AAAA']", 1, "cut off", ".pub"),
    (
        "ssh_keys = ['-----BEGIN RSA PRIVATE KEY-----']",
        1,
        "private",
        "new pair",
    ),
    ("ssh_keys = ['hello']", 1, "`hello`", ".pub"),
    ("wifi = 1", 1, "no table", "[wifi]"),
    (
        "[wifi]\ncountry = 'DE'",
        1,
        "no network",
        "[[wifi.network]]",
    ),
    (
        "[wifi]\n[[wifi.network]]\nssid='a'\npassphrase='12345678'",
        1,
        "no `country`",
        "country =",
    ),
    (
        "[wifi]\ncountry='UK'\n[[wifi.network]]\nssid='a'\npassphrase='12345678'",
        2,
        "`UK`",
        "GB",
    ),
    (
        "[wifi]\ncountry='de'\n[[wifi.network]]\nssid='a'\npassphrase='12345678'",
        2,
        "`de`",
        "\"DE\"",
    ),
    (
        "[wifi]\ncountry='XX'\n[[wifi.network]]\nssid='a'\npassphrase='12345678'",
        2,
        "`XX`",
        "two capital",
    ),
    (
        "[network]\naddress = '192.168.1.50'",
        2,
        "`192.168.1.50`",
        "/24",
    ),
    (
        "[network]\naddress = '192.168.1.0/24'",
        2,
        "single node",
        "free",
    ),
    (
        "[network]\naddress = '192.168.1.50/24'\ngateway = '192.168.2.1'",
        3,
        "outside",
        "router",
    ),
    (
        "[network]\naddress = '192.168.1.50/24'\ngateway = '192.168.1.50'",
        3,
        "same",
        "router",
    ),
    (
        "[network]\ngateway = '192.168.1.1'",
        2,
        "without `address`",
        "add `address`",
    ),
    (
        "[network]\naddress = '192.168.1.50/24'\ngateway = 'router'",
        3,
        "`router`",
        "192.168.1.1",
    ),
    ("[network]\ndns = ['1.1.1.1', 'x']", 2, "`x`", "dns ="),
    ("[network]\ninterface = 'eth0/../x'", 2, "interface", "eth0"),
    (
        "[camera.Front]\nsource = 'synthetic'",
        1,
        "`Front`",
        "label",
    ),
    ("[camera.a]\nlabel = 'x'", 1, "no `source`", "source ="),
    (
        "[camera.a]\nsource = 'video0'",
        2,
        "no camera",
        "/dev/video0",
    ),
    (
        "[camera.a]\nsource = 'http://x/y'",
        2,
        "network camera",
        "rtsp://",
    ),
    (
        "[camera.a]\nsource = 'rtsp://u:SECRET@h/x'",
        2,
        "holds user and password",
        "password =",
    ),
    (
        "[camera.a]\nsource = 'synthetic'\nsize = '1280x721'",
        3,
        "`1280x721`",
        "even",
    ),
    (
        "[camera.a]\nsource = 'synthetic'\nrate = 0",
        3,
        "out of range",
        "240",
    ),
    (
        "[camera.a]\nsource = 'synthetic'\nrate = '15'",
        3,
        "no number",
        "without quotes",
    ),
    (
        "[camera.a]\nsource = 'rtsp://h/x'\nuser = 'u'",
        3,
        "belong together",
        "other",
    ),
    (
        "[camera.a]\nsource = '/dev/video0'\nuser = 'u'\npassword='SECRET'",
        3,
        "network camera",
        "remove",
    ),
    (
        "[camera.a]\nsource = 'synthetic'\nsorce = 'x'",
        3,
        "unknown key `sorce`",
        "`source`",
    ),
    ("camera = 'x'", 1, "no table", "[camera.front]"),
    ("[mqtt]\nbroker = 'http://x'", 2, "broker", "mqtt://"),
    (
        "[mqtt]\nbroker = 'mqtt://u:SECRET@x'",
        2,
        "broker",
        "mqtt://",
    ),
    ("[mqtt]\nuser = 'x'", 1, "no `broker`", "broker ="),
    (
        "[mqtt]\nbroker = 'mqtt://x'\npassword = 'SECRET'",
        3,
        "without `user`",
        "user =",
    ),
    (
        "[login]\nopen = 'yes'",
        2,
        "true nor false",
        "without quotes",
    ),
    (
        "[login]\npassword = 'SECRET'",
        2,
        "10 characters",
        "another",
    ),
    (
        "[login]\npassword = 'aaaaaaaaaaaaaaaa'",
        2,
        "too few",
        "another",
    ),
    (
        "name = \u{201c}yard\u{201d}",
        1,
        "cannot be read",
        "straight quotes",
    ),
    ("just words", 1, "cannot be read", "key = "),
];

#[test]
fn each_mistake_is_said_with_its_line_and_the_next_step() {
    for (text, line, what, fix) in WRONGS {
        let (_, mistakes) = reading(text);
        let [mistake] = mistakes.as_slice() else {
            panic!("{text}: {mistakes:?}");
        };
        assert_eq!(mistake.line, *line, "{text}: {mistake}");
        assert!(mistake.what.contains(what), "{text}: {mistake}");
        assert!(mistake.fix.contains(fix), "{text}: {mistake}");
        assert!(!mistake.to_string().contains("SECRET"), "{text}: {mistake}");
    }
}

#[test]
fn a_passphrase_is_as_long_as_wifi_wants_and_is_not_repeated() {
    for (passphrase, good) in [
        ("SECRET1".to_owned(), false),
        ("SECRET12".to_owned(), true),
        ("S".repeat(63), true),
        ("S".repeat(64), false),
        ("ab".repeat(32), true),
        ("SECRETSECRET\u{e4}".to_owned(), false),
    ] {
        let text = format!(
            "[wifi]\ncountry = 'DE'\n[[wifi.network]]\nssid = 'yard'\npassphrase = '{passphrase}'"
        );
        let (site, mistakes) = reading(&text);
        assert_eq!(site.wifi.is_some(), good, "{passphrase}");
        assert_eq!(mistakes.is_empty(), good, "{passphrase}");
        assert!(!format!("{site:?}{mistakes:?}").contains(&passphrase));
    }
}

#[test]
fn what_is_valid_is_taken_beside_what_is_not() {
    let text = "nam = 'x'\nname = 'yard'\ntime_zone = 'Mars/Olympus'\nntp = ['a b', 'good']\n\
        [wifi]\ncountry = 'xx'\n[[wifi.network]]\nssid = 'one'\npassphrase = 'short'\n\
        [[wifi.network]]\nssid = 'two'\npassphrase = 'long enough'\n\
        [camera.a]\nsource = 'nowhere'\n[camera.b]\nsource = 'synthetic'\nsize = 'big'\n[mqtt\nbroker = 'mqtt://x'\n";
    let (site, mistakes) = reading(text);
    assert_eq!(site.name.unwrap().text(), "yard");
    assert_eq!(site.ntp, ["good"]);
    assert_eq!(site.wifi.unwrap().networks.len(), 1);
    assert!(site.cameras.contains_key("b") && !site.cameras.contains_key("a"));
    assert_eq!(site.cameras["b"].size, None);
    let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert!(
        [1, 4, 6, 9, 14, 17, 18]
            .iter()
            .all(|line| lines.contains(line)),
        "{mistakes:?}"
    );
    assert!(lines.is_sorted());
}

#[test]
fn a_file_of_windows_is_read_as_it_is_meant() {
    let (site, mistakes) =
        reading("\u{feff}name = \"yard\"\r\n\r\n[mqtt]\r\nbroker = \"mqtt://x\"\r\nx = 1\r\n");
    assert!(site.name.is_some() && site.mqtt.is_some());
    assert_eq!(mistakes[0].line, 5);
}

#[test]
fn a_damaged_line_is_named_and_the_others_are_read() {
    let bytes = b"name = \"yard\"\n# T\xfcr\ntime_zone = \"UTC\"\n[camera.a]\nsource = \"synthetic\"\nlabel = \"T\xfcr\"\n";
    let (site, mistakes) = read(bytes, &Zones::system());
    assert!(site.name.is_some() && site.time_zone.is_some());
    assert_eq!(site.cameras["a"].label, None);
    let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [2, 6], "{mistakes:?}");
    let (_, mistakes) = read(b"name = \"a\0b\"", &Zones::system());
    assert!(mistakes[0].fix.contains("damaged"), "{mistakes:?}");
}
