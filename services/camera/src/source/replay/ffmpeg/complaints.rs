//! What the child complains about, in whole lines, never with credentials or the query of an address in it.
//!
//! A read may end anywhere, also in the middle of a password, and half of one is not recognised. So nothing is
//! passed on before its line is whole.

use vigla_bus::address::shown;

use crate::source::replay::url::Credentials;

/// Longest line that is waited for, in bytes; of a longer one nothing is kept.
const LONGEST: usize = 16 << 10;

/// Cuts complaints into lines, and takes out what is not shown.
#[derive(Debug)]
pub(super) struct Complaints {
    credentials: Option<Credentials>,
    /// The line that is not whole yet.
    begun: Vec<u8>,
    /// Its beginning was thrown away, because it is too long.
    torn: bool,
}

impl Complaints {
    /// Of a child that knows these credentials.
    pub(super) fn new(credentials: Option<Credentials>) -> Self {
        Self {
            credentials,
            begun: Vec::new(),
            torn: false,
        }
    }

    /// Takes a piece in, and gives the lines that are whole now, as they may be shown.
    pub(super) fn hear(&mut self, piece: &[u8]) -> String {
        let mut said = String::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.begun);
                if !std::mem::take(&mut self.torn) {
                    said += &self.clean(&line);
                }
            } else if self.begun.len() > LONGEST {
                self.begun.clear();
                self.torn = true;
            }
        }
        said
    }

    /// What is left of a child that has ended. Of a line that was cut off the last word may be half a
    /// secret of the address; where there are credentials, any word may be.
    pub(super) fn rest(&mut self) -> String {
        let line = std::mem::take(&mut self.begun);
        let whole = line.iter().rposition(u8::is_ascii_whitespace);
        let torn = std::mem::take(&mut self.torn);
        match whole {
            Some(end) if !torn && self.credentials.is_none() => self.clean(&line[..end]),
            _ => String::new(),
        }
    }

    fn clean(&self, line: &[u8]) -> String {
        let line = String::from_utf8_lossy(line);
        match &self.credentials {
            Some(credentials) => credentials.redact(&line),
            None => shown(&line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "open rtsp://admin:SE%20CRET@cam/x?pwd=SECRET: 401\nno: SE CRET\n";
    const CLEAN: &str = "open rtsp://cam/x?...: 401\nno: ***\n";

    fn ears() -> Complaints {
        Complaints::new(Credentials::parse("admin:SE CRET"))
    }

    #[test]
    fn a_password_that_two_reads_share_is_taken_out() {
        for cut in 0..SAID.len() {
            let mut ears = ears();
            let (first, second) = SAID.as_bytes().split_at(cut);
            let said = ears.hear(first) + &ears.hear(second) + &ears.rest();
            assert_eq!(said, CLEAN, "{cut}");
        }
    }

    #[test]
    fn a_line_that_never_ends_shows_no_half_of_a_password() {
        for cut in 0..SAID.len() {
            let mut ears = ears();
            let said = ears.hear(&SAID.as_bytes()[..cut]) + &ears.rest();
            assert!(!said.contains("SE"), "{cut}: {said}");
        }
        let mut ears = Complaints::new(None);
        assert_eq!(ears.hear(b"refused by rtsp://h/x?pwd=SEC"), "");
        assert_eq!(ears.rest(), "refused by");
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut ears = ears();
        for _ in 0..100 {
            assert_eq!(ears.hear(&[b'x'; 1 << 10]), "");
            assert!(ears.begun.len() <= LONGEST);
        }
        assert_eq!(ears.hear(b"SECRET\nthe next\n"), "the next\n");
    }
}
