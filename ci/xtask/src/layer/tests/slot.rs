//! What BitBake's class asks of a root tree before it becomes an image, run on trees of plain files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::image::put;
use crate::layer::text::{self, Kind};

/// The body of a function of `vigla_slot.bbclass`, for a tree and a folder to work in.
fn function(name: &str, root: &Path, work: &Path) -> String {
    let class = text::read("classes/vigla_slot.bbclass").unwrap();
    let bodies = class
        .into_iter()
        .filter_map(|statement| match statement.kind {
            Kind::Function { name: there, body } if there == name => Some(body),
            _ => None,
        });
    let body: Vec<_> = bodies.collect();
    assert_eq!(body.len(), 1, "{name}");
    body[0]
        .replace("${IMAGE_ROOTFS}", &root.display().to_string())
        .replace("${WORKDIR}", &work.display().to_string())
}

/// What it says of a tree that was changed so; `None`: it has nothing to say.
fn said(change: impl FnOnce(&Path)) -> Option<String> {
    let (root, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in ["etc/ssh", "usr/lib", "tmp", "root/.ssh"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    put(
        root.path().join("etc/shadow"),
        "root:*:::::::\nvigla:!:::::::\n",
    )
    .unwrap();
    put(root.path().join("usr/lib/libgnutls.so.30"), key()).unwrap();
    put(
        root.path().join("usr/lib/ssh"),
        "\x7fELF-----BEGIN PRIVATE KEY-----\0",
    )
    .unwrap();
    mode(root.path(), "tmp", 0o1777);
    change(root.path());
    let script = function("vigla_audit", root.path(), work.path());
    let script = format!("bbfatal() {{ echo \"$1\"; exit 1; }}\nset -e\n{script}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(output.status.success(), text.is_empty(), "{text}");
    (!text.is_empty()).then_some(text)
}

fn key() -> String {
    format!("-----BEGIN EC PRIVATE KEY-----\n{}\n", "Ab+/".repeat(16))
}

fn mode(root: &Path, name: &str, mode: u32) {
    fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_root_tree_that_must_not_become_an_image_is_refused() {
    assert_eq!(said(|_| {}), None);
    let with = |name: &str, text: &str, bits: u32| {
        let found = said(|root| {
            put(root.join(name), text).unwrap();
            mode(root, name, bits);
        });
        found.unwrap_or_default()
    };
    for (name, text, bits) in [
        ("etc/release.pem", key().as_str(), 0o600),
        ("etc/ssh/ssh_host_rsa_key", "x", 0o600),
        ("root/.ssh/authorized_keys", "ssh-ed25519 x", 0o600),
        ("usr/lib/su", "x", 0o4755),
        ("etc/open", "x", 0o666),
    ] {
        let text = with(name, text, bits);
        assert!(text.contains(name), "{name}: {text}");
    }
    let account = with(
        "etc/shadow",
        "root::::::::\nme:$6$ab:::::::\nother:!:::::::\n",
        0o600,
    );
    assert!(
        account.contains("root::") && account.contains("me:$6$"),
        "{account}"
    );
    assert!(!account.contains("other"), "{account}");
    let folder = said(|root| mode(root, "tmp", 0o777)).unwrap();
    assert!(folder.contains("./tmp"), "{folder}");
}
