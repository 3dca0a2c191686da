//! How an address is shown: without what could be a secret.
//!
//! Addresses hold passwords before the host, in the query, and with some cameras in the path. Whoever
//! shows one (daemons on the bus and in their logs, `viglactl` in a support bundle) shows it by this rule, so
//! that no place is more talkative than another. When in doubt it leaves out too much.

/// What stands in place of what is not shown.
pub const LEFT_OUT: &str = "...";
/// What stands behind an address and is no part of it.
const BEHIND: [char; 9] = ['"', '\'', '`', ',', '>', ')', ';', ':', '.'];

/// `text` with every address in it as it may be shown: `rtsp://user:password@host/live?a=b` becomes
/// `rtsp://...@host/live?...`.
pub fn shown(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let (mut shown, mut from) = (String::with_capacity(line.len()), 0);
    while let Some(found) = line[from..].find("://") {
        let start = from + found + "://".len();
        let end = start + reach(&line[start..], in_quotes(&line[..start]));
        let address = whole(&line[start..end]);
        shown.push_str(&line[from..start]);
        shown.push_str(&conceal(address));
        from = start + address.len();
    }
    shown + &line[from..]
}

/// An address without what stands behind it. A mark of ours is its own: a text may come by twice.
fn whole(text: &str) -> &str {
    let end = text.trim_end_matches(BEHIND).len();
    let marked = text[end..].starts_with(LEFT_OUT);
    &text[..if marked { end + LEFT_OUT.len() } else { end }]
}

/// How far an address reaches: to the next space, or to the end of the quotes in which it stands.
/// Any other sign can be part of a password.
fn reach(text: &str, quoted: bool) -> usize {
    let mut escaped = false;
    let end = text.char_indices().find(|&(at, c)| {
        let closes = c == '"' && quoted && !escaped && is_behind_quotes(&text[at + 1..]);
        escaped = c == '\\' && !escaped;
        closes || c.is_whitespace()
    });
    end.map_or(text.len(), |(at, _)| at)
}

/// Whether `text` goes on as behind closing quotes in TOML, JSON or a metric.
fn is_behind_quotes(text: &str) -> bool {
    let next = text.chars().next();
    next.is_none_or(|c| c.is_whitespace() || matches!(c, ',' | ']' | '}' | ')' | ':' | '#'))
}

/// Whether quotes are open at the end of `text`.
fn in_quotes(text: &str) -> bool {
    let (mut open, mut escaped) = (false, false);
    for c in text.chars() {
        open ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
    }
    open
}

/// What follows `rtsp://`, as it may be shown: without user, password, query and fragment, and without the
/// parts of the path that could hold a password, like `admin:password`. [`LEFT_OUT`] stands where something
/// was left out. The host stays, unless it is not sure which part is the host.
pub fn conceal(rest: &str) -> String {
    let query = rest.find(['?', '#']).unwrap_or(rest.len());
    let (place, query) = rest.split_at(query);
    if query.contains('@') && place.contains(['@', ':']) {
        return LEFT_OUT.to_owned();
    }
    let (user, place) = match place.rsplit_once('@') {
        Some((_, place)) => ("...@", place),
        None => ("", place),
    };
    let parts = place.split('/').enumerate().map(|(index, part)| {
        let harmless = if index == 0 {
            is_host(part)
        } else {
            !part.contains([':', '=', '&', ';', '%'])
        };
        if harmless { part } else { LEFT_OUT }
    });
    let place = parts.collect::<Vec<_>>().join("/");
    match query.chars().next() {
        Some(mark) => format!("{user}{place}{mark}{LEFT_OUT}"),
        None => format!("{user}{place}"),
    }
}

/// Whether `text` can be a host with or without a port; `user:passw` of a broken address is not.
pub fn is_host(text: &str) -> bool {
    let port = match text.rsplit_once(']') {
        Some((_, port)) => port,
        None => text.find(':').map_or("", |colon| &text[colon..]),
    };
    port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_what_could_be_a_secret() {
        for (rest, clean) in [
            ("10.0.0.7/live", "10.0.0.7/live"),
            ("[fe80::1]:554/live", "[fe80::1]:554/live"),
            ("h/live?usr=admin&pwd=SECRET", "h/live?..."),
            ("h?pwd=SECRET", "h?..."),
            ("h/live#SECRET", "h/live#..."),
            ("h/live?a=b@SECRET#c", "h/live?..."),
            ("h/admin:SECRET/ch1", "h/.../ch1"),
            ("h:554/user=a&password=SECRET&x", "h:554/..."),
            ("me:1234/SECRET@h/x", "...@h/x"),
            ("me:SEC?RET@h/x", "..."),
            ("me:12?SECRET@h/x", "..."),
        ] {
            assert_eq!(conceal(rest), clean);
            assert_eq!(conceal(clean), clean, "it is shown twice");
        }
    }

    #[test]
    fn addresses_in_a_text_are_shown_the_same() {
        for (text, clean) in [
            ("no address: 12:30", "no address: 12:30"),
            (
                "Impossible to open 'rtsp://h/live?pwd=SECRET'\nrtsp://h/x?a=SECRET: refused",
                "Impossible to open 'rtsp://h/live?...'\nrtsp://h/x?...: refused",
            ),
            (
                "tcp://h:554?timeout=0 and rtsp://me:SECRET@h:554/live.",
                "tcp://h:554?... and rtsp://...@h:554/live.",
            ),
            ("rtsp://me:p'SECRET@h/x: no", "rtsp://...@h/x: no"),
            ("rtsp://me:p,SECRET@h/x, no", "rtsp://...@h/x, no"),
            ("rtsp://me:p>SECRET@h/x> no", "rtsp://...@h/x> no"),
            ("rtsp://me:p\"SECRET@h/x no", "rtsp://...@h/x no"),
            (
                "s = \"rtsp://me:p\\\"SECRET@h/x\" # a@b",
                "s = \"rtsp://...@h/x\" # a@b",
            ),
            (
                "{\"a\":\"rtsp://me:SECRET@h/x\",\"mail\":\"a@b\"}",
                "{\"a\":\"rtsp://...@h/x\",\"mail\":\"a@b\"}",
            ),
            ("serving http://[::1]:8080/", "serving http://[::1]:8080/"),
            ("it is at http://[::1]", "it is at http://[::1]"),
        ] {
            assert_eq!(shown(text), clean);
            assert_eq!(shown(clean), clean, "it is shown twice");
        }
    }
}
