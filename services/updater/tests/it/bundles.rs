//! Authorities and bundles, made by openssl and RAUC's own tool.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::rauc::{MACHINE, Program, put};

/// An authority with one signer, whose certificate is for `purpose`.
#[derive(Debug)]
pub(crate) struct Authority {
    folder: PathBuf,
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str, purpose: &str) -> Self {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let extensions = format!(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,{purpose}\n"
        );
        put(&folder.join("extensions"), extensions.as_bytes());
        let curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        for line in [
            format!("req -x509 {curve} -keyout ca.key -out ca.pem -days 30 -subj /CN={name} -addext keyUsage=critical,keyCertSign,cRLSign"),
            format!("req -new {curve} -keyout signer.key -out signer.csr -subj /CN={name}-signer"),
            "x509 -req -in signer.csr -extfile extensions -CA ca.pem -CAkey ca.key -CAcreateserial -out signer.pem -days 30".to_owned(),
        ] {
            let mut openssl = Command::new("openssl");
            run(openssl.args(line.split(' ')).current_dir(&folder));
        }
        Self { folder }
    }

    /// What a device trusts.
    pub(crate) fn certificate(&self) -> String {
        std::fs::read_to_string(self.folder.join("ca.pem")).unwrap()
    }
}

/// What a bundle is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) name: &'a str,
    pub(crate) signer: &'a Authority,
    pub(crate) machine: &'a str,
    pub(crate) version: &'a str,
    pub(crate) format: &'a str,
}

impl<'a> Wish<'a> {
    /// One that can be installed.
    pub(crate) fn good(name: &'a str, signer: &'a Authority) -> Self {
        Self {
            name,
            signer,
            machine: MACHINE,
            version: "1.2.0",
            format: "verity",
        }
    }

    /// Makes `<folder>/<name>.raucb`.
    pub(crate) fn make(&self, program: &Program, folder: &Path) -> PathBuf {
        let content = folder.join(format!("{}.parts", self.name));
        std::fs::create_dir_all(&content).unwrap();
        let manifest = format!(
            "[update]\ncompatible={}\nversion={}\n\n[bundle]\nformat={}\n\n[image.rootfs]\nfilename=root.img\n",
            self.machine, self.version, self.format
        );
        put(&content.join("manifest.raucm"), manifest.as_bytes());
        put(&content.join("root.img"), &noise(self.name));
        let bundle = folder.join(format!("{}.raucb", self.name));
        let mut rauc = program.command();
        let at = |name: &str| self.signer.folder.join(name);
        rauc.arg("bundle").arg("--cert").arg(at("signer.pem"));
        rauc.arg("--key").arg(at("signer.key"));
        run(rauc.arg(&content).arg(&bundle));
        bundle
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Different in each, so that one cannot stand for another, and nothing that a compressor makes small.
fn noise(name: &str) -> Vec<u8> {
    let seed = name
        .bytes()
        .fold(1_u64, |seed, byte| seed * 257 + u64::from(byte));
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..65_536).map(|_| next()).collect()
}
