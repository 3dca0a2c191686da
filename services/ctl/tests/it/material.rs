//! What `viglactl detect` is tried on: the library, and pictures and videos good and bad.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The library that `cargo xtask` keeps, or why the test cannot run.
pub(crate) fn library() -> Option<PathBuf> {
    let cache = std::env::home_dir()?.join(".cache/vigla/onnxruntime-1.27.0");
    let usual = [cache, "/usr/lib/vigla".into(), "/usr/lib".into()];
    let found = usual
        .iter()
        .map(|folder| folder.join("libonnxruntime.so.1.27.0"))
        .find(|path| path.exists());
    if found.is_none() {
        vigla_testkit::skip("no ONNX Runtime: `cargo xtask test` fetches it");
    }
    found
}

pub(crate) fn ffmpeg(arguments: &[&str], file: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .arg(file)
        .status();
    assert!(status.unwrap().success(), "ffmpeg");
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Good and bad files of all kinds.
pub(crate) fn lay_out(dir: &Path) {
    let at = |name: &str| dir.join(name);
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240",
            "-frames:v",
            "1",
        ],
        &at("good.jpg"),
    );
    ffmpeg(
        &["-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1"],
        &at("good.png"),
    );
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x240:duration=1",
            "-c:v",
            "mpeg4",
        ],
        &at("good.avi"),
    );
    let whole = std::fs::read(at("good.jpg")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        use std::io::Write;
        std::fs::File::create(at(name))
            .unwrap()
            .write_all(bytes)
            .unwrap();
    };
    write("short.jpg", &whole[..whole.len() / 3]);
    write("head.jpg", &whole[..20]);
    write("text.txt", b"no picture");
    write("empty.mp4", b"");
    write("lie.png", b"\x89PNG\r\n\x1a\n and then nothing");
}
