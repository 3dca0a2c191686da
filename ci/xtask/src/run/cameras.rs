//! What the cameras of this run look at.

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::Options;
use crate::say;
use crate::stop::{self, Stop};

/// Where pictures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A V4L2 device.
    Device(PathBuf),
    /// A file that is replayed for ever.
    File(PathBuf),
    /// A network camera: its address, and `user:password` where it wants them.
    Network(String, Option<String>),
    /// The drawn street.
    Synthetic,
}

/// One camera: its id on the bus and in topics, and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Camera {
    pub(super) id: String,
    pub(super) source: Source,
}

/// Whether the command line names a source, so that the clip is not wanted.
pub(super) fn chosen(options: &Options) -> bool {
    options.synthetic
        || !options.camera.is_empty()
        || !options.video.is_empty()
        || !options.rtsp.is_empty()
}

/// Whether something real is to be looked at, so that inference is wanted.
pub(super) fn real(options: &Options) -> bool {
    !options.synthetic
        || !options.camera.is_empty()
        || !options.video.is_empty()
        || !options.rtsp.is_empty()
}

/// Refuses what cannot work before anything slow begins.
pub(super) fn check(options: &Options) -> anyhow::Result<()> {
    for device in &options.camera {
        if !std::fs::metadata(device).is_ok_and(|meta| meta.file_type().is_char_device()) {
            return Err(usage(format!(
                "--camera: `{}` is no device; {}",
                device.display(),
                devices()
            )));
        }
    }
    for file in &options.video {
        if let Err(error) = std::fs::File::open(file) {
            return Err(usage(format!(
                "--video: cannot read `{}`: {error}",
                file.display()
            )));
        }
        if !file.is_file() {
            return Err(usage(format!(
                "--video: `{}` is not a file",
                file.display()
            )));
        }
    }
    for url in &options.rtsp {
        if !url.starts_with("rtsp://") && !url.starts_with("rtsps://") {
            return Err(usage(format!(
                "--rtsp: `{url}` is not like rtsp://192.168.1.20/stream"
            )));
        }
    }
    Ok(())
}

fn usage(message: String) -> anyhow::Error {
    Stop::with(stop::USAGE, message)
}

/// What a person may have meant instead.
fn devices() -> String {
    let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("video"))
        .map(|entry| entry.path().display().to_string())
        .collect();
    found.sort();
    if found.is_empty() {
        "this machine has no /dev/video*: try --synthetic".into()
    } else {
        format!("there is {}", found.join(" "))
    }
}

/// The cameras of this run. Without a wish of the person's: the clip, or, when something for it
/// could not be had, the synthetic one, which needs nothing.
pub(super) fn choose(
    options: &Options,
    library: Option<&Path>,
    clip: Option<PathBuf>,
    ffmpeg: bool,
) -> anyhow::Result<Vec<Camera>> {
    if !chosen(options) {
        let whole = clip.filter(|_| ffmpeg && library.is_some());
        if whole.is_none() {
            say::trouble(format_args!(
                "  cameras    going on with the synthetic camera and its known truth, because there is {}",
                reason(library.is_some(), ffmpeg)
            ));
        }
        let (id, source) = whole.map_or(("synthetic", Source::Synthetic), |file| {
            ("street", Source::File(file))
        });
        return Ok(vec![Camera {
            id: id.into(),
            source,
        }]);
    }
    let mut cameras = Vec::new();
    let mut add = |id: &str, source| {
        let id = distinct(&cameras, id);
        cameras.push(Camera { id, source });
    };
    for device in &options.camera {
        add(
            &plain(&stem(device)),
            Source::Device(std::fs::canonicalize(device)?),
        );
    }
    for file in &options.video {
        add(
            &plain(&stem(file)),
            Source::File(std::fs::canonicalize(file)?),
        );
    }
    for url in &options.rtsp {
        let (address, credentials) = without_credentials(url);
        add("network", Source::Network(address, credentials));
    }
    if options.synthetic {
        add("synthetic", Source::Synthetic);
    }
    let inference = cameras
        .iter()
        .any(|camera| camera.source != Source::Synthetic);
    if inference && library.is_none() {
        say::trouble("  cameras    without ONNX Runtime there are pictures, and no counts");
    }
    Ok(cameras)
}

