//! Files that stay open from one look to the next.
//!
//! To open a file of `/proc` or `/sys` costs more than to read it, and nearly all are read at each look. The
//! kernel makes the text anew at each read from the start. What a look does not read is closed, and so is what
//! the kernel says is gone, so that a device that went and came is not mistaken for the one before.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use nix::errno::Errno;

/// Largest file that is read; `/proc/stat` of a big server has 100 kB.
const LARGEST: usize = 1 << 20;
/// Most files that stay open: a laptop with a few interfaces has eighty, and a process may have 1024.
const MOST: usize = 256;

/// See the module.
#[derive(Debug)]
pub(super) struct Kept {
    /// Only the kernel's own files: a recorded one is replaced, and the open one would be the old one.
    keeps: bool,
    files: HashMap<String, Open>,
    /// For reading, so that each text is allocated in its own size.
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Read since the last rest.
    read: bool,
}

impl Kept {
    pub(super) fn new(keeps: bool) -> Self {
        Self {
            keeps,
            files: HashMap::new(),
            bytes: vec![0; 16 << 10],
        }
    }

    /// The text of the file `path`, which lies at `place`.
    pub(super) fn read(&mut self, path: &str, place: impl FnOnce() -> PathBuf) -> Option<String> {
        // A file of /sys comes whole with the first read.
        let at_once = path.starts_with("/sys/");
        if let Some(open) = self.files.get_mut(path) {
            open.read = true;
            match whole(&open.file, at_once, &mut self.bytes) {
                Err(error) if error.raw_os_error() == Some(Errno::ENODEV as i32) => {
                    self.files.remove(path);
                }
                read => return text(&self.bytes[..read.ok()?]),
            }
        }
        let file = File::open(place()).ok()?;
        let read = whole(&file, at_once, &mut self.bytes);
        if self.keeps && self.files.len() < MOST {
            let open = Open { file, read: true };
            self.files.insert(path.to_owned(), open);
        }
        text(&self.bytes[..read.ok()?])
    }

    /// Closes what was not read since the last rest.
    pub(super) fn rest(&mut self) {
        self.files
            .retain(|_, open| std::mem::replace(&mut open.read, false));
    }
}

/// Reads a file from its start into `bytes`, and says how much there was. Its size is not asked for: these files have
/// none.
fn whole(file: &File, at_once: bool, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut filled = 0;
    loop {
        let count = file.read_at(&mut bytes[filled..], filled as u64)?;
        filled += count;
        if count == 0 || at_once {
            return Ok(filled);
        }
        if filled == bytes.len() {
            if filled >= LARGEST {
                return Ok(filled);
            }
            bytes.resize(2 * filled, 0);
        }
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_stays_open_says_what_is_true_now() {
        const NAME: &str = "/proc/thread-self/comm";
        let mut kept = Kept::new(true);
        for name in ["one", "the other"] {
            let mut file = File::options().write(true).open(NAME).unwrap();
            file.write_all(name.as_bytes()).unwrap();
            let read = kept.read(NAME, || NAME.into()).unwrap();
            assert_eq!((read.trim(), kept.files.len()), (name, 1));
        }
    }

    #[test]
    fn what_is_not_read_is_closed() {
        let mut kept = Kept::new(true);
        for path in ["/proc/stat", "/proc/loadavg"] {
            assert!(kept.read(path, || path.into()).is_some());
        }
        kept.rest();
        assert!(kept.read("/proc/stat", || "/proc/stat".into()).is_some());
        kept.rest();
        assert_eq!(kept.files.keys().collect::<Vec<_>>(), ["/proc/stat"]);
    }

    #[test]
    fn a_recorded_file_is_opened_each_time() {
        let mut kept = Kept::new(false);
        assert!(kept.read("/proc/stat", || "/proc/stat".into()).is_some());
        assert!(kept.files.is_empty());
    }
}
