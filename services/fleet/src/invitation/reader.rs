//! From bytes to an [`Invitation`], with a list of what is wrong.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, Notes};
use super::{Invitation, LARGEST, MOST};
use crate::claim::{Claim, NoClaim};
use crate::endpoint::Endpoint;
use crate::fingerprint::Fingerprint;

const KNOWN: [&str; 6] = [
    "version",
    "endpoint",
    "ca_sha256",
    "claim",
    "addresses",
    "used_by",
];
const AGAIN: &str = "make a new one: kubectl vigla claim create";

pub(super) fn read(bytes: &[u8]) -> (Option<Invitation>, Vec<Mistake>) {
    let text = match text(bytes) {
        Ok(text) => text,
        Err(mistake) => return (None, vec![mistake]),
    };
    let mut notes = Notes::new(&text);
    let table = match DeTable::parse(&text) {
        Ok(table) => table,
        Err(error) => {
            let place = error.span().unwrap_or(0..0);
            let what = format!("this cannot be read: {}", error.message());
            let fix = if text.contains('\0') {
                format!("the file is damaged; {AGAIN}")
            } else if text.contains(['\u{201c}', '\u{201d}', '\u{201e}']) {
                "use straight quotes (\"), not those of a word processor".to_owned()
            } else {
                "a line is like `key = \"value\"`, and a remark begins with `#`".to_owned()
            };
            notes.add(&place, what, fix);
            return (None, notes.end());
        }
    };
    let file = File(table.get_ref());
    file.unknown(&mut notes);
    let invitation = file.invitation(&mut notes);
    (invitation, notes.end())
}

/// The text, without what editors of Windows begin it with.
fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Mistake> {
    let whole = |line, what: &str, fix: &str| Mistake {
        line,
        what: what.to_owned(),
        fix: fix.to_owned(),
    };
    if bytes.len() > LARGEST {
        return Err(whole(1, "the file is larger than 64 KB", AGAIN));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let fix = "save it again with the encoding UTF-8";
        return Err(whole(1, "the file is written in UTF-16", fix));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|e| {
        let before = bytes.get(..e.valid_up_to()).unwrap_or(bytes);
        let line = before.split(|byte| *byte == b'\n').count();
        let fix = "save the file with the encoding UTF-8, or make a new one";
        whole(line, "a character in this line is not UTF-8", fix)
    })
}

/// Where a claim should be.
enum Found {
    Claim(Claim),
    /// It was taken out by the device that joined.
    Used,
    /// None that is good for anything.
    Nothing,
}

struct File<'t>(&'t DeTable<'t>);

impl<'t> File<'t> {
    fn get(&self, key: &str) -> Option<(&'t DeValue<'t>, Range<usize>)> {
        let (_, value) = self.0.iter().find(|(k, _)| k.get_ref() == key)?;
        Some((value.get_ref(), value.span()))
    }

    fn unknown(&self, notes: &mut Notes<'_>) {
        for key in self.0.keys() {
            let name: &str = key.get_ref();
            if KNOWN.contains(&name) {
                continue;
            }
            let shown: String = name.chars().filter(|c| !c.is_control()).take(40).collect();
            let fix = if name == "network" {
                "write it into vigla.toml beside this file".to_owned()
            } else {
                let known: Vec<_> = KNOWN.iter().map(|key| format!("`{key}`")).collect();
                format!("remove it; there are {}", known.join(", "))
            };
            notes.add(&key.span(), format!("unknown key `{shown}`, ignored"), fix);
        }
    }

    fn invitation(&self, notes: &mut Notes<'_>) -> Option<Invitation> {
        let version = self.version(notes);
        let endpoint = self.endpoint(notes);
        let pins = self.list::<Fingerprint>("ca_sha256", "64 hex digits", notes);
        let addresses = self.list::<IpAddr>("addresses", "an address like `192.0.2.7`", notes);
        let claim = self.claim(notes);
        if self.get("ca_sha256").is_none() {
            notes.add(&(0..0), "the file has no `ca_sha256`", AGAIN);
        }
        let pins = pins.filter(|pins| !pins.is_empty());
        version?;
        Some(Invitation {
            endpoint: endpoint?,
            pins: pins?,
            claim: match claim {
                Found::Claim(claim) => Some(claim),
                Found::Used => None,
                Found::Nothing => return None,
            },
            addresses: addresses?,
        })
    }

    fn version(&self, notes: &mut Notes<'_>) -> Option<()> {
        match self.get("version") {
            Some((DeValue::Integer(number), _)) if number.as_str() == "1" => Some(()),
            Some((_, place)) => {
                let fix = "update this device, or write `version = 1`";
                notes.add(&place, "this version of the file is not known here", fix);
                None
            }
            None => {
                notes.add(&(0..0), "the file has no `version`", "add `version = 1`");
                None
            }
        }
    }

    fn endpoint(&self, notes: &mut Notes<'_>) -> Option<Endpoint> {
        let example = "write it like `endpoint = \"https://enrol.example:8443\"`";
        let Some((value, place)) = self.get("endpoint") else {
            notes.add(&(0..0), "the file has no `endpoint`", example);
            return None;
        };
        let DeValue::String(text) = value else {
            notes.add(&place, "`endpoint` is no text", example);
            return None;
        };
        let parsed = text.trim().parse::<Endpoint>();
        parsed
            .map_err(|why| notes.add(&place, format!("`endpoint`: {why}"), example))
            .ok()
    }

    fn claim(&self, notes: &mut Notes<'_>) -> Found {
        let Some((value, place)) = self.get("claim") else {
            if self.get("used_by").is_some() {
                return Found::Used;
            }
            // What was used may also just have been taken out: the device knows whether it needs one.
            notes.add(&(0..0), "the file has no `claim`", AGAIN);
            return Found::Used;
        };
        let DeValue::String(text) = value else {
            let fix = "put it in quotes, like `claim = \"K7QF-…\"`";
            notes.add(&place, "`claim` is no text", fix);
            return Found::Nothing;
        };
        match text.parse() {
            Ok(claim) => Found::Claim(claim),
            Err(why) => {
                let fix = "copy it again from where it was made";
                notes.add(&place, NoClaim::to_string(&why), fix);
                Found::Nothing
            }
        }
    }

    /// A text or a list of them; nothing is an empty list.
    fn list<T: FromStr>(&self, key: &str, form: &str, notes: &mut Notes<'_>) -> Option<Vec<T>> {
        let Some((value, place)) = self.get(key) else {
            return Some(Vec::new());
        };
        let one = |value: &DeValue<'_>| match value {
            DeValue::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let items: Option<Vec<T>> = match value {
            DeValue::Array(items) if items.len() <= MOST && !items.is_empty() => {
                items.iter().map(|item| one(item.get_ref())).collect()
            }
            other => one(other).map(|item| vec![item]),
        };
        if items.is_none() {
            let what = format!("`{key}` is not {form}, nor a list of at most {MOST} of them");
            notes.add(&place, what, "copy the line again from where it was made");
        }
        items
    }
}
