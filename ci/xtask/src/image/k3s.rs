//! K3s, where the builder is given one: a program that Debian does not have.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use crate::fetch;

/// An ELF file for aarch64 begins with this, and has this machine number at byte 18.
const ELF: &[u8] = b"\x7fELF";
const AARCH64: u8 = 183;

/// What the inventory says of it. The program tells its version only to its own processor.
#[derive(Debug)]
pub(crate) struct K3s {
    /// Lower-case hex.
    pub(crate) sha256: String,
}

/// Looks whether `file` is a program for the device.
pub(crate) fn about(file: &Path) -> anyhow::Result<K3s> {
    let mut head = [0; 20];
    let opened = fs::File::open(file).with_context(|| format!("open `{}`", file.display()))?;
    let length = opened.take(20).read(&mut head)?;
    anyhow::ensure!(
        length == 20 && head.starts_with(ELF) && head[18] == AARCH64,
        "`{}` is no program for arm64; take `k3s-arm64` of the release",
        file.display()
    );
    let sha256 = fetch::hash(file)?;
    Ok(K3s { sha256 })
}

/// Puts it where the agent's unit starts it.
pub(crate) fn install(file: &Path, root: &Path) -> anyhow::Result<()> {
    about(file)?;
    let target = root.join("usr/bin/k3s");
    fs::copy(file, &target).with_context(|| format!("copy `{}`", file.display()))?;
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_for_the_device_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k3s");
        let mut program = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0".to_vec();
        super::super::put(&file, &program).unwrap();
        assert_eq!(about(&file).unwrap().sha256.len(), 64);
        program[18] = 62;
        super::super::put(&file, &program).unwrap();
        let error = about(&file).unwrap_err().to_string();
        assert!(error.contains("k3s-arm64"), "{error}");
    }
}
