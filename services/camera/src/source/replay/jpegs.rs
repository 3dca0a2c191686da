//! JPEGs from disk at a steady pace, round and round: a stream in one file, or the files of a folder.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vigla_kit::Clock;

use super::jpeg_picture;
use crate::jpeg::stream::Cutter;
use crate::picture::Picture;
use crate::source::pace::Pace;
use crate::source::{Cause, Source, SourceError};

/// A picture on disk larger than this is refused.
const MOST_BYTES: u64 = 32 << 20;

/// JPEGs from disk.
#[derive(Debug)]
pub struct Jpegs {
    reel: Reel,
    pace: Pace,
    clock: Clock,
}

#[derive(Debug)]
enum Reel {
    Stream {
        path: PathBuf,
        file: File,
        cutter: Cutter,
        /// Whether this round gave a picture; a round without one would never end.
        fruitful: bool,
    },
    Files {
        folder: PathBuf,
        names: Vec<PathBuf>,
        next: usize,
        bytes: Vec<u8>,
    },
}

impl Jpegs {
    /// Opens a stream, a single picture or a folder of pictures; one every `period`.
    pub fn open(path: &Path, period: Duration, clock: Clock) -> Result<Self, SourceError> {
        let reel = if path.is_dir() {
            Reel::Files {
                names: list(path)?,
                folder: path.to_owned(),
                next: 0,
                bytes: Vec::new(),
            }
        } else {
            let file = File::open(path).map_err(|source| SourceError::unreadable(path, source))?;
            Reel::Stream {
                path: path.to_owned(),
                file,
                cutter: Cutter::default(),
                fruitful: false,
            }
        };
        Ok(Self {
            reel,
            pace: Pace::new(period),
            clock,
        })
    }
}

impl Source for Jpegs {
    fn next(&mut self, patience: Duration) -> Result<Option<Picture<'_>>, SourceError> {
        if self.pace.tick(patience).is_none() {
            return Ok(None);
        }
        let mono_usec = self.clock.mono_usec();
        let bytes = self.reel.turn()?;
        // Not a picture: the next tick has another.
        Ok(jpeg_picture(bytes, mono_usec))
    }
}

impl Reel {
    fn turn(&mut self) -> Result<&[u8], SourceError> {
        match self {
            Self::Stream {
                path,
                file,
                cutter,
                fruitful,
            } => {
                while !cutter.cut() {
                    read_more(path, file, cutter, fruitful)?;
                }
                *fruitful = true;
                Ok(cutter.file())
            }
            Self::Files {
                folder,
                names,
                next,
                bytes,
            } => {
                if *next >= names.len() {
                    (*names, *next) = (list(folder)?, 0);
                }
                let path = &names[*next];
                *next += 1;
                bytes.clear();
                File::open(path)
                    .and_then(|file| file.take(MOST_BYTES).read_to_end(bytes))
                    .map_err(|source| SourceError::unreadable(path, source))?;
                Ok(bytes)
            }
        }
    }
}

/// Feeds the next piece of a stream; at its end goes back to the start.
fn read_more(
    path: &Path,
    file: &mut File,
    cutter: &mut Cutter,
    fruitful: &mut bool,
) -> Result<(), SourceError> {
    let mut piece = [0; 16 << 10];
    let count = file
        .read(&mut piece)
        .map_err(|source| SourceError::unreadable(path, source))?;
    if count > 0 {
        cutter.feed(&piece[..count]);
        return Ok(());
    }
    if !std::mem::take(fruitful) {
        let said = "the file holds no JPEG".to_owned();
        return Err(SourceError::Ended(Cause::NoVideo, said));
    }
    *cutter = Cutter::default();
    file.rewind()
        .map_err(|source| SourceError::unreadable(path, source))
}

/// The pictures of a folder in the order of their names; at least one.
fn list(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let entries =
        std::fs::read_dir(folder).map_err(|source| SourceError::unreadable(folder, source))?;
    let mut names: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let extension = path.extension().unwrap_or_default();
            extension.eq_ignore_ascii_case("jpg") || extension.eq_ignore_ascii_case("jpeg")
        })
        .collect();
    names.sort();
    if names.is_empty() {
        let said = "the folder holds no JPEG".to_owned();
        return Err(SourceError::Ended(Cause::NoVideo, said));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::synthetic::Artist;

    const SOON: Duration = Duration::from_secs(5);

    fn widths(path: &Path, count: usize) -> Vec<u32> {
        let mut source = Jpegs::open(path, Duration::from_millis(1), Clock::system()).unwrap();
        std::iter::from_fn(|| Some(source.next(SOON).unwrap()?.width))
            .take(count)
            .collect()
    }

    fn picture(width: u32) -> Vec<u8> {
        Artist::new(width, 48).unwrap().frame(1.0).unwrap()
    }

    fn write(path: &Path, bytes: &[u8]) {
        vigla_kit::atomic::write(path, bytes).unwrap();
    }

    #[test]
    fn a_stream_goes_round_and_round() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("street.mjpeg");
        write(&path, &[picture(64), picture(80)].concat());
        assert_eq!(widths(&path, 5), [64, 80, 64, 80, 64]);
    }

    #[test]
    fn a_folder_goes_round_in_the_order_of_names() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("2.JPG"), &picture(96));
        write(&folder.path().join("1.jpg"), &picture(64));
        write(&folder.path().join("readme.txt"), b"no picture");
        assert_eq!(widths(folder.path(), 3), [64, 96, 64]);
    }

    #[test]
    fn a_file_without_pictures_is_an_error_and_no_endless_loop() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty.mjpg");
        write(&path, &vec![7; 200_000]);
        let mut source = Jpegs::open(&path, Duration::from_millis(1), Clock::system()).unwrap();
        assert!(matches!(
            source.next(SOON),
            Err(SourceError::Ended(Cause::NoVideo, _))
        ));
        assert!(Jpegs::open(&folder.path().join("none.mjpg"), SOON, Clock::system()).is_err());
    }
}
