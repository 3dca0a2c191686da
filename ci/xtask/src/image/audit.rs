//! What must not be in an image: keys, tokens, passwords, an identity, programs that give rights.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::Context as _;

use super::tree::files_below;

/// Set-user-id and set-group-id.
const GIVES_RIGHTS: u32 = 0o6000;
const WRITABLE_BY_ALL: u32 = 0o002;
/// Of a file, in bytes: a key or token is in its beginning.
const LOOKED_AT: u64 = 1 << 20;

/// Texts by which secrets are known: keys, and what K3s' tokens (`K10<hash>::<user>:<secret>`) have in them.
const SECRETS: &[&str] = &[
    "PRIVATE KEY-----",
    "AWS_SECRET_ACCESS_KEY=",
    "::server:",
    "::node:",
];

/// Checks the tree below `root`; each finding is a line.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let mut found = Vec::new();
    for path in files_below(root)? {
        let name = path.strip_prefix(root).unwrap_or(&path);
        let meta = fs::metadata(&path).with_context(|| format!("look at `{}`", path.display()))?;
        if meta.permissions().mode() & WRITABLE_BY_ALL != 0 {
            found.push(format!("`{}` can be written by everybody", name.display()));
        }
        if meta.permissions().mode() & GIVES_RIGHTS != 0 {
            found.push(format!(
                "`{}` gives rights to whoever starts it",
                name.display()
            ));
        }
        if meta.size() <= LOOKED_AT
            && let Some(secret) = secret(&fs::read(&path)?)
        {
            found.push(format!("`{}` has `{secret}` in it", name.display()));
        }
    }
    found.extend(identity(root));
    anyhow::ensure!(
        found.is_empty(),
        "this must not be in an image:\n  {}",
        found.join("\n  ")
    );
    Ok(())
}

/// The secret in a text; programs that look for such texts themselves are no texts.
fn secret(bytes: &[u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(bytes).ok()?;
    SECRETS.iter().find(|known| text.contains(**known)).copied()
}

/// What makes one device differ from the other.
fn identity(root: &Path) -> Vec<String> {
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
    let mut found = Vec::new();
    if !read("etc/machine-id").trim().is_empty() {
        found.push("`etc/machine-id` is not empty".to_owned());
    }
    // Root has no password either, but is not locked to sshd.
    let open = |line: &&str| !line.contains(":!*:") && !line.starts_with("root:*:");
    found.extend(read("etc/shadow").lines().filter(open).map(|line| {
        let name = line.split(':').next().unwrap_or_default();
        format!("user `{name}` is not locked in `etc/shadow`")
    }));
    for name in [
        "etc/ssh/ssh_host_ed25519_key",
        "etc/ssh/ssh_host_rsa_key",
        "var/lib/systemd/random-seed",
    ] {
        if root.join(name).exists() {
            found.push(format!("`{name}` is there"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(change: impl FnOnce(&Path)) -> String {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/ssh")).unwrap();
        super::super::put(root.path().join("etc/machine-id"), "").unwrap();
        super::super::put(root.path().join("etc/shadow"), "root:!*:::::::\n").unwrap();
        check(root.path()).unwrap();
        change(root.path());
        check(root.path()).unwrap_err().to_string()
    }

    #[test]
    fn what_must_not_be_in_an_image_is_found() {
        let put = |name: &'static str, text: &'static str| {
            wrong(move |root| super::super::put(root.join(name), text).unwrap())
        };
        assert!(put("etc/x.pem", "-----BEGIN EC PRIVATE KEY-----").contains("`etc/x.pem` has"));
        assert!(put("etc/token", "K10ab::node:cd").contains("`etc/token`"));
        assert!(put("etc/machine-id", "0123\n").contains("machine-id"));
        assert!(put("etc/shadow", "root::::::::\n").contains("`root` is not locked"));
        assert!(put("etc/ssh/ssh_host_rsa_key", "x").contains("host_rsa_key"));
        let su = wrong(|root| {
            super::super::put(root.join("etc/su"), "x").unwrap();
            fs::set_permissions(root.join("etc/su"), fs::Permissions::from_mode(0o4755)).unwrap();
        });
        assert!(su.contains("`etc/su` gives rights"), "{su}");
    }
}
