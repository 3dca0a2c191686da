//! What every request must pass and every answer carries.
//!
//! The page has no log-in, so a web site that the user visits must not reach it: a name that
//! resolves to our address (DNS rebinding) is refused by its `Host`, and nothing here allows
//! another origin to read, embed or frame an answer.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Method, Request, Version,
    header::{self, HeaderName, HeaderValue},
};

use crate::fault::Fault;

/// Longest request target; the longest of ours has some 100 bytes.
const LONGEST_TARGET: usize = 2048;

const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

/// Refuses what we never serve, before any route sees it.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Fault> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Fault::Method);
    }
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |t| t.as_str().len());
    if target > LONGEST_TARGET {
        return Err(Fault::TooLong(LONGEST_TARGET));
    }
    check_host(request)?;
    check_origin(request.headers())?;
    check_body(request.headers())
}

/// Adds the headers that every answer carries.
pub(crate) fn dress(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn check_host<B>(request: &Request<B>) -> Result<(), Fault> {
    if let Some(authority) = request.uri().authority()
        && !is_ours(authority.as_str())
    {
        return Err(Fault::Host);
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| Fault::Host)?,
        // No browser leaves it out; simple viewers of MJPEG speak HTTP/1.0 and do.
        (None, _) if request.version() == Version::HTTP_10 => return Ok(()),
        _ => return Err(Fault::Host),
    };
    if is_ours(host) {
        Ok(())
    } else {
        Err(Fault::Host)
    }
}

/// Whether `host`, with or without a port, names this machine's loopback.
fn is_ours(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = name
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(name);
    address
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback() && address.is_ipv6() == name.starts_with('['))
}

/// Browsers say who asks. Another site may link to us, but not embed our pictures or fill our
/// connections; what is no browser says nothing. A script's request names its origin, also where a
/// browser is too old for the rest: it must be a page of this machine.
fn check_origin(headers: &HeaderMap) -> Result<(), Fault> {
    let foreign = |origin: &HeaderValue| {
        let authority = origin
            .to_str()
            .ok()
            .and_then(|text| text.split_once("://"))
            .map(|(_, authority)| authority);
        !authority.is_some_and(is_ours)
    };
    if headers.get_all(header::ORIGIN).iter().any(foreign) {
        return Err(Fault::Foreign);
    }
    let says = |name, word: &str| {
        headers
            .get(name)
            .is_some_and(|v| v.as_bytes() == word.as_bytes())
    };
    if says("sec-fetch-site", "cross-site") && !says("sec-fetch-mode", "navigate") {
        return Err(Fault::Foreign);
    }
    Ok(())
}

fn check_body(headers: &HeaderMap) -> Result<(), Fault> {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .is_some_and(|length| length.as_bytes() != b"0");
    if announced || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Fault::Body);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(host: &str) -> Request<()> {
        Request::builder()
            .uri("/")
            .header("host", host)
            .body(())
            .unwrap()
    }

    #[test]
    fn only_our_own_names_pass() {
        for host in [
            "localhost",
            "LocalHost:8080",
            "127.0.0.1:8080",
            "127.0.0.1",
            "[::1]:8080",
            "[::1]",
        ] {
            assert_eq!(check(&request(host)), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.7:8080",
            "::1",
            "[127.0.0.1]",
            "localhost:8080:8080",
            ":8080",
            "",
        ] {
            assert_eq!(check(&request(host)), Err(Fault::Host), "{host}");
        }
    }

    #[test]
    fn a_request_without_a_host_or_with_two_is_refused() {
        let none = Request::get("/").body(()).unwrap();
        assert_eq!(check(&none), Err(Fault::Host));
        let old = Request::get("/")
            .version(Version::HTTP_10)
            .body(())
            .unwrap();
        assert_eq!(check(&old), Ok(()));
        let mut two = request("localhost");
        two.headers_mut()
            .append("host", HeaderValue::from_static("localhost"));
        assert_eq!(check(&two), Err(Fault::Host));
        let absolute = Request::get("http://evil.example/")
            .header("host", "localhost")
            .body(())
            .unwrap();
        assert_eq!(check(&absolute), Err(Fault::Host));
    }

    #[test]
    fn only_reading_is_served() {
        let mut post = request("localhost");
        *post.method_mut() = Method::POST;
        assert_eq!(check(&post), Err(Fault::Method));
        let mut body = request("localhost");
        body.headers_mut()
            .insert("content-length", HeaderValue::from_static("5"));
        assert_eq!(check(&body), Err(Fault::Body));
        let long = Request::get(format!("/{}", "a".repeat(LONGEST_TARGET)))
            .header("host", "localhost")
            .body(())
            .unwrap();
        assert_eq!(check(&long), Err(Fault::TooLong(LONGEST_TARGET)));
    }

    #[test]
    fn another_site_may_link_but_not_embed() {
        let ask = |site: &'static str, mode: &'static str| {
            let mut request = request("localhost");
            let headers = request.headers_mut();
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            headers.insert("sec-fetch-mode", HeaderValue::from_static(mode));
            check(&request)
        };
        assert_eq!(ask("same-origin", "cors"), Ok(()));
        assert_eq!(ask("none", "navigate"), Ok(()));
        assert_eq!(ask("cross-site", "navigate"), Ok(()));
        assert_eq!(ask("cross-site", "no-cors"), Err(Fault::Foreign));
    }

    #[test]
    fn scripts_of_other_origins_are_refused() {
        let ask = |origin: &'static str| {
            let mut request = request("localhost");
            let origin = HeaderValue::from_static(origin);
            request.headers_mut().insert("origin", origin);
            check(&request)
        };
        assert_eq!(ask("http://localhost:8080"), Ok(()));
        assert_eq!(ask("http://[::1]:9000"), Ok(()));
        for origin in ["null", "", "http://evil.example", "localhost", "file://"] {
            assert_eq!(ask(origin), Err(Fault::Foreign), "{origin}");
        }
    }

    proptest! {
        #[test]
        fn no_other_name_passes(host in "[a-z0-9.:\\[\\]-]{1,40}") {
            let ours = host.starts_with("localhost")
                || host.starts_with("127.")
                || host.starts_with("[::1]")
                || host.starts_with("[0");
            prop_assume!(!ours);
            prop_assert!(!is_ours(&host));
        }
    }
}
