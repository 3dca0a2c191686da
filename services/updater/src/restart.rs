//! Asking for a restart of the machine, or for a factory reset: a request file for `vigla-act` (see `services/act`).

use std::io;
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
    vigla_kit::act::ask(folder, "updater", request.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

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
