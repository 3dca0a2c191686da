//! What every request must pass before anybody asks who sent it, and what every answer carries.
//!
//! A web site that the user visits must not reach us with the user's rights, or with our address
//! under its own name: so a `Host` that is not ours is refused (see `door`), and nothing here
//! allows another origin to read, embed or frame an answer. What changes something must come from
//! a page of this very address.

use hyper::{
    HeaderMap, Method, Request, Version,
    header::{self, HeaderName, HeaderValue},
};

use crate::{door::Door, fault::Fault};

/// Longest request target; the longest of ours has some 100 bytes.
const LONGEST_TARGET: usize = 2048;

const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; \
         form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with it a form of ours says `Origin: null`, as a foreign one may.
    (header::REFERRER_POLICY, "same-origin"),
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
pub(crate) fn check<B>(request: &Request<B>, door: Door, names: &[String]) -> Result<(), Fault> {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |t| t.as_str().len());
    if target > LONGEST_TARGET {
        return Err(Fault::TooLong(LONGEST_TARGET));
    }
    let host = check_host(request, door, names)?;
    check_origin(request, door, host, names)?;
    if is_reading(request.method()) {
        check_body(request.headers())?;
    }
    Ok(())
}

/// Whether a request with this method changes nothing.
pub(crate) fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Refuses a request that changes something and was not sent by a page of ours. `by_itself` says
/// that the browser adds the sender's rights by itself (a cookie): then it must say who asks.
/// Programs say nothing of the kind, and bring their rights in words.
pub(crate) fn check_intent(headers: &HeaderMap, by_itself: bool) -> Result<(), Fault> {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin") {
        return Err(Fault::Foreign);
    }
    // That it is ours was checked with the rest.
    if by_itself && !headers.contains_key(header::ORIGIN) {
        return Err(Fault::Foreign);
    }
    Ok(())
}

/// Adds the headers that every answer carries.
pub(crate) fn dress(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The host that the request was sent to; `None` where simple viewers leave it out.
fn check_host<'r, B>(
    request: &'r Request<B>,
    door: Door,
    names: &[String],
) -> Result<Option<&'r str>, Fault> {
    let known = |host: &str| door.knows(host, names);
    if let Some(authority) = request.uri().authority()
        && !known(authority.as_str())
    {
        return Err(Fault::Host(door));
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| Fault::Host(door))?,
        // No browser leaves it out; simple viewers of MJPEG speak HTTP/1.0 and do.
        (None, _) if request.version() == Version::HTTP_10 => return Ok(None),
        _ => return Err(Fault::Host(door)),
    };
    if known(host) {
        Ok(Some(host))
    } else {
        Err(Fault::Host(door))
    }
}

/// Browsers say who asks. Another site may link to us, but not embed our pictures or fill our
/// connections; what is no browser says nothing. A script's request names its origin, also where a
/// browser is too old for the rest: it must be a page of this address, or to read on loopback, of
/// this machine.
fn check_origin<B>(
    request: &Request<B>,
    door: Door,
    host: Option<&str>,
    names: &[String],
) -> Result<(), Fault> {
    let headers = request.headers();
    let loose = door == Door::Home && is_reading(request.method());
    let foreign = |origin: &HeaderValue| {
        let parts = origin.to_str().ok().and_then(|text| text.split_once("://"));
        let Some((scheme, authority)) = parts else {
            return true;
        };
        if loose {
            return !door.knows(authority, names);
        }
        let same = host.is_some_and(|host| host.eq_ignore_ascii_case(authority));
        !same || !scheme.eq_ignore_ascii_case(door.scheme())
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

    fn check<B>(request: &Request<B>) -> Result<(), Fault> {
        super::check(request, Door::Home, &[])
    }

    const WRONG_HOST: Result<(), Fault> = Err(Fault::Host(Door::Home));

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
            assert_eq!(check(&request(host)), WRONG_HOST, "{host}");
        }
    }

    #[test]
    fn a_request_without_a_host_or_with_two_is_refused() {
        let none = Request::get("/").body(()).unwrap();
        assert_eq!(check(&none), WRONG_HOST);
        let old = Request::get("/")
            .version(Version::HTTP_10)
            .body(())
            .unwrap();
        assert_eq!(check(&old), Ok(()));
        let mut two = request("localhost");
        two.headers_mut()
            .append("host", HeaderValue::from_static("localhost"));
        assert_eq!(check(&two), WRONG_HOST);
        let absolute = Request::get("http://evil.example/")
            .header("host", "localhost")
            .body(())
            .unwrap();
        assert_eq!(check(&absolute), WRONG_HOST);
    }

    #[test]
    fn who_reads_sends_no_body_and_no_long_address() {
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

    #[test]
    fn what_changes_something_comes_from_a_page_of_this_very_address() {
        let ask = |door, origin: &'static str| {
            let mut request = Request::post("/login").header("host", "localhost:8443");
            request = request.header("origin", origin);
            super::check(&request.body(()).unwrap(), door, &[])
        };
        assert_eq!(ask(Door::Tls, "https://localhost:8443"), Ok(()));
        assert_eq!(ask(Door::Home, "http://localhost:8443"), Ok(()));
        for origin in [
            "http://localhost:8443",
            "https://localhost",
            "https://localhost:8444",
            "https://127.0.0.1:8443",
            "https://evil.example",
            "null",
            "",
        ] {
            assert_eq!(ask(Door::Tls, origin), Err(Fault::Foreign), "{origin}");
        }
        assert_eq!(
            ask(Door::Home, "http://localhost:3000"),
            Err(Fault::Foreign)
        );
    }

    #[test]
    fn rights_that_come_by_themselves_need_a_page_that_says_its_name() {
        let headers = |lines: &[(&'static str, &'static str)]| -> HeaderMap {
            let line = |(name, value): &(&'static str, &'static str)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            };
            lines.iter().map(line).collect()
        };
        let ours = headers(&[
            ("origin", "https://ours"),
            ("sec-fetch-site", "same-origin"),
        ]);
        assert_eq!(check_intent(&ours, true), Ok(()));
        assert_eq!(check_intent(&headers(&[]), false), Ok(()));
        assert_eq!(check_intent(&headers(&[]), true), Err(Fault::Foreign));
        for site in ["cross-site", "same-site", "none"] {
            let from = headers(&[("sec-fetch-site", site)]);
            assert_eq!(check_intent(&from, false), Err(Fault::Foreign), "{site}");
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
            prop_assert!(!Door::Home.knows(&host, &[]));
        }
    }
}
