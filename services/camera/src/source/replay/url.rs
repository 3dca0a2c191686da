//! Addresses of network cameras, and keeping their credentials out of sight.
//!
//! An address comes from the configuration without credentials; user and password come from a
//! file of their own. The two meet only in [`Address::with_credentials`], whose result goes to the child's
//! standard input: never to a command line, a log or a property. Some cameras want the password in the
//! address itself, as a query or in the path: what could hold one is left out wherever an address is
//! shown, by [`vigla_bus::address`].

use std::fmt;

use vigla_bus::address::{conceal, is_host, shown};

/// An `rtsp://` or `rtsps://` address without credentials before its host. Shown by [`conceal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    rest: String,
}

impl Address {
    /// Parses an address; one with credentials is refused, since it would be shown to everybody.
    pub fn parse(text: &str) -> Result<Self, String> {
        let unlike = || "is not an address like `rtsp://192.168.1.20/stream`".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(unlike)?;
        if !scheme.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(unlike());
        }
        if !matches!(scheme, "rtsp" | "rtsps") {
            return Err(format!(
                "starts with `{scheme}://`, valid are `rtsp://` and `rtsps://`"
            ));
        }
        if rest.ends_with("?...") {
            return Err(
                "was copied from where its query is hidden: write the whole query".to_owned(),
            );
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains('@') {
            return Err(
                "holds credentials: put `user:password` into a file only the daemon can \
                 read, and name it as `credentials`"
                    .to_owned(),
            );
        }
        let plain = rest
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '\'' | '\\'));
        if host.is_empty() || !is_host(host) || !plain {
            return Err(unlike());
        }
        Ok(Self {
            scheme: scheme.to_owned(),
            rest: rest.to_owned(),
        })
    }

    /// The address as the child needs it.
    pub fn with_credentials(&self, credentials: Option<&Credentials>) -> String {
        let Self { scheme, rest } = self;
        match credentials {
            None => format!("{scheme}://{rest}"),
            Some(Credentials { user, password }) => {
                format!("{scheme}://{}:{}@{rest}", escape(user), escape(password))
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, conceal(&self.rest))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// User and password of a network camera.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Parses the first line of a credentials file, `user:password`.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.lines().next()?.trim_end().split_once(':')?;
        (!user.is_empty()).then(|| Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Takes user and password out of what a child said, in every form in which it knew them, and out of
    /// every address what is not shown.
    pub fn redact(&self, text: &str) -> String {
        let (user, password) = (escape(&self.user), escape(&self.password));
        let mut text = text.replace(&format!("{user}:{password}@"), "");
        for secret in [&password, &self.password] {
            if !secret.is_empty() {
                text = text.replace(secret.as_str(), "***");
            }
        }
        shown(&text)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// Percent-escapes everything that could mean something in an address or in a script of ffmpeg.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let hex = |half: u8| char::from(b"0123456789ABCDEF"[usize::from(half)]);
            out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_addresses_and_refuses_what_would_leak_or_inject() {
        for good in [
            "rtsp://10.0.0.7/live",
            "rtsps://cam.local:322/a?b=c@d",
            "rtsp://[fe80::1]:554/live",
            "rtsp://h/live?usr=admin&pwd=PWDSECRET1",
        ] {
            let address = Address::parse(good).unwrap();
            assert_eq!(address.with_credentials(None), good);
        }
        for (bad, why) in [
            ("rtsp://me:pw@cam/x", "credentials"),
            ("http://cam/x", "valid are `rtsp://`"),
            ("cam/x", "address like"),
            ("rtsp://cam/x'\nfile '/etc/passwd", "address like"),
            ("rtsp:///x", "address like"),
            ("rtsp://me:p/w@cam/x", "address like"),
            ("rtsp://me:p?w@cam/x", "address like"),
            ("me:pw@rtsp://cam/x", "address like"),
            ("rtsp://h/live?...", "its query is hidden"),
        ] {
            let error = Address::parse(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
            assert!(!error.contains("pw@"), "{bad}: {error}");
        }
    }

    #[test]
    fn an_address_is_shown_without_what_could_be_a_secret() {
        for (address, clean) in [
            ("rtsp://10.0.0.7/live", "rtsp://10.0.0.7/live"),
            ("rtsp://h/live?usr=admin&pwd=SECRET", "rtsp://h/live?..."),
            ("rtsp://h/admin:SECRET/ch1", "rtsp://h/.../ch1"),
        ] {
            let parsed = Address::parse(address).unwrap();
            assert_eq!(parsed.to_string(), clean);
            assert_eq!(format!("{parsed:?}"), format!("Address({clean})"));
        }
    }

    #[test]
    fn credentials_are_escaped_redacted_and_never_printed() {
        let secret = Credentials::parse("admin:p@ss'word:1\n").unwrap();
        let full = Address::parse("rtsp://cam/x")
            .unwrap()
            .with_credentials(Some(&secret));
        assert_eq!(full, "rtsp://admin:p%40ss%27word%3A1@cam/x");
        assert_eq!(
            secret.redact(&format!("open {full}: no")),
            "open rtsp://cam/x: no"
        );
        assert_eq!(secret.redact("401 for p@ss'word:1"), "401 for ***");
        assert!(!format!("{secret:?}").contains("admin"));
        assert!(Credentials::parse("nothing").is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_credentials_can_leave_the_address(user in ".+", password: String) {
            let secret = Credentials { user, password };
            let full = Address::parse("rtsp://cam/x").unwrap().with_credentials(Some(&secret));
            proptest::prop_assert!(full.is_ascii() && !full.contains(['\'', '\n', '\\', ' ']));
            proptest::prop_assert_eq!(full.matches('@').count(), 1);
        }
    }

    #[test]
    fn any_damage_to_an_address_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "address", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            shown(&text);
            let credentials = Credentials::parse(&text);
            if let Some(credentials) = &credentials {
                credentials.redact(&text);
            }
            if let Ok(address) = Address::parse(&text) {
                let shown = address.to_string();
                assert!(shown.is_ascii() && !shown.contains(char::is_whitespace));
                address.with_credentials(credentials.as_ref());
            }
        });
    }
}
