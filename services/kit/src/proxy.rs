//! Which requests go through a proxy: what the owner's `proxy` became, as the environment of the unit says it.

use std::net::{IpAddr, Ipv4Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a proxy may say before it lets us through, in bytes.
const LONGEST_ANSWER: usize = 8 << 10;

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Whether we speak TLS with it.
    pub secure: bool,
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The value of `Proxy-Authorization`.
    pub authorization: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({}:{})", self.host, self.port)
    }
}

/// The way to servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Hosts that are reached without one.
    direct: Vec<String>,
}

impl Way {
    /// As the environment says.
    #[must_use]
    pub fn of_environment() -> Self {
        #[allow(
            clippy::disallowed_methods,
            reason = "where every program looks for a proxy, and units are given one"
        )]
        let value = |name: &str| std::env::var(name).unwrap_or_default();
        Self::new(
            &value("http_proxy"),
            &value("https_proxy"),
            &value("no_proxy"),
        )
    }

    /// Proxies for `http` and `https`, and what is reached without: names with all below them, addresses, networks of
    /// IPv4, parted by commas. What is no address of a proxy is none.
    #[must_use]
    pub fn new(http: &str, https: &str, direct: &str) -> Self {
        let direct = direct
            .split(',')
            .map(|host| host.trim().to_ascii_lowercase());
        Self {
            http: proxy(http),
            https: proxy(https),
            direct: direct.filter(|host| !host.is_empty()).collect(),
        }
    }

    /// The proxy for `uri`, if there is one.
    #[must_use]
    pub fn to(&self, uri: &Uri) -> Option<&Proxy> {
        let host = bare(uri.host()?).to_ascii_lowercase();
        let proxy = if uri.scheme_str() == Some("https") {
            &self.https
        } else {
            &self.http
        };
        let direct = self.direct.iter().any(|known| covers(known, &host));
        proxy.as_ref().filter(|_| !direct)
    }
}

/// Without the brackets of an IPv6 address.
#[must_use]
pub fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Why a proxy does not let us through.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoTunnel(String);

/// Has the proxy at the other end of `wire` connect us with `server` (`host:port`).
pub async fn tunnel(
    wire: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &str,
    proxy: &Proxy,
) -> Result<(), NoTunnel> {
    let cut = |error: std::io::Error| NoTunnel(format!("the proxy: {error}"));
    let mut request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n");
    if let Some(authorization) = &proxy.authorization {
        request.push_str(&["Proxy-Authorization: ", authorization, "\r\n"].concat());
    }
    request.push_str("\r\n");
    wire.write_all(request.as_bytes()).await.map_err(cut)?;
    // A byte at a time: what follows the empty line is the server's.
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= LONGEST_ANSWER {
            return Err(NoTunnel("the proxy does not come to an end".into()));
        }
        answer.push(wire.read_u8().await.map_err(cut)?);
    }
    let line = String::from_utf8_lossy(&answer);
    let line = line.lines().next().unwrap_or_default();
    if line
        .split(' ')
        .nth(1)
        .is_some_and(|status| status.starts_with('2'))
    {
        Ok(())
    } else {
        let line: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
        Err(NoTunnel(format!("the proxy answered `{line}`")))
    }
}

fn covers(known: &str, host: &str) -> bool {
    if known == "*" || known == host {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return match (address, known.split_once('/')) {
            (IpAddr::V4(address), Some((network, bits))) => in_network(address, network, bits),
            _ => false,
        };
    }
    let below = known.trim_start_matches('.');
    host.strip_suffix(below)
        .is_some_and(|left| left.ends_with('.') && !below.is_empty())
}

fn in_network(address: Ipv4Addr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<Ipv4Addr>(), bits.parse::<u32>()) else {
        return false;
    };
    let shift = 32_u32.saturating_sub(bits);
    let part = |address: Ipv4Addr| u32::from(address).checked_shr(shift).unwrap_or(0);
    part(address) == part(network)
}

/// `http://user:password@host:port/`, of which all but scheme and host may be missing.
fn proxy(text: &str) -> Option<Proxy> {
    let (scheme, rest) = text.split_once("://")?;
    let secure = match scheme {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let uri: Uri = format!("{scheme}://{host}/").parse().ok()?;
    let authorization =
        (!user.is_empty()).then(|| format!("Basic {}", STANDARD.encode(user.as_bytes())));
    Some(Proxy {
        secure,
        host: bare(uri.host()?).to_owned(),
        port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
        authorization,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "localhost,127.0.0.0/8,::1,.local, Example.org";

    #[test]
    fn a_proxy_is_read_as_the_owner_wrote_it() {
        let read = proxy("http://me:s3cret@proxy.example:3128").unwrap();
        assert_eq!(
            (read.host.as_str(), read.port, read.secure),
            ("proxy.example", 3128, false)
        );
        assert_eq!(read.authorization.as_deref(), Some("Basic bWU6czNjcmV0"));
        assert!(!format!("{read:?}").contains("bWU6"), "{read:?}");
        let read = proxy("https://[fd00::1]/").unwrap();
        assert_eq!(
            (read.host.as_str(), read.port, read.secure),
            ("fd00::1", 443, true)
        );
        for none in ["", "proxy:3128", "socks5://a:1", "http://", "http://a b"] {
            assert_eq!(proxy(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_near_is_reached_without() {
        let way = Way::new("http://a:1", "http://b:2", OWN);
        let port = |uri: &'static str| way.to(&Uri::from_static(uri)).map(|proxy| proxy.port);
        assert_eq!(port("http://far.example/x"), Some(1));
        assert_eq!(port("https://far.example/x"), Some(2));
        assert_eq!(port("http://128.0.0.1/"), Some(1));
        assert_eq!(port("http://notexample.org/"), Some(1));
        for near in [
            "http://localhost/",
            "http://127.9.9.9:8080/",
            "http://[::1]/",
            "https://yard.local/",
            "https://www.EXAMPLE.org/",
        ] {
            assert_eq!(port(near), None, "{near}");
        }
        assert_eq!(Way::default().to(&Uri::from_static("http://a/")), None);
    }
}
