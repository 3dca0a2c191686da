//! Takes secrets out of a text: passwords and tokens by the name before them, users and passwords
//! in addresses, private keys. When in doubt it takes too much.

/// A name that ends so is followed by a secret.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "psk",
    "ssid",
    "credentials",
    "apikey",
    "api_key",
    "api-key",
    "authorization",
    "cookie",
    "pin",
];
/// Words before a secret, without anything between them but a space.
const SCHEMES: [&str; 2] = ["bearer ", "basic "];
/// What stands in place of a secret.
const GONE: &str = "***";

/// `text` without its secrets.
pub(super) fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut in_key = false;
    for line in text.split_inclusive('\n') {
        if in_key || line.contains("PRIVATE KEY-----") {
            if !in_key {
                clean.push_str("*** a private key\n");
            }
            in_key = !line.contains("-----END");
            continue;
        }
        clean.push_str(&named(&schemes(&addresses(line))));
    }
    clean
}

/// `rtsp://user:password@host` becomes `rtsp://***@host`.
fn addresses(line: &str) -> String {
    let (mut clean, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once("://") {
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | '>'))
            .unwrap_or(after.len());
        let (address, behind) = after.split_at(end);
        clean.push_str(before);
        clean.push_str("://");
        match address.rsplit_once('@') {
            Some((_, host)) => {
                clean.push_str(GONE);
                clean.push('@');
                clean.push_str(host);
            }
            None => clean.push_str(address),
        }
        rest = behind;
    }
    clean + rest
}

fn schemes(line: &str) -> String {
    let mut clean = line.to_owned();
    for scheme in SCHEMES {
        if let Some(at) = clean.to_ascii_lowercase().find(scheme) {
            let from = at + scheme.len();
            let end = clean[from..]
                .find(|c: char| c.is_whitespace() || c == '"')
                .map_or(clean.len(), |end| from + end);
            clean.replace_range(from..end, GONE);
        }
    }
    clean
}

/// `password = "..."`, `"token": "..."`, `psk=...`: what follows goes, to the closing quote or to
/// the end of the line.
fn named(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let (mut clean, mut from) = (String::new(), 0);
    while let Some((start, value)) = next_value(&lower, from) {
        let body = &line[value..];
        let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''));
        let end = match quote {
            Some(quote) => closing(&body[1..], quote).map_or(line.len(), |end| value + 1 + end),
            None => line.trim_end_matches(['\n', '\r']).len(),
        };
        clean.push_str(&line[from..start]);
        clean.push_str(&line[start..value]);
        if quote.is_some() {
            clean.push_str(&body[..1]);
        }
        if end > value {
            clean.push_str(GONE);
        }
        from = end.max(value);
    }
    clean + &line[from..]
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// Where the next name stands at or after `from`, and where its value begins.
fn next_value(lower: &str, from: usize) -> Option<(usize, usize)> {
    let hits = NAMES.iter().flat_map(|name| {
        let found = lower[from..].match_indices(name);
        found.filter_map(move |(at, _)| {
            let (start, end) = (from + at, from + at + name.len());
            let rest = &lower[end..];
            let bare = rest.trim_start_matches(['"', '\'', ' ', '\t', ']', '\\']);
            let value = bare
                .strip_prefix(['=', ':'])?
                .trim_start_matches([' ', '\t', '\\']);
            let whole = *name != "pin" || !lower[..start].ends_with(|c: char| c.is_alphanumeric());
            (whole && !value.trim().is_empty()).then(|| (start, lower.len() - value.len()))
        })
    });
    hits.min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_secrets_out_and_leaves_the_rest() {
        for (text, clean) in [
            (
                "password = \"hunter2\"\nuser = \"x\"\n",
                "password = \"***\"\nuser = \"x\"\n",
            ),
            ("mqtt_password: hunter2 and more\n", "mqtt_password: ***\n"),
            (
                "{\"token\":\"hunter2\",\"n\":1}",
                "{\"token\":\"***\",\"n\":1}",
            ),
            ("password_file = \"/etc/x\"", "password_file = \"/etc/x\""),
            (
                "source = \"rtsp://me:hun@ter2@cam/1\"",
                "source = \"rtsp://***@cam/1\"",
            ),
            ("get http://a/?token=hunter2&x=1", "get http://a/?token=***"),
            ("Authorization: Bearer hunter2", "Authorization: ***"),
            ("sent Bearer hunter2 to x", "sent Bearer *** to x"),
            ("psk=hunter2\nssid=home\n", "psk=***\nssid=***\n"),
            ("password = \"a\\\"hunter2\" # x", "password = \"***\" # x"),
            (
                "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\nx\n",
                "*** a private key\nx\n",
            ),
            ("the password is wrong\n", "the password is wrong\n"),
            ("http://host/a@b.example", "http://***@b.example"),
            ("password =\n", "password =\n"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    proptest! {
        #[test]
        fn no_planted_secret_survives(before in "\\PC{0,20}", name in proptest::sample::select(&NAMES[..]), secret in "[A-Z0-9/+]{12,20}") {
            for text in [
                format!("{before}\n{name} = \"{secret}\"\n"),
                format!("{before}\n\"{name}\": \"{secret}\"\n"),
                format!("{before}\n{name}={secret}\n"),
                format!("{before}\nrtsp://user:{secret}@host/x\n"),
            ] {
                prop_assert!(!redact(&text).contains(&secret), "{}", text);
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,80}(password|bearer |://)[\\PC\n]{0,40}") {
            redact(&text);
        }
    }

    #[test]
    fn any_damage_to_a_text_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "secrets", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            redact(&text);
        });
    }
}
