//! The page: everything in `assets/`, embedded. Nothing is fetched from anywhere else.

use bytes::Bytes;
use warp::http::{Response, StatusCode, header, header::HeaderValue};

/// `(name, type, bytes)` of every file in `assets/`, sorted by name; written by `build.rs`.
const ASSETS: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The description of the JSON interface.
const OPENAPI: &[u8] = include_bytes!("../openapi.json");

/// One file of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    /// The file called `name` in `assets/`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let at = ASSETS.binary_search_by_key(&name, |(name, ..)| name).ok()?;
        let (_, kind, bytes) = ASSETS[at];
        Some(Self { kind, bytes })
    }

    pub(crate) const fn openapi() -> Self {
        Self {
            kind: "application/json",
            bytes: OPENAPI,
        }
    }

    /// The answer: the file, or 304 when the client has it. Always asked for again (`no-cache`):
    /// after an update of the device no page may run with the scripts of another version.
    pub(crate) fn answer<B: From<Bytes>>(self, if_none_match: Option<&str>) -> Response<B> {
        let tag = format!("\"{:016x}\"", fingerprint(self.bytes));
        let known = if_none_match.is_some_and(|tags| tags.contains(&tag));
        let body = if known { &[] } else { self.bytes };
        let mut response = Response::new(B::from(Bytes::from_static(body)));
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }
}

/// FNV-1a: tells versions of a file apart; it keeps no secret.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_whole() {
        let total: usize = ASSETS.iter().map(|(_, _, bytes)| bytes.len()).sum();
        assert!(total <= 150_000, "{total} bytes");
        let index = std::str::from_utf8(Asset::named("index.html").unwrap().bytes).unwrap();
        for piece in index.split("\"/assets/").skip(1) {
            let name = piece.split('"').next().unwrap();
            assert!(Asset::named(name).is_some(), "`{name}` is missing");
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        for (name, _, bytes) in ASSETS {
            let text = String::from_utf8_lossy(bytes).replace("http://www.w3.org/", "");
            assert!(!text.contains("http://"), "{name}");
            assert!(!text.contains("https://"), "{name}");
        }
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let asset = Asset::named("index.html").unwrap();
        let first: Response<Bytes> = asset.answer(None);
        assert_eq!(first.headers()["content-type"], "text/html; charset=utf-8");
        let tag = first.headers()["etag"].to_str().unwrap();
        let second: Response<Bytes> = asset.answer(Some(tag));
        assert_eq!(second.status(), 304);
        assert!(second.body().is_empty());
        assert!(Asset::named("../Cargo.toml").is_none());
    }
}
