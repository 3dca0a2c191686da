//! Where the registrar is: `https://` and nothing but a host and a port.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The port when none is said.
const HTTPS: u16 = 443;
/// Most characters of a host name.
const LONGEST_HOST: usize = 253;

/// A registrar's address. As text `https://host:port`; on input a closing `/` or `/v1` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    /// A name, or an address without brackets.
    pub host: String,
    /// TCP.
    pub port: u16,
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    /// Plain HTTP, or something else.
    #[error("it does not begin with `https://`")]
    Scheme,
    /// A path, a user, a query.
    #[error("it has more than a host and a port")]
    More,
    /// Not a name and not an address.
    #[error("its host is neither a name nor an address")]
    Host,
    /// Not 1 to 65535.
    #[error("its port is no number from 1 to 65535")]
    Port,
}

impl FromStr for Endpoint {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Self, NoEndpoint> {
        let rest = text.strip_prefix("https://").ok_or(NoEndpoint::Scheme)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let rest = rest.strip_suffix("/v1").unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@']) {
            return Err(NoEndpoint::More);
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or(NoEndpoint::Host)?;
                host.parse::<Ipv6Addr>().map_err(|_| NoEndpoint::Host)?;
                (host, port)
            }
            None => rest.split_at(rest.find(':').unwrap_or(rest.len())),
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => HTTPS,
            None => return Err(NoEndpoint::More),
            Some(port) => number(port).ok_or(NoEndpoint::Port)?,
        };
        if !rest.starts_with('[') && !is_name(host) {
            return Err(NoEndpoint::Host);
        }
        let host = host.to_ascii_lowercase();
        Ok(Self { host, port })
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.then(|| text.parse().ok())??;
    (port > 0).then_some(port)
}

/// Labels of letters, digits and hyphens; what looks like an address has to be one.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or("");
    let numbers = last.bytes().all(|byte| byte.is_ascii_digit());
    host.len() <= LONGEST_HOST
        && host.split('.').all(label)
        && (!numbers || host.parse::<IpAddr>().is_ok())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "https://[{host}]:{port}")
        } else {
            write!(f, "https://{host}:{port}")
        }
    }
}

impl TryFrom<String> for Endpoint {
    type Error = NoEndpoint;

    fn try_from(text: String) -> Result<Self, NoEndpoint> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, read) in [
            ("https://enrol.example", "https://enrol.example:443"),
            (
                "https://Enrol.example:8443/v1/",
                "https://enrol.example:8443",
            ),
            ("https://10.0.0.1:8443/", "https://10.0.0.1:8443"),
            ("https://[fd00::1]", "https://[fd00::1]:443"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), read);
            assert_eq!(read.parse::<Endpoint>().unwrap(), endpoint);
        }
    }

    #[test]
    fn refuses_everything_else() {
        for (text, why) in [
            ("http://enrol.example", NoEndpoint::Scheme),
            ("enrol.example", NoEndpoint::Scheme),
            ("https://u:p@enrol.example", NoEndpoint::More),
            ("https://enrol.example/v2", NoEndpoint::More),
            ("https://enrol.example?x", NoEndpoint::More),
            ("https://", NoEndpoint::Host),
            ("https://enrol example", NoEndpoint::Host),
            ("https://10.0.0.256", NoEndpoint::Host),
            ("https://[10.0.0.1]", NoEndpoint::Host),
            ("https://a..b", NoEndpoint::Host),
            ("https://a:0", NoEndpoint::Port),
            ("https://a:+1", NoEndpoint::Port),
            ("https://a:65536", NoEndpoint::Port),
            ("https://[::1]x", NoEndpoint::More),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(why), "{text}");
        }
    }
}
