//! What is kept of the log-in, in one file that only we can read: hashes of passwords and digests
//! of tokens, and nothing that would let anybody in.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use serde::{Deserialize, Serialize};
use vigla_kit::atomic;

use super::{Role, tokens::Token};

const VERSION: u32 = 1;

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    version: u32,
    /// Hash of the owner's password; none until it was set.
    pub(crate) owner: Option<String>,
    /// Hash of the viewers' password; none when there is none.
    pub(crate) viewer: Option<String>,
    pub(crate) tokens: Vec<Token>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            version: VERSION,
            owner: None,
            viewer: None,
            tokens: Vec::new(),
        }
    }
}

impl Kept {
    /// The hash of whose password.
    pub(crate) fn hash_of(&self, role: Role) -> Option<&str> {
        match role {
            Role::Owner => self.owner.as_deref(),
            Role::Viewer => self.viewer.as_deref(),
        }
    }

    /// What `file` holds; nothing when there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is damaged. Then nobody is known, and only the one-time code,
    /// for which one must be at the node, lets anybody in.
    pub(crate) fn load(file: &Path) -> io::Result<Self> {
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let kept: Self = serde_json::from_slice(&bytes)?;
        if kept.version == VERSION {
            Ok(kept)
        } else {
            Err(io::Error::other(format!(
                "it is of version {}, and only {VERSION} is known here",
                kept.version
            )))
        }
    }

    pub(crate) fn save(&self, file: &Path) -> io::Result<()> {
        atomic::write(file, &serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::tokens::{Token, Wish};

    #[test]
    fn what_was_saved_is_loaded_and_nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("login.json");
        assert_eq!(Kept::load(&file).unwrap(), Kept::default());
        let wish = Wish::new("a", &["api"], 0, 1).unwrap();
        let kept = Kept {
            owner: Some("hash".to_owned()),
            tokens: vec![Token::new(&wish, 1).unwrap().0],
            ..Kept::default()
        };
        kept.save(&file).unwrap();
        assert_eq!(Kept::load(&file).unwrap(), kept);
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_is_an_error_and_no_panic() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("login.json");
        for text in ["", "{", "[]", "{\"version\": 9, \"tokens\": []}", "\u{0}"] {
            atomic::write(&file, text.as_bytes()).unwrap();
            assert!(Kept::load(&file).is_err(), "{text}");
        }
    }

    #[test]
    fn any_damage_to_the_file_is_survived() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("login.json");
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "login", |bytes| {
            atomic::write(&file, bytes).unwrap();
            if let Ok(kept) = Kept::load(&file) {
                assert!(crate::login::tokens::find(&kept.tokens, "x", 1).is_none());
            }
        });
    }
}