fn reason(library: bool, ffmpeg: bool) -> &'static str {
    match (library, ffmpeg) {
        (false, _) => "no ONNX Runtime, so nothing that could find cars in a real street",
        (true, false) => "no ffmpeg to read the street clip",
        (true, true) => "no street clip",
    }
}

/// Takes `user:password@` out of an address: the services refuse it there, where a page or a log
/// would show it.
fn without_credentials(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let host = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..host].rsplit_once('@') {
        None => (url.to_owned(), None),
        Some((who, _)) => {
            let address = format!("{scheme}://{}", &rest[who.len() + 1..]);
            (address, Some(who.to_owned()))
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A name that is good as an id: lower case letters, digits and dashes.
fn plain(name: &str) -> String {
    let id: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(32)
        .collect();
    let id = id.trim_matches('-');
    if id.is_empty() {
        "video".into()
    } else {
        id.to_owned()
    }
}

fn distinct(cameras: &[Camera], id: &str) -> String {
    let taken = |id: &str| cameras.iter().any(|camera| camera.id == id);
    if !taken(id) {
        return id.to_owned();
    }
    (2..1000)
        .map(|n| format!("{id}-{n}"))
        .find(|id| !taken(id))
        .unwrap_or_else(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &[&str]) -> Options {
        Line::parse_from([&["run"], line].concat()).options
    }

    #[test]
    fn the_clip_needs_everything_and_the_synthetic_camera_nothing() {
        let none = options(&[]);
        let clip = || Some(PathBuf::from("/c.mp4"));
        let library = Path::new("/l.so");
        let first = |library, clip, ffmpeg| {
            choose(&none, library, clip, ffmpeg).unwrap()[0]
                .source
                .clone()
        };
        assert_eq!(
            first(Some(library), clip(), true),
            Source::File("/c.mp4".into())
        );
        assert_eq!(first(None, clip(), true), Source::Synthetic);
        assert_eq!(first(Some(library), None, true), Source::Synthetic);
        assert_eq!(first(Some(library), clip(), false), Source::Synthetic);
    }

    #[test]
    fn several_sources_get_ids_of_their_own() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let wish = options(&[
            "--video",
            here,
            "--video",
            here,
            "--rtsp",
            "rtsp://h/1",
            "--synthetic",
        ]);
        check(&wish).unwrap();
        let ids: Vec<_> = choose(&wish, None, None, true)
            .unwrap()
            .into_iter()
            .map(|c| c.id)
            .collect();
        assert_eq!(ids, ["cargo", "cargo-2", "network", "synthetic"]);
    }

    #[test]
    fn credentials_leave_the_address() {
        for (url, address, credentials) in [
            ("rtsp://h/1", "rtsp://h/1", None),
            ("rtsp://u:p@h:554/1?a@b", "rtsp://h:554/1?a@b", Some("u:p")),
            ("rtsp://h/1@2", "rtsp://h/1@2", None),
        ] {
            let expected = (address.to_owned(), credentials.map(ToOwned::to_owned));
            assert_eq!(without_credentials(url), expected);
        }
    }

    #[test]
    fn what_cannot_work_is_bad_usage() {
        for line in [
            ["--camera", "/dev/nonexistent"],
            ["--video", "/nonexistent.mp4"],
            ["--video", "/"],
            ["--rtsp", "ftp://x"],
        ] {
            let error = check(&options(&line)).unwrap_err();
            assert_eq!(stop::code(&error), stop::USAGE, "{error}");
        }
    }
}
