//! `enrolment.toml`: read once at the start, and its claim taken away when it was used.
//!
//! On a device only root reads the card: systemd hands the file over as a credential, and the claim is
//! erased by the act `erase-claim` (see `services/act`). Elsewhere the file is named in the settings,
//! and we rewrite it ourselves.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use vigla_fleet::invitation::{FILE, Invitation, LARGEST, Mistake, read};
use zeroize::Zeroizing;

/// Stands for a file that is not there: see the unit.
const NONE: &[u8] = b"#";

/// What the card says.
#[derive(Debug, Clone, Default)]
pub struct Card {
    /// Whether there is a file.
    pub there: bool,
    /// What it says, when it can be used.
    pub invitation: Option<Invitation>,
    /// What is wrong in it.
    pub mistakes: Vec<Mistake>,
    file: PathBuf,
    requests: Option<PathBuf>,
}

impl Card {
    /// Reads the file; `file` empty: the credential. `requests`: where the erasure is asked for; empty: the
    /// file is ours to write.
    #[must_use]
    pub fn read(file: &Path, requests: &Path) -> Self {
        let named = !file.as_os_str().is_empty();
        let file = if named {
            file.to_owned()
        } else {
            credential(FILE).unwrap_or_default()
        };
        let bytes = bytes(&file);
        let mut card = Self {
            file,
            requests: (!requests.as_os_str().is_empty()).then(|| requests.to_owned()),
            ..Self::default()
        };
        match bytes {
            Ok(bytes) if bytes.trim_ascii().is_empty() || bytes.trim_ascii() == NONE => {}
            Ok(bytes) => {
                card.there = true;
                (card.invitation, card.mistakes) = read(&bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                card.there = true;
                let what = format!("the file cannot be read: {error}");
                let fix = "check the card".to_owned();
                let line = 1;
                card.mistakes = vec![Mistake { line, what, fix }];
            }
        }
        card
    }

    /// Takes the claim out of the file, for the node `node` has used it.
    ///
    /// # Errors
    ///
    /// It cannot be done or asked for.
    pub fn erase(&self, node: &str) -> io::Result<()> {
        let Some(invitation) = &self.invitation else {
            return Ok(());
        };
        match &self.requests {
            Some(folder) => ask(folder),
            None => vigla_kit::atomic::write(&self.file, invitation.spent(node).as_bytes()),
        }
    }
}

/// Where systemd puts what it was told to hand over.
fn credential(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(PathBuf::from(folder).join(name))
}

/// One byte more than is ever read, so that a file that is too large is known to be.
fn bytes(file: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX) + 1;
    File::open(file)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts a request for the act `erase-claim`.
fn ask(folder: &Path) -> io::Result<()> {
    vigla_kit::act::ask(folder, "enrolment", br#"{"id":"joined","key":"claim"}"#)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const GOOD: &str = "version = 1\nendpoint = \"https://enrol.example\"\n\
        ca_sha256 = \"b3fd1fb8ba7ea5bd35b94f1f6c2ae54f6c70f0b5ea1f0e47bbf5ee77e0b6bd3a\"\n\
        claim = \"0000-0000-0000-0000-0000-0000-0000-0000-0000\"\n";

    fn put(path: &Path, text: &[u8]) {
        vigla_kit::atomic::write(path, text).unwrap();
    }

    #[test]
    fn no_file_an_empty_one_and_a_bad_one_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let card = || Card::read(&file, Path::new(""));
        assert!(!card().there);
        for none in [&b""[..], b"#", b"#\n"] {
            put(&file, none);
            assert!(!card().there);
        }
        put(&file, b"nonsense");
        assert!(card().there && card().invitation.is_none() && !card().mistakes.is_empty());
        put(&file, &vec![b'#'; LARGEST + 5]);
        assert!(card().mistakes[0].what.contains("64 KB"));
        put(&file, GOOD.as_bytes());
        assert!(card().invitation.unwrap().claim.is_some());
        let unreadable = Card::read(folder.path(), Path::new(""));
        assert!(unreadable.there && unreadable.mistakes[0].what.contains("cannot be read"));
    }

    #[test]
    fn the_claim_is_taken_out_or_asked_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        put(&file, GOOD.as_bytes());
        let card = Card::read(&file, folder.path());
        card.erase("vigla-0").unwrap();
        let request = fs::read_to_string(folder.path().join("request.json")).unwrap();
        assert_eq!(request, r#"{"id":"joined","key":"claim"}"#);
        assert_eq!(fs::read_to_string(&file).unwrap(), GOOD);
        let card = Card::read(&file, Path::new(""));
        card.erase("vigla-0").unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("0000-0000") && text.contains("used_by = \"vigla-0\""));
    }
}
