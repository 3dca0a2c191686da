//! What the cameras of this run look at.

use std::path::{Path, PathBuf};

use super::{Options, address};
use crate::say;

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
    let mut devices = Vec::new();
    for device in &options.camera {
        let node = std::fs::canonicalize(device)?;
        // One camera by two of its names is one camera.
        if !devices.contains(&node) {
            add(&plain(&stem(device)), Source::Device(node.clone()));
            devices.push(node);
        }
    }
    for file in &options.video {
        add(
            &plain(&stem(file)),
            Source::File(std::fs::canonicalize(file)?),
        );
    }
    for url in &options.rtsp {
        let (address, credentials) = address::split(url);
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
    use super::*;
    use crate::run::tests::options;

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
        let ids: Vec<_> = choose(&wish, None, None, true)
            .unwrap()
            .into_iter()
            .map(|c| c.id)
            .collect();
        assert_eq!(ids, ["cargo", "cargo-2", "network", "synthetic"]);
    }
}
