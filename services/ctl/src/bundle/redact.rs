//! Takes secrets out of a text: passwords and tokens by the name before them, users and passwords
//! and queries in addresses (by the rule of [`vigla_bus::address`], as the daemons show them), private keys.
//! When in doubt it takes too much.

use vigla_bus::address::{LEFT_OUT, shown};

/// A name that ends so is followed by a secret.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "pwd",
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
];
/// Names of secrets that also end harmless words, like a bypass: they count only as whole words.
const WHOLE: [&str; 4] = ["pin", "pass", "auth", "key"];
/// Names that mean a secret only as a setting or in a query: problems and exits have codes as well.
const SETTINGS: [&str; 1] = ["code"];
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
        clean.push_str(&named(&schemes(&users(&shown(line)))));
    }
    clean
}

/// `me:secret@host` without a scheme before it, as a mistake in a setting has it, becomes `...@host`.
fn users(line: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`');
    let clean = |word: &str| match word.rsplit_once('@') {
        Some((user, host)) if user.contains(':') && !word.contains("://") => {
            format!("{LEFT_OUT}@{host}")
        }
        _ => word.to_owned(),
    };
    line.split_inclusive(ends).map(clean).collect()
}

/// `Bearer abc` becomes `Bearer ***`, as often as it stands there.
fn schemes(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let (mut clean, mut from) = (String::new(), 0);
    while let Some(start) = next_scheme(&lower, from) {
        let end = line[start..]
            .find(|c: char| c.is_whitespace() || c == '"')
            .map_or(line.len(), |end| start + end);
        clean.push_str(&line[from..start]);
        if end > start {
            clean.push_str(GONE);
        }
        from = end;
    }
    clean + &line[from..]
}

/// Where the secret begins behind the next scheme at or after `from`.
fn next_scheme(lower: &str, from: usize) -> Option<usize> {
    let hits = SCHEMES.iter().filter_map(|scheme| {
        let at = lower[from..].find(scheme)?;
        Some(from + at + scheme.len())
    });
    let mut secret = lower[hits.min()?..].trim_start_matches([' ', '"']);
    while let Some(behind) = SCHEMES.iter().find_map(|s| secret.strip_prefix(s)) {
        secret = behind.trim_start_matches([' ', '"']);
    }
    Some(lower.len() - secret.len())
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
    let names = NAMES.iter().chain(&WHOLE).chain(&SETTINGS);
    let hits = names.flat_map(|name| {
        let found = lower[from..].match_indices(name);
        found.filter_map(move |(at, _)| {
            let (start, end) = (from + at, from + at + name.len());
            let rest = &lower[end..];
            let bare = rest.trim_start_matches(['"', '\'', ' ', '\t', ']', '\\']);
            let value = bare
                .strip_prefix(['=', ':'])?
                .trim_start_matches([' ', '\t', '\\']);
            let secret = NAMES.contains(name) || is_name(name, &lower[..start], rest);
            (secret && !value.trim().is_empty()).then(|| (start, lower.len() - value.len()))
        })
    });
    hits.min()
}

/// Whether a name that is also a harmless word names a secret between `before` and `behind`.
fn is_name(name: &str, before: &str, behind: &str) -> bool {
    if before.ends_with(|c: char| c.is_alphanumeric()) || is_label(before) {
        return false;
    }
    let with_equals = behind
        .trim_start_matches(['"', '\'', ' ', '\t', '\\'])
        .starts_with('=');
    let leads = is_key(before);
    if SETTINGS.contains(&name) {
        let in_table = before.contains('=') && before.trim_end().ends_with(['{', ',']);
        let in_query = before.ends_with(['?', '&']);
        let in_quotes = behind.contains('"');
        return with_equals && (leads || in_query || (in_table && in_quotes));
    }
    // `unknown key: x` is a sentence, `"key": "x"` and a line `key: x` are not.
    with_equals || leads || name == "pin" || behind.starts_with(['"', '\'', '\\'])
}

/// Whether only the beginning of a key stands in `before`: nothing, an indent, `tls.`, a quote.
fn is_key(before: &str) -> bool {
    let sign = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
    before.trim_start().chars().all(sign)
}

/// Whether a label of a metric comes next, as in `vigla_frames_total{camera="front",key="x"}`.
fn is_label(before: &str) -> bool {
    let sign = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let metric = before.split_once('{').map(|(metric, _)| metric);
    metric.is_some_and(|metric| !metric.is_empty() && metric.chars().all(sign))
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
                "source = \"rtsp://...@cam/1\"",
            ),
            ("get http://a/?token=hunter2&x=1", "get http://a/?..."),
            ("get /a?token=hunter2&x=1", "get /a?token=***"),
            ("Authorization: Bearer hunter2", "Authorization: ***"),
            ("sent Bearer hunter2 to x", "sent Bearer *** to x"),
            ("psk=hunter2\nssid=home\n", "psk=***\nssid=***\n"),
            ("password = \"a\\\"hunter2\" # x", "password = \"***\" # x"),
            (
                "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\nx\n",
                "*** a private key\nx\n",
            ),
            ("the password is wrong\n", "the password is wrong\n"),
            ("http://host/a@b.example", "http://...@b.example"),
            ("password =\n", "password =\n"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn takes_the_secrets_of_a_hostile_reviewer_out() {
        for (text, clean) in [
            ("?usr=admin&pwd=PWDSECRET1", "?usr=admin&pwd=***"),
            ("&pass=PASSSECRET2", "&pass=***"),
            (
                "source = \"rtsp://h/live?usr=admin&pwd=PWDSECRET1\"\nrate = 7\n",
                "source = \"rtsp://h/live?...\"\nrate = 7\n",
            ),
            (
                "rtsp://h/live?usr=admin&pass=PASSSECRET2 x",
                "rtsp://h/live?... x",
            ),
            ("?auth=AUTHSECRET5&key=KEYSECRET6", "?auth=***"),
            ("&key=KEYSECRET6", "&key=***"),
            ("/claim?code=SECRET", "/claim?code=***"),
            (
                "Bearer SECRET1, bearer SECRET2 and Basic SECRET3",
                "Bearer *** bearer *** and Basic ***",
            ),
            ("bearer bearer  SECRET", "bearer bearer  ***"),
            (
                "`me:SEC@RET@broker:1883` is not a host",
                "`...@broker:1883` is not a host",
            ),
            ("names = [\"me:SECRET@h\"]", "names = [\"...@h\"]"),
            ("code = \"SECRET\"", "code = \"***\""),
            (
                "login = { code = \"SECRET\" }",
                "login = { code = \"***\" }",
            ),
            ("smtp_pass: SECRET", "smtp_pass: ***"),
            ("{\"key\": \"SECRET\"}", "{\"key\": \"***\"}"),
            ("wifi.passphrase = 'SECRET'", "wifi.passphrase = '***'"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn harmless_text_stays_readable() {
        for text in [
            "2026-11-22T14:17:35+00:00 node vigla-camera[12]: 15.0 pictures a second",
            "viglactl 0.1.0\nLinux 6.12.8-rpi aarch64",
            "key_file = \"/etc/vigla/tls/key.pem\"",
            "vigla_frames_total{camera=\"front\",key=\"a\",code=\"503\"} 12",
            "vigla_sink{broker=\"mqtt://localhost:1883\"} 1",
            "Main process exited, code=exited, status=1/FAILURE",
            "{\"code\": \"source-denied\", \"subject\": \"front\"}",
            "unknown key: `sizes`",
            "bypass = true",
            "serving http://[::1]:8080/",
            "see https://vigla.example/manual, or ask",
            "rtsp://[fe80::1]:554/live: Connection refused",
            "12:30:05 user@1000.service: ended, git@host:path",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    proptest! {
        #[test]
        fn no_planted_secret_survives(before in "\\PC{0,20}", name in proptest::sample::select([&NAMES[..], &WHOLE[..]].concat()), secret in "[A-Z0-9/+]{12,20}") {
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
