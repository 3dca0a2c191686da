//! The stand-in for V4L2 and sysfs: cameras that a test plugs, unplugs and breaks.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use vigla_camera::source::synthetic::Artist;

/// An ordinary webcam in both formats.
pub(crate) const WEBCAM: &str = "\
card Shim Webcam
format YUYV 320x240 30 15
format MJPG 320x240 30 15
format MJPG 640x360 30 15
control 980900 1 0 255 1 128 Brightness
control 98090c 2 0 1 1 1 White Balance, Automatic
control 980913 1 10 100 5 50 Gain \u{e9}
control 980999 107 0 0 0 0 Region of Interest
";

/// One that knows only YUYV, with padded lines.
pub(crate) const OLD_WEBCAM: &str = "card Old Webcam\nformat YUYV 320x240 30 15\npad 64\n";

/// A folder that the shim and the daemon take for the kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    root: PathBuf,
    uevents: PathBuf,
}

impl Kernel {
    /// An empty machine in `root`; uevents are sent to the daemon at `uevents`.
    pub(crate) fn new(root: &Path, uevents: PathBuf) -> Self {
        for folder in ["dev", "frames", "sys"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (width, height) in [(320, 240), (640, 360)] {
            let folder = root.join(format!("frames/{width}x{height}"));
            fs::create_dir_all(&folder).unwrap();
            let mut artist = Artist::new(width, height).unwrap();
            for second in 0..8u32 {
                let frame = artist.frame(f64::from(second)).unwrap();
                put(&folder.join(format!("{second}.jpg")), &frame);
            }
        }
        let wrong = Artist::new(160, 120).unwrap().frame(0.0).unwrap();
        put(&root.join("frames/wrong.jpg"), &wrong);
        Self {
            root: root.to_owned(),
            uevents,
        }
    }

    /// Where everything is.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The settings that make the daemon take this for the kernel.
    pub(crate) fn settings(&self) -> String {
        let root = self.root.display();
        let uevents = self.uevents.display();
        format!("[kernel]\nsysfs = \"{root}/sys\"\ndev = \"{root}/dev\"\nuevents = \"{uevents}\"\n")
    }

    /// A camera appears as `name` (`video0`) on USB `port`, and the kernel says so.
    pub(crate) fn plug(&self, name: &str, port: &str, serial: &str, sheet: &str) {
        let hub = format!("sys/devices/pci0000:00/0000:00:14.0/usb1/1-{port}");
        let usb = self.root.join(hub);
        let interface = usb.join(format!("1-{port}:1.0"));
        let entry = interface.join("video4linux").join(name);
        fs::create_dir_all(&entry).unwrap();
        put(&entry.join("name"), b"Shim Webcam\n");
        put(&entry.join("index"), b"0\n");
        put(&usb.join("idVendor"), b"046d\n");
        put(&usb.join("idProduct"), b"0825\n");
        put(&usb.join("serial"), serial.as_bytes());
        let _ = symlink(&interface, entry.join("device"));
        let class = self.root.join("sys/class/video4linux");
        fs::create_dir_all(&class).unwrap();
        self.set(name, sheet);
        symlink(&entry, class.join(name)).unwrap();
        self.tell("add", name);
    }

    /// The camera goes, in the middle of whatever it was doing, and the kernel says so.
    pub(crate) fn unplug(&self, name: &str) {
        fs::remove_file(self.node(name)).unwrap();
        let link = self.root.join("sys/class/video4linux").join(name);
        let entry = fs::read_link(&link).unwrap();
        fs::remove_file(link).unwrap();
        fs::remove_dir_all(entry).unwrap();
        self.tell("remove", name);
    }

    /// What the camera is from now on, without any word of the kernel.
    pub(crate) fn set(&self, name: &str, sheet: &str) {
        put(&self.node(name), sheet.as_bytes());
    }

    /// A fault from now on; empty for none.
    pub(crate) fn fault(&self, name: &str, sheet: &str, fault: &str) {
        self.set(name, &format!("{sheet}fault {fault}\n"));
    }

    /// The device node.
    pub(crate) fn node(&self, name: &str) -> PathBuf {
        self.root.join("dev").join(name)
    }

    fn tell(&self, action: &str, name: &str) {
        let message = format!(
            "{action}@/devices/x\0ACTION={action}\0SUBSYSTEM=video4linux\0DEVNAME={name}\0"
        );
        // Before the daemon listens nobody needs to be told.
        let _ = UnixDatagram::unbound()
            .unwrap()
            .send_to(message.as_bytes(), &self.uevents);
    }
}

/// The preloadable library, compiled once for this test run.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (source, path) = (
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/v4l2.c"),
            folder.path().join("v4l2.so"),
        );
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&path, &source])
            .arg("-ldl")
            .status()
            .expect("a C compiler, as for linking Rust");
        assert!(status.success(), "the shim does not compile");
        // Every user of the rig must be able to load it.
        let open = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(folder.path(), open(0o755)).unwrap();
        (folder, path)
    });
    path
}

/// Writes a file in one step, readable by all: the daemon must never see half of it.
#[allow(
    clippy::disallowed_methods,
    reason = "files of a test, renamed into place"
)]
fn put(path: &Path, bytes: &[u8]) {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    fs::write(&aside, bytes).unwrap();
    fs::rename(&aside, path).unwrap();
}
