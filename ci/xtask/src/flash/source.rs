//! The image: as it is, or compressed, with its map if there is one.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::Context as _;

use super::map::Map;
use crate::say::{self, Step};
use crate::{places, signals};

/// An image that can be read as often as wanted.
#[derive(Debug)]
pub(super) struct Image {
    path: PathBuf,
    packed: bool,
    size: u64,
    map: Option<Map>,
}

impl Image {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let read = || format!("read the image `{}`", path.display());
        anyhow::ensure!(
            fs::metadata(path).with_context(read)?.is_file(),
            "{}: it is no file",
            read()
        );
        let packed = path.extension().is_some_and(|ending| ending == "zst");
        let map = beside(path);
        let mut image = Self {
            path: path.to_owned(),
            packed,
            size: 0,
            map: None,
        };
        if let Some(map) = map {
            let text = fs::read_to_string(&map)?;
            let parsed = Map::parse(&text);
            let parsed = parsed.with_context(|| format!("the block map `{}`", map.display()))?;
            image.size = parsed.size;
            image.map = Some(parsed);
        } else {
            say::line(format_args!(
                "  image      no block map `.bmap` beside it: every byte is written"
            ));
            image.size = image.measure()?;
        }
        Ok(image)
    }

    /// In bytes, uncompressed.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn map(&self) -> Option<&Map> {
        self.map.as_ref()
    }

    fn measure(&self) -> anyhow::Result<u64> {
        if !self.packed {
            return Ok(fs::metadata(&self.path)?.len());
        }
        let step = Step::start("image");
        step.begin("unpacking it once, to know its size");
        let mut stream = self.stream()?;
        let size = stream.skip(u64::MAX)?;
        stream.end()?;
        step.end(format_args!("{} MB", size / 1_000_000));
        Ok(size)
    }

    /// The image from its first byte.
    pub(super) fn stream(&self) -> anyhow::Result<Stream> {
        let file = File::open(&self.path);
        let file = file.with_context(|| format!("open `{}`", self.path.display()))?;
        if !self.packed {
            return Ok(Stream::Plain(file));
        }
        let zstd = places::program("zstd").context("no `zstd`: install the package `zstd`")?;
        let mut child = Command::new(zstd)
            .args(["--decompress", "--stdout", "--quiet", "--long=31"])
            .stdin(file)
            .stdout(Stdio::piped())
            .spawn()
            .context("start `zstd`")?;
        let out = child.stdout.take().context("the output of `zstd`")?;
        Ok(Stream::Packed(child, out))
    }
}

/// `vigla.img.zst` and `vigla.img` have `vigla.img.bmap` or `vigla.bmap`.
fn beside(path: &Path) -> Option<PathBuf> {
    let bare = if path.extension().is_some_and(|ending| ending == "zst") {
        path.with_extension("")
    } else {
        path.to_owned()
    };
    let mut longer = bare.clone().into_os_string();
    longer.push(".bmap");
    [PathBuf::from(longer), bare.with_extension("bmap")]
        .into_iter()
        .find(|map| map.is_file())
}

/// The bytes of an image, in order.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(File),
    Packed(Child, ChildStdout),
}

impl Stream {
    /// Passes over `count` bytes, or to the end; gives how many there were.
    pub(super) fn skip(&mut self, count: u64) -> anyhow::Result<u64> {
        if let Self::Plain(file) = self {
            let count = i64::try_from(count).context("a gap larger than any disk")?;
            file.seek(SeekFrom::Current(count))?;
            return Ok(count.unsigned_abs());
        }
        let (mut passed, mut part) = (0, vec![0; 1 << 20]);
        while passed < count {
            signals::check()?;
            let want = usize::try_from(count - passed).unwrap_or(part.len());
            let most = want.min(part.len());
            match self.read(&mut part[..most])? {
                0 => break,
                read => passed += read as u64,
            }
        }
        Ok(passed)
    }

    /// Sees to it that unpacking went well. To be called where all was read.
    pub(super) fn end(mut self) -> anyhow::Result<()> {
        let Self::Packed(child, _) = &mut self else {
            return Ok(());
        };
        let status = child.wait()?;
        anyhow::ensure!(
            status.success(),
            "the image is damaged: `zstd` ended with {status}"
        );
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, part: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(part),
            Self::Packed(_, out) => out.read(part),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Self::Packed(child, _) = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
