//! `[mqtt]`: where the counts go.

use super::{host_and_port, is_line};
use crate::Secret;
use crate::mistake::Notes;
use crate::site::Mqtt;
use crate::table::Table;

pub(super) fn read(top: &Table, notes: &mut Notes) -> Option<Mqtt> {
    let table = top.table("mqtt", &["broker", "user", "password"], notes)?;
    let user = table.text("user", notes);
    let password = table.text("password", notes);
    for (key, given) in [("user", &user), ("password", &password)] {
        if let Some(given) = given.as_ref().filter(|given| !is_line(given.text)) {
            let what = format!("`{key}` is empty, or has more than one line");
            notes.add(
                &given.span,
                what,
                format!("correct `{key}`, or remove the line"),
            );
        }
    }
    let user = user.filter(|given| is_line(given.text));
    let password = password.filter(|given| is_line(given.text));
    if let (None, Some(given)) = (&user, &password) {
        notes.add(
            &given.span,
            "`password` is nothing without `user`",
            "add a line `user = \"...\"`",
        );
    }
    let given = table.needed("broker", "\"mqtt://192.168.1.10\"", notes)?;
    let Some((tls, host, port)) = broker(given.text) else {
        let fix =
            "write it like `mqtt://192.168.1.10:1883`, or `mqtts://broker.example.org` with TLS";
        // Not repeated: it may hold a password.
        notes.add(&given.span, "`broker` is no address of a broker", fix);
        return None;
    };
    Some(Mqtt {
        host,
        port,
        tls,
        password: user
            .as_ref()
            .and(password)
            .map(|given| Secret::new(given.text)),
        user: user.map(|given| given.text.to_owned()),
    })
}

/// Whether it speaks TLS, its host as it stands before a port, and the port.
fn broker(text: &str) -> Option<(bool, String, u16)> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("mqtt", text));
    let (tls, usual) = match scheme {
        "mqtt" => (false, 1883),
        "mqtts" => (true, 8883),
        _ => return None,
    };
    let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest))?;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    Some((tls, host, port.unwrap_or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_has_a_scheme_and_usual_ports() {
        for (text, found) in [
            ("mqtt://a", Some((false, "a", 1883))),
            ("mqtts://a", Some((true, "a", 8883))),
            ("mqtts://[fd00::1]:1/", Some((true, "[fd00::1]", 1))),
            ("10.0.0.1:1884", Some((false, "10.0.0.1", 1884))),
            ("http://a", None),
            ("mqtt://user:pw@a", None),
            ("mqtt://", None),
        ] {
            let found = found.map(|(tls, host, port)| (tls, host.to_owned(), port));
            assert_eq!(broker(text), found, "{text}");
        }
    }
}
