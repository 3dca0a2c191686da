//! The address of a network camera as a person types it: `rtsp://user:password@host:port/path`.

/// What is shown to those who typed something else.
const EXAMPLE: &str =
    "an address is like rtsp://192.168.1.20/stream or rtsp://user:password@192.168.1.20:554/stream";

/// The address without credentials, and those as `user:password`: the services refuse them in
/// an address, where a page or a log would show it.
pub(super) fn split(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let host = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..host].rsplit_once('@') {
        None => (url.to_owned(), None),
        Some((who, _)) => {
            let address = format!("{scheme}://{}", &rest[who.len() + 1..]);
            let (user, password) = who.split_once(':').unwrap_or((who, ""));
            (
                address,
                Some(format!("{}:{}", plain(user), plain(password))),
            )
        }
    }
}

/// What is wrong with the address, with an example of a right one; never shows a password.
pub(super) fn complaint(url: &str) -> Option<String> {
    let (address, _) = split(url);
    let rest = ["rtsp://", "rtsps://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme));
    let Some(rest) = rest else {
        return Some(format!(
            "`{address}` does not start with rtsp://; {EXAMPLE}"
        ));
    };
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    // The colons of an IPv6 address stand in brackets.
    let after = place.rfind(']').unwrap_or(0);
    let (host, port) = match place[after..].find(':') {
        Some(colon) => (&place[..after + colon], Some(&place[after + colon + 1..])),
        None => (place, None),
    };
    if host.is_empty() {
        return Some(format!("`{address}` names no host; {EXAMPLE}"));
    }
    if port.is_some_and(|port| !matches!(port.parse::<u16>(), Ok(1..))) {
        return Some(format!(
            "`{address}` has no good port after the host; {EXAMPLE}"
        ));
    }
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '\'' | '\\');
    let odd = rest.chars().find(|c| !allowed(*c))?;
    Some(format!(
        "`{address}` holds {odd:?}, which is written as %XX in an address; {EXAMPLE}"
    ))
}

/// Undoes `%40` and the like, as far as they are.
fn plain(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.and_then(|two| u8::from_str_radix(two, 16).ok());
        let (byte, used) = match byte {
            Some(byte) if *first == b'%' => (byte, 2),
            _ => (*first, 0),
        };
        out.push(byte);
        rest = &after[used..];
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_address() {
        for (url, address, credentials) in [
            ("rtsp://h/1", "rtsp://h/1", None),
            ("rtsp://u:p@h:554/1?a@b", "rtsp://h:554/1?a@b", Some("u:p")),
            ("rtsp://u:p%40%zz@h/1", "rtsp://h/1", Some("u:p@%zz")),
            ("rtsp://u@h/1", "rtsp://h/1", Some("u:")),
            ("rtsp://h/1@2", "rtsp://h/1@2", None),
        ] {
            let expected = (address.to_owned(), credentials.map(ToOwned::to_owned));
            assert_eq!(split(url), expected);
        }
    }

    #[test]
    fn a_wrong_address_is_told_with_a_right_one() {
        for url in [
            "rtsp://h",
            "rtsps://u:p@h:322/a?b=c@d",
            "rtsp://[::1]:8554/x",
            "rtsp://[::1]/",
        ] {
            assert_eq!(complaint(url), None);
        }
        for (url, why) in [
            ("http://h/1", "does not start with rtsp://"),
            ("192.168.1.20", "does not start with rtsp://"),
            ("rtsp://", "names no host"),
            ("rtsp://u:secret@/1", "names no host"),
            ("rtsp://:554/1", "names no host"),
            ("rtsp://h:port/1", "no good port"),
            ("rtsp://h:0/1", "no good port"),
            ("rtsp://h/it's", "written as %XX"),
        ] {
            let said = complaint(url).unwrap();
            assert!(said.contains(why) && said.contains(EXAMPLE), "{said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
