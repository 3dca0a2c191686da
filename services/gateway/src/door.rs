//! Where a request came in, and what follows from it.
//!
//! | door    | is                                   | who comes in without saying more       |
//! |---------|--------------------------------------|----------------------------------------|
//! | `Home`  | a loopback address                   | the owner: only this machine can       |
//! | `Plain` | HTTP on an address of the network    | nobody, and nobody can say who he is   |
//! | `Tls`   | HTTPS on the same                    | nobody, until he logs in               |
//!
//! With `open = true` *nobody* is a viewer.

use std::net::IpAddr;

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Home,
    Plain,
    Tls,
}

impl Door {
    /// The scheme of addresses behind it.
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Home | Self::Plain => "http",
            Self::Tls => "https",
        }
    }

    /// Whether `host`, with or without a port, may be a name of ours there.
    ///
    /// Against DNS rebinding: a site of the Internet can give its own name our address, and would
    /// then be of our origin. It cannot give us an address for a name, a name of one label or one
    /// of the names that public DNS does not have; any other must stand in `names`.
    pub(crate) fn knows(self, host: &str, names: &[String]) -> bool {
        let Some(name) = name_of(host) else {
            return false;
        };
        if self == Self::Home {
            return is_loopback(name);
        }
        address(name).is_some()
            || is_local(name)
            || names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Names that no public DNS has.
const LOCAL: [&str; 5] = [".local", ".lan", ".home.arpa", ".internal", ".localhost"];

fn is_local(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let letters = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'.';
    let sound = !name.is_empty() && name.bytes().all(letters) && !name.starts_with('.');
    // A name of digits is an address in a form of long ago, and no name.
    let named = name.bytes().any(|c| c.is_ascii_alphabetic());
    sound && named && (!name.contains('.') || LOCAL.iter().any(|end| name.ends_with(end)))
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || address(name).is_some_and(|a| a.is_loopback())
}

/// A host without its port; `None` when the port is none.
pub(crate) fn name_of(host: &str) -> Option<&str> {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            let whole = name.starts_with('[') == name.ends_with(']');
            (!name.is_empty() && whole && (name.starts_with('[') || !name.contains(':')))
                .then_some(name)
        }
        _ => Some(host),
    }
}

/// The address that a name is, IPv6 in brackets.
fn address(name: &str) -> Option<IpAddr> {
    let inner = name
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    let address: IpAddr = inner.unwrap_or(name).parse().ok()?;
    (address.is_ipv6() == inner.is_some()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_the_internet_could_give_is_not_ours() {
        let names = ["cam.example.org".to_owned()];
        for host in [
            "192.168.1.7:8443",
            "[fe80::1]:8443",
            "vigla",
            "vigla-0123:8443",
            "Vigla.LOCAL",
            "cam.example.org:8443",
            "localhost",
        ] {
            assert!(Door::Tls.knows(host, &names), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8443",
            "vigla.local.evil.example",
            "192.168.1.7.evil.example",
            "2130706433",
            "::1",
            "",
            ":8443",
            ".local",
            "a b",
            "vigla:x",
            "vigla/evil.example",
        ] {
            assert!(!Door::Tls.knows(host, &names), "{host}");
        }
    }
}
