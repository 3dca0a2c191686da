//! Files that the tests need and where they are. `cargo xtask test` puts them there.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use vigla_vision::library::{FILE_NAME, FOLDERS};
use vigla_vision::{Catalogue, Engine, Library, Manifest};

/// Frames a second of the clip.
pub(crate) const RATE: u32 = 25;

fn cache() -> PathBuf {
    #[allow(
        deprecated,
        reason = "wrong on Windows only; there is no device with Windows"
    )]
    std::env::home_dir()
        .unwrap_or_default()
        .join(".cache/vigla")
}

/// Loads ONNX Runtime, or fails with what to do.
pub(crate) fn library() -> Library {
    let folders = [cache().join("onnxruntime-1.27.0")]
        .into_iter()
        .chain(FOLDERS.iter().map(PathBuf::from));
    let paths: Vec<_> = folders.map(|folder| folder.join(FILE_NAME)).collect();
    Library::load_first(paths)
        .unwrap_or_else(|error| panic!("{error}; `cargo xtask test` installs it"))
}

/// The models of the repository.
pub(crate) fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../detector/models")
}

/// The model that is shipped.
pub(crate) fn default_model() -> Manifest {
    let catalogue = Catalogue::scan([models()]);
    catalogue
        .find("cocossd-mnv2-300-int8", "1")
        .unwrap()
        .clone()
}

/// The shipped model, opened.
pub(crate) fn engine(threads: usize) -> Engine {
    library();
    Engine::open(&default_model(), threads).unwrap()
}

/// An optional model: from the repository's folder, else from `../shared/models`, else `None`
/// and a line that says so.
pub(crate) fn optional_model(name: &str, file: &str) -> Option<Manifest> {
    let catalogue = Catalogue::scan([models()]);
    let mut manifest = catalogue.find(name, "").unwrap().clone();
    if !manifest.installed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        manifest.file = root.join("../shared/models").join(file);
    }
    if manifest.installed() {
        return Some(manifest);
    }
    eprintln!(
        "SKIPPED: optional model `{name}` is not here ({})",
        manifest.file.display()
    );
    None
}

/// The frames of the street clip as JPEG, 640 pixels wide, 25 a second.
pub(crate) fn clip() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        let path = cache().join("clip/bikes.mp4");
        assert!(
            path.is_file(),
            "no clip at `{}`; `cargo xtask test` gets it",
            path.display()
        );
        frames(&path)
    })
}

/// Decodes a video to JPEG frames.
pub(crate) fn frames(path: &Path) -> Vec<Vec<u8>> {
    let mut child = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "3", "-"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut bytes = Vec::new();
    let mut out = child.stdout.take().expect("stdout is piped");
    out.read_to_end(&mut bytes).unwrap();
    assert!(child.wait().unwrap().success());
    split(&bytes)
}

/// A JPEG ends where the next one begins: ffmpeg puts nothing between them.
fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts: Vec<_> = (0..bytes.len().saturating_sub(3))
        .filter(|at| bytes[*at..].starts_with(&[0xFF, 0xD8, 0xFF]))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| bytes[*start..end].to_vec())
        .collect()
}
