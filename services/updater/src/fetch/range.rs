//! What to ask for, and what to make of the answer. Pure.
//!
//! A rest is only asked for with a strong validator (`If-Range`): with a weak one, or none, the server may
//! have another file meanwhile, and two halves of two bundles would be joined.

use hyper::StatusCode;
use hyper::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE, LAST_MODIFIED, LOCATION,
    RANGE,
};
use serde::{Deserialize, Serialize};

/// What a server said of the whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Known {
    /// A strong entity tag, or the time of the last change.
    pub(super) validator: Option<String>,
    /// Bytes in all.
    pub(super) length: Option<u64>,
}

/// What to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plan {
    /// It is all there.
    Nothing,
    Whole,
    Rest {
        from: u64,
        validator: String,
    },
}

impl Plan {
    pub(super) fn headers(&self) -> Vec<(HeaderName, String)> {
        match self {
            Self::Nothing | Self::Whole => Vec::new(),
            Self::Rest { from, validator } => vec![
                (RANGE, format!("bytes={from}-")),
                (IF_RANGE, validator.clone()),
            ],
        }
    }
}

/// What to do with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Take {
    /// The body is the rest.
    Append,
    /// The body is the whole.
    FromStart(Known),
    /// What is kept is worth nothing: ask for the whole.
    Forget,
    /// It is elsewhere.
    Moved(String),
    /// Not now.
    Later,
    Never,
}

pub(super) fn plan(known: &Known, have: u64) -> Plan {
    match (&known.validator, known.length) {
        (Some(_), Some(length)) if have == length && length > 0 => Plan::Nothing,
        (Some(validator), _) if have > 0 => Plan::Rest {
            from: have,
            validator: validator.clone(),
        },
        _ => Plan::Whole,
    }
}

pub(super) fn take(status: StatusCode, headers: &HeaderMap, plan: &Plan) -> Take {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    match status.as_u16() {
        200 => Take::FromStart(Known {
            validator: text(ETAG)
                .filter(|tag| !tag.starts_with("W/"))
                .or_else(|| text(LAST_MODIFIED))
                .map(String::from),
            length: text(CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        }),
        206 => {
            let from = text(CONTENT_RANGE).and_then(first);
            match (plan, from) {
                (Plan::Rest { from: asked, .. }, Some(from)) if from == *asked => Take::Append,
                _ => Take::Forget,
            }
        }
        416 => Take::Forget,
        301 | 302 | 303 | 307 | 308 => match text(LOCATION) {
            Some(to) => Take::Moved(to.to_owned()),
            None => Take::Never,
        },
        408 | 425 | 429 | 500..=599 => Take::Later,
        _ => Take::Never,
    }
}

/// The first byte of `bytes 5-9/10`.
fn first(range: &str) -> Option<u64> {
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(validator: Option<&str>, length: Option<u64>) -> Known {
        Known {
            validator: validator.map(String::from),
            length,
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_rest_is_asked_for_only_of_the_very_same_file() {
        assert_eq!(plan(&known(None, Some(9)), 5), Plan::Whole);
        assert_eq!(plan(&known(Some("\"a\""), Some(9)), 0), Plan::Whole);
        assert_eq!(plan(&known(Some("\"a\""), Some(9)), 9), Plan::Nothing);
        let rest = plan(&known(Some("\"a\""), Some(9)), 5);
        let asked: Vec<_> = rest.headers().into_iter().map(|(_, value)| value).collect();
        assert_eq!(asked, ["bytes=5-", "\"a\""]);
    }

    #[test]
    fn each_answer_is_understood() {
        let rest = Plan::Rest {
            from: 5,
            validator: "\"a\"".into(),
        };
        let taken = |status: u16, pairs: &[(&'static str, &'static str)]| {
            take(
                StatusCode::from_u16(status).unwrap(),
                &headers(pairs),
                &rest,
            )
        };
        let whole = taken(200, &[("etag", "\"b\""), ("content-length", "7")]);
        assert_eq!(whole, Take::FromStart(known(Some("\"b\""), Some(7))));
        let weak = taken(200, &[("etag", "W/\"b\"")]);
        assert_eq!(weak, Take::FromStart(known(None, None)));
        assert_eq!(
            taken(206, &[("content-range", "bytes 5-8/9")]),
            Take::Append
        );
        // The rest of something else.
        assert_eq!(
            taken(206, &[("content-range", "bytes 4-8/9")]),
            Take::Forget
        );
        assert_eq!(taken(206, &[]), Take::Forget);
        assert_eq!(taken(416, &[]), Take::Forget);
        assert_eq!(taken(302, &[("location", "/x")]), Take::Moved("/x".into()));
        assert_eq!(taken(302, &[]), Take::Never);
        assert_eq!(taken(503, &[]), Take::Later);
        assert_eq!(taken(404, &[]), Take::Never);
    }
}
