//! What a person at the node must know to log in: the certificate's fingerprint, and the one-time
//! code while there is one. It goes to the terminal where there is one, and into a file that only
//! we and root can read; the image puts that on the card's FAT partition. The code is never logged.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use vigla_kit::atomic;

use crate::login::code::Code;

/// The name of the file in the state folder.
const FILE: &str = "report.txt";

/// Writes it.
#[derive(Debug)]
pub(crate) struct Report {
    file: PathBuf,
    port: u16,
    fingerprint: Mutex<String>,
}

impl Report {
    pub(crate) fn new(state: &std::path::Path, port: u16, fingerprint: String) -> Self {
        Self {
            file: state.join(FILE),
            port,
            fingerprint: Mutex::new(fingerprint),
        }
    }

    /// The certificate is another one now.
    pub(crate) fn certify(&self, fingerprint: String) {
        *self.fingerprint() = fingerprint;
    }

    fn fingerprint(&self) -> MutexGuard<'_, String> {
        let fingerprint = self.fingerprint.lock();
        fingerprint.unwrap_or_else(PoisonError::into_inner)
    }

    /// Says it all; `code` is none when a password is set.
    pub(crate) fn write(&self, code: Option<&Code>) -> io::Result<()> {
        let text = self.text(code);
        let mut terminal = io::stderr();
        if code.is_some() && terminal.is_terminal() {
            terminal.write_all(text.as_bytes())?;
        }
        atomic::write(&self.file, text.as_bytes())
    }

    fn text(&self, code: Option<&Code>) -> String {
        let port = self.port;
        let fingerprint = self.fingerprint();
        let next = code.map_or_else(
            || "The password of the owner is set.\n".to_owned(),
            |code| {
                format!(
                    "Nobody has set a password yet. Open https://<address of this node>:{port}/ and\n\
                     set it with this code, which works once:\n\n    {}\n",
                    code.shown()
                )
            },
        );
        format!(
            "Vigla: the page of this node\n\n{next}\n\
             The browser does not know the certificate of this node. Its SHA-256 must be\n\n    {}\n    {}\n",
            &fingerprint[..fingerprint.len().min(48)],
            &fingerprint[fingerprint.len().min(48)..],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_holds_the_code_until_it_was_used() {
        let dir = tempfile::tempdir().unwrap();
        let report = Report::new(dir.path(), 8443, "AB:".repeat(31) + "CD");
        let code = Code::new().unwrap();
        report.write(Some(&code)).unwrap();
        let read = || std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(read().contains(&code.shown()) && read().contains(":8443/"));
        assert!(read().contains("AB:CD\n"));
        report.certify("EF:".repeat(32));
        report.write(None).unwrap();
        assert!(read().contains("EF:EF"), "the new certificate");
        assert!(!read().contains(&code.shown()));
    }
}
