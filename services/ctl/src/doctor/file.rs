//! What is seen of a file that a service cannot use. Nothing of it is run.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How a library begins: the mark, then at 18 the machine, as the kernel of the same byte order reads it.
const ELF: &[u8] = b"\x7fELF";
/// `EM_X86_64` and `EM_AARCH64` of `elf.h`.
const MACHINES: [(u16, &str); 2] = [(62, "x86_64"), (183, "aarch64")];

/// What is wrong with the file at `path`, as far as it shows; `code` is the problem that it has.
pub(super) fn look(path: &Path, code: &str) -> String {
    if path.is_relative() {
        return String::new();
    }
    match read(path) {
        Err(why) => why,
        Ok(head) if code.starts_with("library-") => library(&head),
        Ok(_) => String::new(),
    }
}

/// How it begins, or why that cannot be seen.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    // Before it is opened: a pipe would hold us up.
    let about = path.metadata();
    let about = about.map_err(|error| format!("we cannot look at it: {error}"))?;
    if !about.is_file() {
        return Err("it is no plain file".to_owned());
    }
    if about.len() == 0 {
        return Err("it is empty".to_owned());
    }
    let (mode, user, group) = (about.mode() & 0o777, about.uid(), about.gid());
    if mode & 0o004 == 0 {
        return Err(format!(
            "only some may read it (mode {mode:03o}, user {user}, group {group}), and the daemon must be among them"
        ));
    }
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut head));
    read.map_err(|error| format!("we cannot read it: {error}"))?;
    Ok(head)
}

fn library(head: &[u8]) -> String {
    let machine = match (head.starts_with(ELF), head.get(18..20)) {
        (true, Some(&[low, high])) => u16::from_le_bytes([low, high]),
        _ => return "it does not begin as a library does".to_owned(),
    };
    let ours = std::env::consts::ARCH;
    match MACHINES.iter().find(|(number, _)| *number == machine) {
        Some((_, name)) if *name == ours => {
            "it begins as a library of this machine does: it is cut off, lacks another library, or is another one".to_owned()
        }
        Some((_, name)) => format!("it is made for {name}, and this machine is {ours}"),
        None => format!("it is made for another machine than {ours}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(bytes: &[u8], mode: u32, code: &str) -> String {
        use std::io::Write as _;
        use std::os::unix::fs::PermissionsExt as _;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let permissions = std::fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(permissions).unwrap();
        look(file.path(), code)
    }

    #[test]
    fn a_broken_library_is_told_by_what_it_is() {
        let elf = |machine: u16| {
            let mut head = vec![0; 64];
            head[..4].copy_from_slice(ELF);
            head[18..20].copy_from_slice(&machine.to_le_bytes());
            head
        };
        for (bytes, expected) in [
            (&b"junk"[..], "does not begin as a library"),
            (b"\x7fELF", "does not begin as a library"),
            (b"", "it is empty"),
            (&elf(8), "another machine"),
            (&elf(MACHINES[0].0), "x86_64"),
            (&elf(MACHINES[1].0), "aarch64"),
        ] {
            let said = says(bytes, 0o644, "library-broken");
            let ours = said.contains("of this machine");
            assert!(said.contains(expected) || ours, "{expected}: {said}");
        }
        assert!(says(b"x", 0o600, "library-broken").contains("mode 600"));
    }

    #[test]
    fn other_files_are_told_by_what_keeps_them_from_being_read() {
        assert_eq!(says(b"x", 0o644, "tls-file"), "");
        assert!(says(b"x", 0o600, "tls-file").contains("mode 600"));
        assert!(look("/nonexistent/ca.pem".as_ref(), "tls-file").contains("No such file"));
        assert!(look("/".as_ref(), "tls-file").contains("no plain file"));
        assert_eq!(look("libonnxruntime.so".as_ref(), "library-broken"), "");
    }
}
