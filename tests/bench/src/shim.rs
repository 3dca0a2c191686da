//! A 720p MJPEG camera for whoever opens it through V4L2: the camera tests' stand-in for the kernel, preloaded
//! into our camera service and into uStreamer alike.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::film;

const SHEET: &str = "card Bench Camera\nformat MJPG 1280x720 30\n";

/// A machine with one camera.
pub(crate) struct Shim {
    root: PathBuf,
    library: PathBuf,
    /// Of a picture on average.
    pub(crate) picture_bytes: usize,
}

impl Shim {
    /// In `root`, which everybody can enter.
    pub(crate) fn new(root: &Path) -> anyhow::Result<Self> {
        let mut shim = Self {
            root: root.to_owned(),
            library: root.join("v4l2.so"),
            picture_bytes: 0,
        };
        let frames = root.join("frames/1280x720");
        for folder in [&frames, &root.join("dev")] {
            fs::create_dir_all(folder)?;
        }
        compile(&shim.library)?;
        let film = film::noisy()?;
        shim.picture_bytes = film.iter().map(Vec::len).sum::<usize>() / film.len();
        for (number, jpeg) in film.iter().enumerate() {
            put(&frames.join(format!("{number:02}.jpg")), jpeg)?;
        }
        shim.plug()?;
        Ok(shim)
    }

    /// The device node.
    pub(crate) fn node(&self) -> PathBuf {
        self.root.join("dev/video0")
    }

    /// What makes a program take this for the kernel.
    pub(crate) fn environment(&self) -> [(&'static str, String); 2] {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        [
            ("LD_PRELOAD", text(&self.library)),
            ("VIGLA_SHIM", text(&self.root)),
        ]
    }

    /// The same for the camera service's own look at the machine.
    pub(crate) fn settings(&self) -> String {
        let root = self.root.display();
        format!(
            "rate = 30.0\n[kernel]\nsysfs = \"{root}/sys\"\ndev = \"{root}/dev\"\nuevents = \"{root}/uevents\"\n"
        )
    }

    /// The camera, as `dev` and `sys` show it.
    fn plug(&self) -> anyhow::Result<()> {
        let usb = self
            .root
            .join("sys/devices/pci0000:00/0000:00:14.0/usb1/1-1");
        let interface = usb.join("1-1:1.0");
        let entry = interface.join("video4linux/video0");
        let class = self.root.join("sys/class/video4linux");
        fs::create_dir_all(&entry)?;
        fs::create_dir_all(&class)?;
        for (file, text) in [
            (entry.join("name"), "Bench Camera\n"),
            (entry.join("index"), "0\n"),
            (usb.join("idVendor"), "046d\n"),
            (usb.join("idProduct"), "0825\n"),
            (usb.join("serial"), "1\n"),
            (self.node(), SHEET),
        ] {
            put(&file, text.as_bytes())?;
        }
        symlink(&interface, entry.join("device"))?;
        symlink(&entry, class.join("video0"))?;
        Ok(())
    }
}

fn compile(library: &Path) -> anyhow::Result<()> {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services/camera/tests/shim/v4l2.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-o"]);
    let status = compiler
        .arg(library)
        .arg(source)
        .arg("-ldl")
        .status()
        .context("install the package `build-essential`")?;
    anyhow::ensure!(status.success(), "the stand-in camera does not compile");
    Ok(())
}

#[allow(
    clippy::disallowed_methods,
    reason = "files of a temporary folder that nobody reads yet"
)]
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("write `{}`", path.display()))
}
