//! The top of the file: name, time, proxy.

use vigla_act::words::HostName;

use super::{Zones, host_and_port, is_host};
use crate::Secret;
use crate::mistake::Notes;
use crate::table::{Table, shown};

pub(super) fn name(top: &Table, notes: &mut Notes) -> Option<HostName> {
    let given = top.text("name", notes)?;
    let name = HostName::try_from(given.text.to_owned()).ok();
    if name.is_none() {
        let fix = match proposal(given.text) {
            Some(name) => format!("write `name = \"{name}\"`"),
            None => "use 1 to 63 small letters, digits and hyphens".to_owned(),
        };
        let what = format!("`{}` cannot be the name of a node", shown(given.text));
        notes.add(&given.span, what, fix);
    }
    name
}

/// What the owner may have meant: `Front Yard` is `front-yard`.
fn proposal(text: &str) -> Option<String> {
    let plain: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(63)
        .collect();
    let plain = plain.trim_matches('-').to_owned();
    HostName::try_from(plain.clone()).is_ok().then_some(plain)
}

pub(super) fn time_zone(top: &Table, zones: &Zones, notes: &mut Notes) -> Option<String> {
    let given = top.text("time_zone", notes)?;
    if zones.has(given.text) {
        return Some(given.text.to_owned());
    }
    let fix = zones.nearest(given.text).map_or_else(
        || "write it like `Europe/Berlin` or `UTC`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let what = format!("there is no time zone `{}`", shown(given.text));
    notes.add(&given.span, what, fix);
    None
}

pub(super) fn ntp(top: &Table, notes: &mut Notes) -> Vec<String> {
    let mut servers = Vec::new();
    for given in top.texts("ntp", notes) {
        if is_host(given.text) {
            servers.push(given.text.to_owned());
        } else {
            let what = format!("`{}` is no time server", shown(given.text));
            let fix = "write a name or an address, like `ntp = [\"pool.ntp.org\"]`";
            notes.add(&given.span, what, fix);
        }
    }
    servers
}

pub(super) fn proxy(top: &Table, notes: &mut Notes) -> Option<Secret> {
    let given = top.text("proxy", notes)?;
    if is_proxy(given.text) {
        return Some(Secret::new(given.text));
    }
    // Not repeated: it may hold a password.
    let fix = "write it like `proxy = \"http://proxy.example.org:3128\"`";
    notes.add(&given.span, "`proxy` is no address of a proxy", fix);
    None
}

fn is_proxy(text: &str) -> bool {
    let rest = text.strip_prefix("http://");
    let Some(rest) = rest.or_else(|| text.strip_prefix("https://")) else {
        return false;
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let plain = |c: char| c.is_ascii_graphic() && !"\"'\\`$/?#@".contains(c);
    user.chars().all(plain) && host_and_port(host).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_proposed() {
        assert_eq!(proposal("Front Yard").as_deref(), Some("front-yard"));
        assert_eq!(proposal("localhost"), None);
        assert_eq!(proposal("___"), None);
    }

    #[test]
    fn a_proxy_is_an_address_on_one_line() {
        for good in [
            "http://proxy:3128",
            "https://u:p@10.0.0.1",
            "http://[::1]:80/",
        ] {
            assert!(is_proxy(good), "{good}");
        }
        for bad in [
            "proxy:3128",
            "socks5://p:1",
            "http://",
            "http://a b",
            "http://p:1/x",
            "http://a\n",
        ] {
            assert!(!is_proxy(bad), "{bad}");
        }
    }
}
