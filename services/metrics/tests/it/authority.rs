//! Certificates made with the program `openssl`: an authority, and who it vouches for.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::broker::open_folder;

/// From and to, as `openssl ca` wants them.
pub(crate) const VALID: (&str, &str) = ("20200101000000Z", "20800101000000Z");
pub(crate) const EXPIRED: (&str, &str) = ("20200101000000Z", "20200201000000Z");
pub(crate) const NOT_YET: (&str, &str) = ("20790101000000Z", "20800101000000Z");

/// A certificate and its key, PEM.
pub(crate) struct Pair {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// An authority in a folder that everybody may read.
pub(crate) struct Authority {
    dir: TempDir,
}

impl Authority {
    /// `None`, and the test is skipped, where there is no `openssl`.
    pub(crate) fn new() -> Option<Self> {
        let there = Command::new("openssl").arg("version").output();
        if !there.is_ok_and(|output| output.status.success()) {
            vigla_testkit::skip("no `openssl`: install the package `openssl`");
            return None;
        }
        let authority = Self { dir: open_folder() };
        let folder = authority.dir.path().display();
        let text = format!(
            "[ca]\ndefault_ca=x\n[x]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\n\
             default_md=sha256\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n\
             [p]\ncommonName=supplied\n[req]\ndistinguished_name=d\n[d]\n"
        );
        write(&authority.path("conf"), &text);
        write(&authority.path("index"), "");
        authority.make(
            "ca",
            "/CN=an authority",
            &["-x509", "-days", "30", "-out", &authority.name("ca.pem")],
        );
        Some(authority)
    }

    /// The certificate of the authority itself.
    pub(crate) fn file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Vouches for `name` (`IP:127.0.0.1`) for that time.
    pub(crate) fn vouch(&self, file: &str, name: &str, time: (&str, &str)) -> Pair {
        let (certificate, key) = (self.name("ca.pem"), self.name("ca.key"));
        let signer = ["-cert", &certificate, "-keyfile", &key];
        self.sign(file, &[&format!("subjectAltName={name}")], &signer, time)
    }

    /// A certificate for `name` that is its own authority, as `openssl req -x509` makes it.
    pub(crate) fn own(&self, file: &str, name: &str, time: (&str, &str)) -> Pair {
        let extensions = [
            &*format!("subjectAltName={name}"),
            "basicConstraints=critical,CA:TRUE",
        ];
        let key = self.name(&format!("{file}.key"));
        self.sign(file, &extensions, &["-selfsign", "-keyfile", &key], time)
    }

    fn sign(
        &self,
        file: &str,
        extensions: &[&str],
        signer: &[&str],
        (from, to): (&str, &str),
    ) -> Pair {
        let (request, certificate) = (
            self.name(&format!("{file}.csr")),
            self.name(&format!("{file}.pem")),
        );
        let subject = format!("/CN={file}");
        let mut more = vec!["-out", &request];
        for extension in extensions {
            more.extend(["-addext", extension]);
        }
        self.make(file, &subject, &more);
        let config = self.name("conf");
        let mut arguments = vec![
            "ca",
            "-batch",
            "-notext",
            "-rand_serial",
            "-config",
            &config,
        ];
        arguments.extend(signer);
        arguments.extend(["-in", &request, "-out", &certificate]);
        arguments.extend(["-startdate", from, "-enddate", to]);
        Self::run(&arguments);
        Pair {
            certificate: certificate.into(),
            key: self.path(&format!("{file}.key")),
        }
    }

    /// A key, and a request or certificate for it.
    fn make(&self, file: &str, subject: &str, more: &[&str]) {
        let key = self.name(&format!("{file}.key"));
        let mut arguments = vec![
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            subject,
            "-keyout",
            &key,
        ];
        arguments.extend(more);
        Self::run(&arguments);
        // The broker runs as nobody, and these keys open nothing.
        std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    }

    fn run(arguments: &[&str]) {
        let output = Command::new("openssl").args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

pub(crate) fn write(path: &Path, text: &str) {
    vigla_kit::atomic::write(path, text.as_bytes()).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
}
