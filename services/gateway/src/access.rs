//! Who reaches what: one table, and what does not stand in it is reached by nobody.
//!
//! It is asked with the raw method and path before any route sees a request, and splits a path as
//! the routes do: at `/`, undecoded. So a trick that makes a path look like another one here makes
//! it look the same there, and ends at no row.

use std::ops::BitOr;

use hyper::Method;

/// A set of kinds of visitors. An identity is one too: a token may have several scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who(u8);

impl Who {
    /// Showed nothing that we know.
    pub(crate) const NOBODY: Self = Self(1);
    /// Came by a guest link.
    pub(crate) const GUEST: Self = Self(1 << 1);
    pub(crate) const VIEWER: Self = Self(1 << 2);
    pub(crate) const OWNER: Self = Self(1 << 3);
    /// Tokens for pictures, for `/metrics`, for words and numbers.
    pub(crate) const STREAM: Self = Self(1 << 4);
    pub(crate) const METRICS: Self = Self(1 << 5);
    pub(crate) const API: Self = Self(1 << 6);

    /// No kind at all.
    pub(crate) const NONE: Self = Self(0);
    /// People who may look.
    const PEOPLE: Self = Self(0b1110);
    const ALL: Self = Self(0b111_1111);

    /// Whether the two have a kind in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether a person may use the page.
    pub(crate) const fn is_person(self) -> bool {
        self.meets(Self::PEOPLE)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Who {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The filters in `routes`.
    Routes,
    /// The log-in and what belongs to it, in `desk`.
    Desk,
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// `GET` stands for HEAD too.
    pub(crate) method: Method,
    /// `*` is any one segment; a `?` at the end is the address with a query.
    pub(crate) path: &'static str,
    pub(crate) who: Who,
    pub(crate) place: Place,
}

const PICTURES: Who = Who::PEOPLE.and(Who::STREAM);
const WORDS: Who = Who::PEOPLE.and(Who::API);

/// The table.
pub(crate) const ROWS: &[Row] = &[
    // What `/` shows depends on who asks: the page, or the log-in.
    desk(Method::GET, "/", Who::ALL),
    // mjpg-streamer's addresses.
    routes("/?", PICTURES),
    // Style and scripts hold nothing of this node, and the log-in needs them.
    routes("/assets/*", Who::ALL),
    routes("/openapi.json", WORDS),
    routes("/api/v1/state", WORDS),
    routes("/api/v1/cameras", WORDS),
    routes("/api/v1/cameras/*", WORDS),
    routes("/api/v1/cameras/*/live", PICTURES),
    routes("/api/v1/events", WORDS),
    routes("/api/v1/events/*/picture", PICTURES),
    routes("/api/v1/history", WORDS),
    routes("/api/v1/updates", WORDS),
    routes("/stream", PICTURES),
    routes("/snapshot", PICTURES),
    routes("/cameras/*/stream", PICTURES),
    routes("/cameras/*/snapshot", PICTURES),
    routes("/camera_list", PICTURES),
    routes("/camera_frame_feed/*", PICTURES),
    routes("/metrics", Who::PEOPLE.and(Who::METRICS)),
    routes("/healthz", WORDS.and(Who::METRICS)),
    desk(Method::DELETE, "/api/v1/events/*/thumbnail", Who::OWNER),
    desk(Method::DELETE, "/api/v1/events/thumbnails", Who::OWNER),
    // What it shows depends on who asks.
    desk(Method::GET, "/api/v1/update", WORDS),
    desk(Method::POST, "/api/v1/update/check", Who::OWNER),
    desk(Method::POST, "/api/v1/update/install", Who::OWNER),
    desk(Method::POST, "/api/v1/update/cancel", Who::OWNER),
    desk(Method::POST, "/api/v1/update/rollback", Who::OWNER),
    desk(Method::GET, "/api/v1/enrolment", WORDS),
    desk(Method::POST, "/api/v1/enrolment/retry", Who::OWNER),
    desk(Method::POST, "/api/v1/enrolment/check", Who::OWNER),
    desk(Method::GET, "/api/v1/site", Who::OWNER),
    desk(Method::GET, "/api/v1/reset", Who::OWNER),
    desk(Method::POST, "/api/v1/reset", Who::OWNER),
    desk(Method::POST, "/setup", Who::ALL),
    desk(Method::GET, "/login", Who::ALL),
    desk(Method::POST, "/login", Who::ALL),
    desk(Method::POST, "/logout", Who::ALL),
    desk(Method::GET, "/guest/*", Who::ALL),
    desk(Method::GET, "/account", Who::PEOPLE),
    desk(Method::POST, "/account/password", Who::OWNER),
    desk(Method::POST, "/account/guests", Who::OWNER),
    desk(Method::POST, "/account/revoke", Who::OWNER),
    desk(Method::POST, "/account/forget", Who::OWNER),
];

const fn routes(path: &'static str, who: Who) -> Row {
    Row {
        method: Method::GET,
        path,
        who,
        place: Place::Routes,
    }
}

const fn desk(method: Method, path: &'static str, who: Who) -> Row {
    Row {
        method,
        path,
        who,
        place: Place::Desk,
    }
}

/// What the table says of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Row(&'static Row),
    /// Other methods have a row.
    Method(&'static str),
    Nothing,
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        (&self.method, self.path) == (&other.method, other.path)
    }
}

impl Eq for Row {}

/// The row for a request.
pub(crate) fn find(method: &Method, path: &str, query: Option<&str>) -> Found {
    let method = if *method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    let queried = query.is_some_and(|query| !query.is_empty());
    let mut others = Vec::new();
    for row in ROWS {
        let fits = match row.path {
            "/" => path == "/" && !(queried && *method == Method::GET),
            "/?" => path == "/" && queried,
            pattern => matches(pattern, path),
        };
        if fits && row.method == *method {
            return Found::Row(row);
        }
        if fits {
            others.push(&row.method);
        }
    }
    let has = |method| others.contains(&&method);
    match (has(Method::GET), has(Method::POST), has(Method::DELETE)) {
        (true, true, _) => Found::Method("GET, HEAD, POST"),
        (true, false, _) => Found::Method("GET, HEAD"),
        (false, true, _) => Found::Method("POST"),
        (false, false, true) => Found::Method("DELETE"),
        (false, false, false) => Found::Nothing,
    }
}

/// Whether `path` is one of `pattern`; one slash too many at its end is forgiven, as routes do.
fn matches(pattern: &str, path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some("*"), Some(segment)) if !segment.is_empty() => {}
            (Some(known), Some(segment)) if known == segment => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn who(path: &str) -> Option<Who> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match find(&Method::GET, path, Some(query)) {
            Found::Row(row) => Some(row.who),
            Found::Method(_) | Found::Nothing => None,
        }
    }

    #[test]
    fn nobody_reaches_only_the_log_in() {
        let open: Vec<_> = ROWS
            .iter()
            .filter(|row| row.who.meets(Who::NOBODY))
            .map(|row| row.path)
            .collect();
        let expected = [
            "/",
            "/assets/*",
            "/setup",
            "/login",
            "/login",
            "/logout",
            "/guest/*",
        ];
        assert_eq!(open, expected);
    }

    #[test]
    fn a_scope_reaches_its_own_and_no_more() {
        let reached = |who: Who| -> Vec<_> {
            let rows = ROWS.iter().filter(|row| row.who.meets(who));
            let rows = rows.filter(|row| !row.who.meets(Who::NOBODY));
            rows.map(|row| row.path).collect()
        };
        assert_eq!(reached(Who::METRICS), ["/metrics", "/healthz"]);
        let pictures = reached(Who::STREAM);
        assert!(pictures.contains(&"/stream") && !pictures.contains(&"/api/v1/state"));
        let words = reached(Who::API);
        assert!(words.contains(&"/api/v1/state"));
        assert!(words.iter().all(|path| !path.ends_with("picture")));
    }

    #[test]
    fn tricks_end_at_no_row() {
        for path in [
            "//api/v1/state",
            "/api//v1/state",
            "/api/v1/state//",
            "/assets/../api/v1/state",
            "/assets/%2e%2e/api/v1/state",
            "/assets/..;/api/v1/state",
            "/%61pi/v1/state",
            "/api%2fv1%2fstate",
            "/API/v1/state",
            "/assets//",
            "/assets/",
            "/nothing",
            "",
            "*",
        ] {
            assert_eq!(who(path), None, "{path}");
        }
        // These are one segment of a public folder, and no such file.
        for path in ["/assets/..", "/assets/%2e%2e%2fapi%2fv1%2fstate"] {
            assert_eq!(who(path), Some(Who::ALL), "{path}");
        }
    }

    #[test]
    fn an_address_with_a_query_is_never_the_public_one() {
        assert_eq!(who("/"), Some(Who::ALL));
        assert_eq!(who("/?"), Some(Who::ALL));
        assert_eq!(who("/?action=stream"), Some(PICTURES));
        assert_eq!(who("/?%61ction=stream"), Some(PICTURES));
        assert_eq!(who("/stream?action=x"), Some(PICTURES));
    }

    #[test]
    fn says_which_methods_there_are() {
        let find = |method, path| find(&method, path, None);
        assert_eq!(find(Method::POST, "/stream"), Found::Method("GET, HEAD"));
        assert_eq!(find(Method::GET, "/logout"), Found::Method("POST"));
        assert_eq!(
            find(Method::PUT, "/login"),
            Found::Method("GET, HEAD, POST")
        );
        let thumbnails = "/api/v1/events/thumbnails";
        assert_eq!(find(Method::GET, thumbnails), Found::Method("DELETE"));
        assert_eq!(find(Method::POST, "/nothing"), Found::Nothing);
        assert!(matches!(find(Method::HEAD, "/stream"), Found::Row(_)));
    }

    proptest! {
        #[test]
        fn a_path_of_anything_finds_a_row_or_none(path in "(/[a-z0-9%./;]{0,9}){0,5}") {
            if let Found::Row(row) = find(&Method::GET, &path, None) {
                prop_assert!(row.path == "/" || row.path.contains('*') || path.starts_with(row.path));
            }
        }
    }
}
