//! Asking for a restart of the machine, or for a factory reset: a request file for `vigla-act` (see `services/act`).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Puts a request into `folder`. The restart comes when systemd sees it.
pub fn ask(folder: &Path, id: u64, reason: &str) -> io::Result<()> {
    put(
        folder,
        &serde_json::json!({"id": id.to_string(), "reason": reason}),
    )
}

/// Puts a request for a factory reset into `folder`; `by` is `page` or `viglactl`.
pub fn ask_reset(folder: &Path, by: &str) -> io::Result<()> {
    put(folder, &serde_json::json!({"id": "reset", "by": by}))
}

fn put(folder: &Path, request: &serde_json::Value) -> io::Result<()> {
    let beside = folder.join("updater.new");
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&beside)?;
    // Root reads it without any capability: our mask must not keep it out.
    file.set_permissions(fs::Permissions::from_mode(0o644))?;
    file.write_all(request.to_string().as_bytes())?;
    drop(file);
    fs::rename(beside, folder.join("request.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_what_the_act_takes() {
        let folder = tempfile::tempdir().unwrap();
        for id in [7, 8] {
            ask(folder.path(), id, "update").unwrap();
        }
        let path = folder.path().join("request.json");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            r#"{"id":"8","reason":"update"}"#
        );
        ask_reset(folder.path(), "page").unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join("request.json")).unwrap(),
            r#"{"by":"page","id":"reset"}"#
        );
    }
}
