//! A secret of `enrolment.toml` on the boot partition, overwritten and removed.
//!
//! FAT has no owners: whoever pulls the card reads it. So once a claim is used its bytes are overwritten
//! where they lie and forced to the disk, and only then the key is taken out of the file. (What a card
//! keeps of old blocks by itself is beyond us; a claim that was used is worthless in any case.)

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

use nix::fcntl::OFlag;
use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::Failed;
use crate::words::{Id, Key};
use crate::{Places, System};

/// No such file is larger, in bytes.
const LARGEST: u64 = 64 * 1024;
const FILE: &str = "boot/firmware/enrolment.toml";
const FIRMWARE: &str = "/boot/firmware";
const MOUNT: &str = "/usr/bin/mount";

/// `{"id": "7", "key": "claim"}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClaimRequest {
    pub(super) id: Id,
    key: Key,
}

/// The card is read only, and writable for as long as this takes.
pub(super) fn erase(
    request: &ClaimRequest,
    places: &Places,
    system: &mut dyn System,
) -> Result<String, Failed> {
    let fault = |why: &dyn std::fmt::Display| Failed::at("make the card writable", why);
    let mut mount = |how| system.run(MOUNT, &["-o", how, FIRMWARE]);
    mount("remount,rw").map_err(|error| fault(&error))?;
    let erased = erase_in(request, places);
    let closed = mount("remount,ro").map_err(|error| fault(&error));
    erased.and_then(|said| closed.map(|()| said))
}

fn erase_in(request: &ClaimRequest, places: &Places) -> Result<String, Failed> {
    let key = request.key.text();
    let path = places.at(FILE);
    let fault = |why: &dyn std::fmt::Display| {
        Failed::at(format!("erase `{key}` in `{}`", path.display()), why)
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits())
        .open(&path);
    let file = file.map_err(|error| fault(&error))?;
    let text = read(&file).map_err(|error| fault(&error))?;
    let place = find(&text, key).map_err(|why| fault(&why))?;
    wipe(&file, &text, &place).map_err(|error| fault(&error))?;
    Ok(format!("`{key}` is erased"))
}

fn read(file: &File) -> io::Result<String> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    Ok(text)
}

/// Where a key and its value stand, in bytes.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// Between the quotes, so that the file stays sound while it is overwritten.
    secret: Range<usize>,
    /// The lines from the key to the end of the value.
    lines: Range<usize>,
}

fn find(text: &str, key: &str) -> Result<Place, String> {
    let table = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    let entry = table.get_ref().iter().find(|(k, _)| k.get_ref() == key);
    let (name, value) = entry.ok_or("there is no such key at the top of the file")?;
    let DeValue::String(_) = value.get_ref() else {
        return Err(String::from("its value is no text"));
    };
    let span = value.span();
    let literal = &text[span.clone()];
    let quotes = if literal.starts_with("\"\"\"") || literal.starts_with("'''") {
        3
    } else {
        1
    };
    let start = text[..name.span().start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..].find('\n');
    let end = end.map_or(text.len(), |at| span.end + at + 1);
    Ok(Place {
        secret: span.start + quotes..span.end - quotes,
        lines: start..end,
    })
}

fn wipe(file: &File, text: &str, place: &Place) -> io::Result<()> {
    let noughts = vec![b'0'; place.secret.len()];
    file.write_all_at(&noughts, place.secret.start as u64)?;
    file.sync_all()?;
    let rest = [&text[..place.lines.start], &text[place.lines.end..]].concat();
    file.write_all_at(rest.as_bytes(), 0)?;
    // What was moved up stands at the end a second time, until it is cut off.
    file.set_len(rest.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_secret_and_its_lines_are_found() {
        let text = "# mine\nserver = 'x'\nclaim = \"s3cret\" # once\n[more]\nclaim = 1\n";
        let place = find(text, "claim").unwrap();
        assert_eq!(&text[place.secret], "s3cret");
        assert_eq!(&text[place.lines], "claim = \"s3cret\" # once\n");
        let long = "claim = \"\"\"\none\ntwo\"\"\"\nnext = 1";
        let place = find(long, "claim").unwrap();
        assert_eq!(&long[place.lines], "claim = \"\"\"\none\ntwo\"\"\"\n");
        assert_eq!(&long[place.secret], "\none\ntwo");
    }

    #[test]
    fn what_is_not_there_or_no_text_is_said() {
        for text in [
            "",
            "claim = 7",
            "[claim]\na = 'b'",
            "other = 'x'",
            "claim = 'x",
            "claim.a = 'x'",
        ] {
            assert!(find(text, "claim").is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn hostile_files_are_errors_and_no_panic(text in "[claim='\"\n\\[\\]#0ä ]{0,60}") {
            if let Ok(place) = find(&text, "claim") {
                prop_assert!(place.secret.start <= place.secret.end);
                prop_assert!(text.is_char_boundary(place.lines.end));
            }
        }
    }
}
