//! What was asked for: a source and its options, parsed where they come in.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use hyper::Uri;
use vigla_bus::Error;
use vigla_bus::zbus::Variant;

use crate::config::Address;

/// Where the bundle is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, from the root.
    File(PathBuf),
    /// An address.
    Web(Uri),
    /// The newest of the release feed.
    Feed,
    /// The newest on a USB stick.
    Stick,
}

/// An order to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Where the bundle is.
    pub source: Source,
    /// SHA-256 that its manifest must have.
    pub hash: Option<String>,
    /// Whether to wait for the maintenance window.
    pub when: When,
    /// Whether to restart when it is written.
    pub after: After,
}

/// When it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At once.
    Now,
    /// In the maintenance window.
    Window,
}

/// What comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// A restart into the new slot.
    Restart,
    /// Nothing: the next restart is somebody else's.
    Stay,
}

/// Longest source, in bytes.
const LONGEST: usize = 2048;

impl Order {
    /// Checks what came over the bus.
    pub fn parse(source: &str, options: &HashMap<&str, Variant<'_>>) -> Result<Self, Error> {
        let mut order = Self {
            source: parse_source(source)?,
            hash: None,
            when: When::Now,
            after: After::Restart,
        };
        for (key, value) in options {
            let value = value.downcast_ref::<&str>();
            let value = value.map_err(|_| wrong(&format!("option `{key:.64}` must be a text")))?;
            match (*key, value) {
                ("manifest-hash", hash) => order.hash = Some(parse_hash(hash)?),
                ("when", "now") => order.when = When::Now,
                ("when", "window") => order.when = When::Window,
                ("when", _) => return Err(wrong("`when` must be `now` or `window`")),
                ("after", "restart") => order.after = After::Restart,
                ("after", "stay") => order.after = After::Stay,
                ("after", _) => return Err(wrong("`after` must be `restart` or `stay`")),
                _ => {
                    let known = "`manifest-hash`, `when`, `after`";
                    return Err(wrong(&format!("no option `{key:.64}`: there is {known}")));
                }
            }
        }
        Ok(order)
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            // What follows a question mark may be a secret.
            Self::Web(uri) => {
                let text = uri.to_string();
                f.write_str(text.split('?').next().unwrap_or_default())
            }
            Self::Feed => f.write_str("feed"),
            Self::Stick => f.write_str("stick"),
        }
    }
}

fn parse_source(text: &str) -> Result<Source, Error> {
    if text.len() > LONGEST {
        return Err(wrong(&format!("a source has at most {LONGEST} bytes")));
    }
    match text {
        "feed" => return Ok(Source::Feed),
        "stick" => return Ok(Source::Stick),
        _ => {}
    }
    if let Some(uri) = Address::parse(text) {
        return Ok(Source::Web(uri));
    }
    let path = Path::new(text);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if path.is_absolute() && plain && path.file_name().is_some() && !text.contains(char::is_control)
    {
        return Ok(Source::File(path.to_owned()));
    }
    Err(wrong(
        "`source` must be a path from the root, an address (http, https) without a user, `feed` or `stick`",
    ))
}

fn parse_hash(text: &str) -> Result<String, Error> {
    let hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex {
        return Err(wrong("`manifest-hash` must be 64 hexadecimal digits"));
    }
    Ok(text.to_ascii_lowercase())
}

fn wrong(text: &str) -> Error {
    Error::InvalidArgument(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Option<String> {
        let order = Order::parse(text, &HashMap::new()).ok()?;
        Some(order.source.to_string())
    }

    #[test]
    fn sources_are_paths_addresses_and_two_words() {
        for text in [
            "/data/x.raucb",
            "https://a.example/x.raucb",
            "http://10.0.0.1:8/x",
            "feed",
            "stick",
        ] {
            assert_eq!(source(text).as_deref(), Some(text));
        }
        assert_eq!(
            source("https://a/x?key=secret").as_deref(),
            Some("https://a/x")
        );
        let long = format!("/{}", "x".repeat(3000));
        for text in [
            "",
            "x.raucb",
            "../x",
            "/a/../x",
            "/",
            "ftp://a/x",
            "https://u:p@a/x",
            "http:///x",
            "/a\nb",
            &long,
        ] {
            assert_eq!(source(text), None, "{text:.40}");
        }
    }

    #[test]
    fn options_are_known_and_of_their_form() {
        let parse = |key: &'static str, value: Variant<'static>| {
            Order::parse("feed", &HashMap::from([(key, value)]))
        };
        let hash = "Ab".repeat(32);
        let order = parse("manifest-hash", Variant::from(hash.clone())).unwrap();
        assert_eq!(order.hash, Some(hash.to_lowercase()));
        assert_eq!(parse("when", "window".into()).unwrap().when, When::Window);
        assert_eq!(parse("after", "stay".into()).unwrap().after, After::Stay);
        for (key, value) in [
            ("manifest-hash", Variant::from("abc")),
            ("when", "later".into()),
            ("after", "".into()),
            ("after", true.into()),
            ("force", "yes".into()),
        ] {
            assert!(parse(key, value).is_err(), "{key}");
        }
    }
}
