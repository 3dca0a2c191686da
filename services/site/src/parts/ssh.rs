//! `ssh_keys`: lines as in `authorized_keys`, without options.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::mistake::Notes;
use crate::table::{Table, shown};

const KINDS: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

pub(super) fn keys(top: &Table, notes: &mut Notes) -> Vec<String> {
    let mut keys = Vec::new();
    for given in top.texts("ssh_keys", notes) {
        let line = given.text.trim();
        match wrong(line) {
            None => keys.push(line.to_owned()),
            Some((what, fix)) => notes.add(&given.span, what, fix),
        }
    }
    keys
}

/// What is wrong with a line, and what to do.
fn wrong(line: &str) -> Option<(String, &'static str)> {
    if line.contains("PRIVATE KEY") {
        let what = "this is a private key, which nobody should have but you".to_owned();
        let fix = "make a new pair (`ssh-keygen -t ed25519`) and write the line of its file `.pub`";
        return Some((what, fix));
    }
    let mut words = line.split_whitespace();
    let kind = words.next().unwrap_or_default();
    let whole = "copy the whole line of your file `~/.ssh/id_ed25519.pub`";
    if line.chars().any(char::is_control) {
        return Some(("a key is one line".to_owned(), whole));
    }
    if !KINDS.contains(&kind) {
        let what = format!("`{}` is no kind of ssh key", shown(kind));
        return Some((what, whole));
    }
    let sound = words.next().is_some_and(|body| is_key(kind, body));
    (!sound).then(|| ("this ssh key is damaged or cut off".to_owned(), whole))
}

/// Its fields fill the key to the last byte, and the first says its kind.
fn is_key(kind: &str, body: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(body) else {
        return false;
    };
    let (mut rest, mut fields) = (bytes.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((field, after)) = after.split_at_checked(length) else {
            return false;
        };
        fields.push(field);
        rest = after;
    }
    rest.is_empty() && fields.len() > 1 && fields[0] == kind.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMbq4JhwR7vG0m1c6bCFv7CIqnc8hZ3tSkmBBKqr0sFY";

    #[test]
    fn a_whole_line_is_taken_and_a_part_is_not() {
        assert_eq!(wrong(KEY), None);
        assert_eq!(wrong(&format!("{KEY} me@laptop")), None);
        for cut in 12..KEY.len() {
            assert!(wrong(&KEY[..cut]).is_some(), "{}", &KEY[..cut]);
        }
        let other = KEY.replacen("ssh-ed25519", "ssh-rsa", 1);
        let options = format!("command=\"sh\" {KEY}");
        let private = "-----BEGIN OPENSSH PRIVATE KEY-----";
        for bad in [
            "",
            "ssh-dss AAAA",
            private,
            &other,
            &options,
            &format!("{KEY}\n{KEY}"),
        ] {
            assert!(wrong(bad).is_some(), "{bad}");
        }
        assert!(wrong(private).unwrap().0.contains("private"));
    }
}
