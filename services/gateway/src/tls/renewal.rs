//! The owner's certificate is renewed while we run: whoever does that writes the files anew, and tells
//! nobody. So once a minute we look whether they changed, and read them then. What cannot be used is
//! a problem, and the one before goes on; it is tried again each minute, as the two files may have
//! been written one after the other.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time;
use vigla_bus::Problem;
use vigla_kit::{Locator, Problems};

use super::Tls;
use crate::config;

const EACH: Duration = Duration::from_mins(1);

const REFUSED: &str = "certificate-refused";

/// What tells one version of a file from another; none when it is not there.
type Mark = Option<(i64, i64, u64, u64)>;

/// The owner's files.
#[derive(Debug)]
pub(crate) struct Renewal {
    files: config::Tls,
    at: Locator,
    seen: [Mark; 2],
    refused: bool,
}

impl Renewal {
    /// Notes the files as they are now: to be made before they are read for the first time. None
    /// where the certificate is our own.
    pub(crate) fn of(files: &config::Tls, at: &Locator) -> Option<Self> {
        let theirs = !files.certificate.as_os_str().is_empty();
        theirs.then(|| Self {
            files: files.clone(),
            at: at.clone(),
            seen: marks(files),
            refused: false,
        })
    }

    /// Hands each new certificate to `renewed`, for ever.
    pub(crate) async fn follow(
        mut self,
        problems: Problems,
        renewed: impl Fn(Tls),
    ) -> anyhow::Result<()> {
        let mut beat = time::interval(EACH);
        beat.tick().await;
        loop {
            beat.tick().await;
            if let Some(tls) = self.look(&problems) {
                renewed(tls);
            }
        }
    }

    fn look(&mut self, problems: &Problems) -> Option<Tls> {
        let now = marks(&self.files);
        if now == self.seen && !self.refused {
            return None;
        }
        let subject = self.files.certificate.display().to_string();
        let read = Tls::theirs(&self.files, &self.at);
        let changed = std::mem::replace(&mut self.seen, now) != now;
        self.refused = read.is_err();
        match read {
            Ok(tls) => {
                problems.clear(REFUSED, &subject);
                Some(tls)
            }
            Err(error) => {
                if changed {
                    tracing::error!(%error, "cannot use the new certificate, going on with the one before");
                }
                problems.set(Problem::new(REFUSED, subject));
                None
            }
        }
    }
}

fn marks(files: &config::Tls) -> [Mark; 2] {
    let mark = |path: &Path| {
        let known = std::fs::metadata(path).ok()?;
        Some((known.mtime(), known.mtime_nsec(), known.size(), known.ino()))
    };
    let mark = |path: &PathBuf| mark(path);
    [mark(&files.certificate), mark(&files.key)]
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use vigla_kit::atomic;

    use super::*;
    use crate::tls::make;

    fn pem(label: &str, der: &[u8]) -> String {
        use base64::{Engine, engine::general_purpose::STANDARD};
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    }

    /// Writes another certificate and its key; gives the key.
    fn write(files: &config::Tls, node: &str) -> String {
        let (certificate, key) = make(node, "10.0.0.1".parse().unwrap()).unwrap();
        let key = pem("PRIVATE KEY", key.secret_pkcs8_der());
        atomic::write(
            &files.certificate,
            pem("CERTIFICATE", &certificate).as_bytes(),
        )
        .unwrap();
        atomic::write(&files.key, key.as_bytes()).unwrap();
        key
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = config::Tls {
            certificate: dir.path().join("certificate.pem"),
            key: dir.path().join("key.pem"),
            ..config::Tls::default()
        };
        write(&files, "one");
        let problems = Problems::default();
        let at = Locator::default();
        let renewal = Renewal::of(&files, &at).unwrap();
        let first = Tls::theirs(&files, &at).unwrap().fingerprint;
        let (sender, mut renewed) = mpsc::unbounded_channel();
        let told = problems.clone();
        let follow = renewal.follow(told, move |tls| sender.send(tls.fingerprint).unwrap());
        #[allow(clippy::disallowed_methods, reason = "a test has no context")]
        let follow = tokio::spawn(follow);

        let key = write(&files, "two");
        let second = renewed.recv().await.unwrap();
        assert_ne!(first, second);
        assert_eq!(problems.list(), []);

        // The key is that of another certificate, and then it is not.
        write(&files, "three");
        atomic::write(&files.key, key.as_bytes()).unwrap();
        let minutes = 3 * EACH;
        time::timeout(minutes, renewed.recv()).await.unwrap_err();
        let subject = files.certificate.display().to_string();
        assert_eq!(problems.list(), [Problem::new(REFUSED, subject)]);
        write(&files, "four");
        assert_ne!(renewed.recv().await.unwrap(), second);
        assert_eq!(problems.list(), []);
        // Nothing has changed.
        time::timeout(minutes, renewed.recv()).await.unwrap_err();
        follow.abort();
    }

    #[test]
    fn our_own_is_not_looked_at() {
        assert!(Renewal::of(&config::Tls::default(), &Locator::default()).is_none());
    }
}
