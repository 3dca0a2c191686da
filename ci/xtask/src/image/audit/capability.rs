//! Capabilities of a file (`security.capability`): rights that whoever starts it has, which no mode shows.

use std::path::Path;

use anyhow::Context as _;
use rustix::fs::lgetxattr;
use rustix::io::Errno;

/// A version in the top byte and a flag in the lowest, two words, an owner: no kernel writes more.
const LONGEST: usize = 24;

/// What a file gives to whoever starts it, as bits of the lower permitted set; `None` for nothing, and where the file
/// system knows no such thing.
pub(crate) fn capability(path: &Path) -> anyhow::Result<Option<String>> {
    let mut value = [0_u8; LONGEST];
    match lgetxattr(path, "security.capability", &mut value) {
        Ok(length) => Ok(Some(render(&value[..length]))),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("ask for the capabilities of `{}`", path.display()))
        }
    }
}

fn render(value: &[u8]) -> String {
    match value {
        [_, _, _, _, a, b, c, d, ..] => {
            format!("capabilities {:#x}", u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => "capabilities that are no such".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::put;

    #[test]
    fn they_are_read_from_the_second_word() {
        let mut value = [0; 20];
        value[..4].copy_from_slice(&[1, 0, 0, 2]);
        value[4..8].copy_from_slice(&0x2000_u32.to_le_bytes());
        assert_eq!(render(&value), "capabilities 0x2000");
        assert_eq!(render(&[1]), "capabilities that are no such");
    }

    #[test]
    fn a_plain_file_has_none() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path().join("x"), "x").unwrap();
        assert_eq!(capability(&folder.path().join("x")).unwrap(), None);
    }
}
