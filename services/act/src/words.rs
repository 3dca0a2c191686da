//! The values of requests, and of what `vigla-site` writes: each type holds only what is harmless where it will be written.
//!
//! None of them can hold a line break, a quote, a slash or a NUL, so that whatever is made of them (a
//! line of a settings file, a file name) has the shape that we gave it.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use serde::Deserialize;

/// Makes a type of text that a function has looked at.
macro_rules! word {
    ($(#[$about:meta])* $name:ident, $expected:literal, $fits:expr) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn text(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, &'static str> {
                let fits: fn(&str) -> bool = $fits;
                if fits(&text) { Ok(Self(text)) } else { Err($expected) }
            }
        }
    };
}

word! {
    /// The number of a request, chosen by whoever asks.
    Id, "an id has 1 to 64 letters, digits and hyphens", |text| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }
}

word! {
    /// Why, for the journal.
    Reason, "a reason has 1 to 80 letters, digits, spaces, hyphens and points", |text| {
        (1..=80).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" -.".contains(&b))
    }
}

word! {
    /// One label of RFC 1123, in lower case. Not `localhost`, which is another machine everywhere.
    HostName, "a host name has 1 to 63 small letters, digits and hyphens, none at its ends, and is not `localhost`", |text| {
        (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-') && !text.ends_with('-')
            && text != "localhost"
    }
}

word! {
    /// The name of a network interface.
    Interface, "an interface has 1 to 15 letters and digits, and is not `lo`", |text| {
        (1..=15).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric())
            && text != "lo"
    }
}

word! {
    /// Two capital letters of ISO 3166.
    Country, "a country has two capital letters", |text| {
        text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
    }
}

word! {
    /// A key of `enrolment.toml`.
    Key, "a key has 1 to 32 small letters, digits and underscores", |text| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }
}

/// The key of a Wi-Fi network as 64 hexadecimal digits: what PBKDF2 makes of passphrase and name.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Psk(String);

impl Psk {
    /// The digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Psk {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text))
        } else {
            Err("a key of a network has 64 hexadecimal digits")
        }
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk(..)")
    }
}

/// The name of a Wi-Fi network: any bytes, since it is only ever written in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Ssid(String);

impl Ssid {
    /// Its bytes as they are.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Its bytes as hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut hex = String::new();
        for byte in self.0.bytes() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

impl TryFrom<String> for Ssid {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        if (1..=32).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err("the name of a network has 1 to 32 bytes")
        }
    }
}

/// An address with the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Subnet {
    address: IpAddr,
    prefix: u8,
}

impl Subnet {
    /// The address, without its prefix.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether `other` can be reached from here without a gateway.
    #[must_use]
    pub fn holds(&self, other: IpAddr) -> bool {
        let (bits, ours, theirs) = match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => (
                32,
                u128::from(u32::from(ours)),
                u128::from(u32::from(theirs)),
            ),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (128, u128::from(ours), u128::from(theirs)),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        let host = bits - u32::from(self.prefix);
        // A prefix is 1 at least, so that nothing is shifted by all its bits.
        (ours >> host) == (theirs >> host)
    }
}

impl TryFrom<String> for Subnet {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let parse = || {
            let (address, prefix) = text.split_once('/')?;
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let plain = prefix.bytes().all(|b| b.is_ascii_digit());
            let prefix: u8 = prefix.parse().ok()?;
            (plain && (1..=most).contains(&prefix)).then_some(Self { address, prefix })
        };
        parse().ok_or("an address is written with its prefix, like `192.168.1.5/24`")
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host(text: &str) -> bool {
        HostName::try_from(text.to_owned()).is_ok()
    }

    #[test]
    fn a_host_name_is_one_label() {
        let long = "a".repeat(63);
        for good in ["vigla", "node-1", "1", long.as_str()] {
            assert!(host(good), "{good}");
        }
        let longer = "a".repeat(64);
        for bad in [
            "",
            "-a",
            "a-",
            "a.b",
            "../etc",
            "a/b",
            "a\0",
            "a\nb",
            "A",
            "ä",
            "localhost",
            " a",
            longer.as_str(),
        ] {
            assert!(!host(bad), "{bad:?}");
        }
    }

    #[test]
    fn an_address_has_its_prefix() {
        let subnet = |text: &str| Subnet::try_from(text.to_owned()).map(|s| s.to_string());
        assert_eq!(subnet("10.0.0.2/8").as_deref(), Ok("10.0.0.2/8"));
        assert_eq!(subnet("FE80::1/64").as_deref(), Ok("fe80::1/64"));
        for bad in [
            "10.0.0.2",
            "10.0.0.2/0",
            "10.0.0.2/33",
            "10.0.0.2/+8",
            "x/8",
            "10.0.0.2/8\nDNS=1.1.1.1",
        ] {
            assert!(subnet(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subnet_holds_its_neighbours() {
        for (subnet, other, held) in [
            ("10.0.0.2/24", "10.0.0.1", true),
            ("10.0.0.2/24", "10.0.1.1", false),
            ("10.0.0.2/32", "10.0.0.1", false),
            ("128.0.0.1/1", "255.0.0.1", true),
            ("fd00::2/64", "fd00::1", true),
            ("fd00::2/64", "fd01::1", false),
            ("10.0.0.2/24", "fd00::1", false),
        ] {
            let net = Subnet::try_from(subnet.to_owned()).unwrap();
            assert_eq!(net.holds(other.parse().unwrap()), held, "{subnet} {other}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let psk = Psk::try_from("a1".repeat(32)).unwrap();
        assert!(!format!("{psk:?}").contains("a1"));
    }

    proptest! {
        #[test]
        fn nothing_that_passes_can_end_a_line_or_leave_a_folder(text in ".{0,70}") {
            let passed = [
                HostName::try_from(text.clone()).map(|w| w.text().to_owned()),
                Interface::try_from(text.clone()).map(|w| w.text().to_owned()),
                Key::try_from(text.clone()).map(|w| w.text().to_owned()),
                Reason::try_from(text.clone()).map(|w| w.text().to_owned()),
                Ssid::try_from(text.clone()).map(|w| w.hex()),
                Subnet::try_from(text.clone()).map(|w| w.to_string()),
            ];
            for word in passed.into_iter().flatten() {
                prop_assert!(!word.is_empty() && !word.contains(['\n', '\r', '\0', '"', '\'', '[', '=']));
            }
        }
    }
}
