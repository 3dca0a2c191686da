//! The one-time code that sets the owner's password: whoever can read the node's console or its
//! card may own it, and nobody else.
//!
//! It is kept as it is, in a file that only we can read, until it was used; after that it is worth
//! nothing.

use std::{io, path::Path};

use vigla_kit::atomic;

use super::secret::{self, Digest};

/// Without vowels it makes no words, and without `0O1IL` nothing is misread.
const LETTERS: &[u8; 20] = b"BCDFGHJKMNPQRSTVWXZY";

/// A code, such as `BKTQ-WHZD-MXRG`: 12 letters of 20, so some 52 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code(String);

impl Code {
    /// The code in `file`, or a new one.
    pub(crate) fn at(file: &Path) -> io::Result<Self> {
        let kept = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(code) = Self::parse(&kept) {
            return Ok(code);
        }
        Self::new()
    }

    pub(crate) fn new() -> io::Result<Self> {
        let mut letters = Vec::new();
        while letters.len() < 12 {
            // Above the last multiple of 20 some letters would come more often than others.
            let fair = secret::random::<16>()?
                .into_iter()
                .filter(|&byte| byte < 240);
            letters.extend(fair.map(|byte| char::from(LETTERS[usize::from(byte) % 20])));
        }
        let text: String = letters.into_iter().take(12).collect();
        Ok(Self(text))
    }

    pub(crate) fn keep(&self, file: &Path) -> io::Result<()> {
        atomic::write(file, self.shown().as_bytes())
    }

    /// As people read it.
    pub(crate) fn shown(&self) -> String {
        format!("{}-{}-{}", &self.0[..4], &self.0[4..8], &self.0[8..])
    }

    /// Whether this is what somebody typed, whatever the case, and with or without lines.
    pub(crate) fn is(&self, typed: &str) -> bool {
        Self::parse(typed).is_some_and(|typed| Digest::of(&typed.0).is(&Digest::of(&self.0)))
    }

    fn parse(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let letters: String = letters.take(13).map(|c| c.to_ascii_uppercase()).collect();
        let sound = letters.len() == 12 && letters.bytes().all(|c| LETTERS.contains(&c));
        sound.then_some(Self(letters))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::new().unwrap();
        let shown = code.shown();
        assert_eq!(shown.len(), 14);
        assert!(code.is(&shown));
        assert!(code.is(&shown.to_lowercase().replace('-', " ")));
        assert!(!code.is(&format!("{shown}B")));
        assert!(!code.is(""));
        assert!(!code.is(&Code::new().unwrap().shown()));
    }

    #[test]
    fn the_file_keeps_it_until_it_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("code");
        let code = Code::at(&file).unwrap();
        code.keep(&file).unwrap();
        assert_eq!(Code::at(&file).unwrap(), code);
        atomic::write(&file, b"BBBB-BB").unwrap();
        assert_ne!(Code::at(&file).unwrap(), code);
    }

    proptest! {
        #[test]
        fn what_is_typed_does_no_harm(text in ".{0,40}") {
            let _ = Code::parse(&text);
        }
    }
}
