//! Which cameras are plugged in, as sysfs has it.

use std::io;
use std::path::{Path, PathBuf};

/// An attribute of sysfs is one page at most; of these we want the first words.
const MOST_TEXT: usize = 200;

/// What sysfs says about one capture node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its device node.
    pub node: PathBuf,
    /// What it calls itself.
    pub card: String,
    /// The path of the device below the root of sysfs, links resolved.
    pub device_path: String,
    /// The serial number, if it is on USB and has one.
    pub serial: String,
    /// The vendor in hexadecimal, if it is on USB.
    pub vendor: String,
    /// The product in hexadecimal, if it is on USB.
    pub product: String,
    /// Which of several nodes of one device this is; pictures come from 0.
    pub index: u32,
}

impl Attributes {
    /// Whether this may be a camera: not the metadata of one, and no codec or scaler of a board,
    /// which are V4L2 devices as well.
    pub fn is_camera(&self) -> bool {
        const HELPERS: [&str; 6] = ["codec", "-isp", "hevc", "rpivid", "pispbe", "-vpu"];
        let place = self.device_path.to_lowercase();
        let card = self.card.to_lowercase();
        let helps = |word: &str| place.contains(word) || card.contains(word);
        let on_usb = !self.vendor.is_empty();
        self.index == 0 && (on_usb || !HELPERS.into_iter().any(helps))
    }
}

/// Tells which cameras are plugged in.
pub trait Inventory: Send {
    /// The capture nodes now, sorted by their device paths.
    fn cameras(&self) -> io::Result<Vec<Attributes>>;
}

/// The real one.
#[derive(Debug, Clone)]
pub struct Sysfs {
    root: PathBuf,
    dev: PathBuf,
}

impl Sysfs {
    /// sysfs at `root` (`/sys`), device nodes in `dev` (`/dev`).
    pub fn new(root: &Path, dev: &Path) -> Self {
        Self {
            root: root.to_owned(),
            dev: dev.to_owned(),
        }
    }

    fn attributes(&self, name: &str, entry: &Path) -> Option<Attributes> {
        // A virtual camera (v4l2loopback) has no device behind it.
        let device = entry.join("device").canonicalize();
        let device = device.or_else(|_| entry.canonicalize()).ok()?;
        let index = text(&entry.join("index")).and_then(|index| index.parse().ok());
        let root = self.root.canonicalize().ok()?;
        let usb = device.ancestors().find(|dir| dir.join("idVendor").exists());
        let of_usb = |key| usb.and_then(|dir| text(&dir.join(key))).unwrap_or_default();
        Some(Attributes {
            node: self.dev.join(name),
            card: text(&entry.join("name")).unwrap_or_default(),
            serial: of_usb("serial"),
            vendor: of_usb("idVendor"),
            product: of_usb("idProduct"),
            // A USB camera has a second node for metadata; index 0 is the one with pictures.
            index: index.unwrap_or(0),
            device_path: format!("/{}", device.strip_prefix(root).ok()?.display()),
        })
    }
}

impl Inventory for Sysfs {
    fn cameras(&self) -> io::Result<Vec<Attributes>> {
        let class = self.root.join("class/video4linux");
        let entries = match std::fs::read_dir(&class) {
            Ok(entries) => entries,
            // No camera was ever plugged in: the kernel has not even loaded V4L2.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut cameras: Vec<Attributes> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name().into_string().ok()?;
                let is_video = name.strip_prefix("video")?.parse::<u32>().is_ok();
                is_video.then(|| self.attributes(&name, &entry.path()))?
            })
            .collect();
        cameras.sort_by(|a, b| (&a.device_path, &a.node).cmp(&(&b.device_path, &b.node)));
        Ok(cameras)
    }
}

fn text(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_TEXT)]);
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    Some(
        text.chars()
            .map(plain)
            .collect::<String>()
            .trim()
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn plug(root: &Path, name: &str, index: &str, device: &str) {
        let folder = root.join(device);
        let entry = folder.join("video4linux").join(name);
        std::fs::create_dir_all(&entry).unwrap();
        for (path, value) in [
            (entry.join("name"), "HD Webcam\n"),
            (entry.join("index"), index),
            (folder.parent().unwrap().join("idVendor"), "046d\n"),
            (folder.parent().unwrap().join("idProduct"), "0825\n"),
            (folder.parent().unwrap().join("serial"), "A\x01B\n"),
        ] {
            vigla_kit::atomic::write(&path, value.as_bytes()).unwrap();
        }
        symlink(&folder, entry.join("device")).unwrap();
        let class = root.join("class/video4linux");
        std::fs::create_dir_all(&class).unwrap();
        symlink(&entry, class.join(name)).unwrap();
    }

    #[test]
    fn lists_capture_nodes_with_their_usb_device() {
        let root = tempfile::tempdir().unwrap();
        let sysfs = Sysfs::new(root.path(), Path::new("/dev"));
        assert_eq!(sysfs.cameras().unwrap(), []);
        let device = "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0";
        plug(root.path(), "video0", "0\n", device);
        plug(root.path(), "video1", "1\n", device);
        let mut cameras = sysfs.cameras().unwrap();
        assert_eq!(cameras.len(), 2);
        cameras.retain(Attributes::is_camera);
        assert_eq!(cameras.len(), 1);
        assert_eq!(cameras[0].node, Path::new("/dev/video0"));
        assert_eq!(cameras[0].device_path, format!("/{device}"));
        let Attributes {
            card,
            serial,
            vendor,
            ..
        } = &cameras[0];
        assert_eq!(
            (&**card, &**serial, &**vendor),
            ("HD Webcam", "A B", "046d")
        );
    }

    #[test]
    fn a_codec_of_the_board_is_no_camera_and_a_virtual_one_is() {
        let at = |device_path: &str, card: &str| Attributes {
            device_path: device_path.to_owned(),
            card: card.to_owned(),
            ..Attributes::default()
        };
        for (place, card, camera) in [
            (
                "/devices/platform/soc/fe00b840.mailbox/bcm2835-codec",
                "bcm2835-codec-decode",
                false,
            ),
            (
                "/devices/platform/soc/fe00b840.mailbox/bcm2835-isp",
                "bcm2835-isp-capture0",
                false,
            ),
            ("/devices/platform/soc/fe801000.csi", "unicam-image", true),
            ("/devices/virtual/video4linux/video10", "Loopback", true),
        ] {
            assert_eq!(at(place, card).is_camera(), camera, "{place}");
        }
    }
}
