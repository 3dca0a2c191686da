//! Refuses a command line that cannot work before anything slow begins.

use std::path::{Path, PathBuf};

use super::device::{self, Kind};
use super::{Options, address};
use crate::stop::{self, Stop};

/// An error that names the option, the thing, and what to give instead.
pub(super) fn refuse(options: &Options) -> anyhow::Result<()> {
    for path in &options.camera {
        camera(path)?;
    }
    for path in &options.video {
        video(path)?;
    }
    for url in &options.rtsp {
        if let Some(complaint) = address::complaint(url) {
            return Err(usage(format!("--rtsp: {complaint}")));
        }
    }
    Ok(())
}

fn camera(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let message = match device::kind(path) {
        Kind::Camera => return Ok(()),
        Kind::Denied => {
            let message = format!(
                "--camera: `{shown}` may not be opened: join its group with \
                 `sudo usermod -aG video $USER` and log in again"
            );
            return Err(Stop::with(stop::UNAVAILABLE, message));
        }
        Kind::File => format!("`{shown}` is no device; a file is played with --video"),
        Kind::Other => format!("`{shown}` is no camera; {}", instead(&device::cameras())),
        Kind::Nothing => format!("`{shown}` is not there; {}", instead(&device::cameras())),
    };
    Err(usage(format!("--camera: {message}")))
}

/// What a person may have meant.
fn instead(cameras: &[PathBuf]) -> String {
    if cameras.is_empty() {
        return "this machine has no camera: try --synthetic".into();
    }
    let shown: Vec<_> = cameras.iter().map(|path| path.to_string_lossy()).collect();
    format!("there is {}", shown.join(" "))
}

fn video(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let complain = |text: String| Err(usage(format!("--video: {text}")));
    if path.to_str().is_some_and(|text| text.contains("://")) {
        return complain(format!(
            "`{shown}` is no file; a network camera is named with --rtsp"
        ));
    }
    let cannot_read = |error| complain(format!("cannot read `{shown}`: {error}"));
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) => return cannot_read(error),
    };
    // Before it is opened: a pipe would hold us up.
    if !meta.is_file() {
        return complain(format!("`{shown}` is not a file"));
    }
    if meta.len() == 0 {
        return complain(format!("`{shown}` is empty"));
    }
    if !speakable(path) {
        return complain(format!(
            "`{shown}`: settings are UTF-8 and its path is not: rename it"
        ));
    }
    std::fs::File::open(path).map_or_else(cannot_read, |_| Ok(()))
}

/// Whether the path can be written into settings.
fn speakable(path: &Path) -> bool {
    std::fs::canonicalize(path).is_ok_and(|path| path.to_str().is_some())
}

fn usage(message: String) -> anyhow::Error {
    Stop::with(stop::USAGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::options;

    #[test]
    fn what_cannot_work_is_bad_usage() {
        for (line, says) in [
            (["--camera", "/dev/nonexistent"], "is not there"),
            (["--camera", "/dev/null"], "is no camera"),
            (["--camera", "/etc/passwd"], "played with --video"),
            (["--video", "/nonexistent.mp4"], "cannot read"),
            (["--video", "/"], "is not a file"),
            (["--video", "/dev/null"], "is not a file"),
            (["--video", "rtsp://h/1"], "--rtsp"),
            (["--rtsp", "ftp://x"], "rtsp://192.168.1.20/stream"),
            (["--rtsp", "rtsp://"], "names no host"),
        ] {
            let error = refuse(&options(&line)).unwrap_err();
            assert_eq!(stop::code(&error), stop::USAGE, "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn what_is_there_is_offered() {
        assert!(instead(&[]).contains("--synthetic"));
        let found = ["/dev/video0".into(), "/dev/video2".into()];
        assert_eq!(instead(&found), "there is /dev/video0 /dev/video2");
    }
}
