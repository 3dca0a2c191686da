//! Onto loop devices, which are disks to the kernel. Only root may make them.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::OFlag;

use super::small::{self, SIZE};
use super::{options, run, settings, stop};
use crate::process;

/// A loop device, as long as the test runs.
struct Loop(PathBuf);

impl Loop {
    /// Over a new file full of an earlier life.
    fn over(file: &Path, size: usize, more: &[&str]) -> Option<Self> {
        fs::write(file, vec![0xaa; size]).unwrap();
        let mut losetup = Command::new("losetup");
        losetup.args(["--find", "--show"]).args(more).arg(file);
        match process::output(&mut losetup) {
            Ok(path) => Some(Self(PathBuf::from(path.trim()))),
            Err(error) => {
                vigla_testkit::skip(&format!("no loop device: {error:#}"));
                None
            }
        }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = process::output(Command::new("losetup").arg("--detach").arg(&self.0));
    }
}

#[test]
fn a_disk_is_written_and_nothing_of_before_speaks_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    let whole = fs::read(&image).unwrap();
    small::map(&image);
    let config = dir.path().join("mine.toml");
    fs::write(&config, "name = 'yard'\n").unwrap();
    let file = dir.path().join("disk");
    let Some(disk) = Loop::over(&file, 32 << 20, &[]) else {
        return;
    };
    let mut options = options(&image, &disk.0);
    options.config = Some(config);
    run(&options).unwrap();
    assert_eq!(settings(&disk.0), b"name = 'yard'\n");
    drop(disk);
    let written = fs::read(&file).unwrap();
    let mb = |mb: usize| mb << 20;
    // All that is used or could be taken for it; of the empty slot nothing; no second table.
    assert!(written[..mb(1)] == whole[..mb(1)]);
    assert!(written[mb(5)..mb(10)] == whole[mb(5)..mb(10)]);
    assert!(written[mb(10)..mb(12)].iter().all(|byte| *byte == 0xaa));
    assert!(written[mb(12)..mb(13)].iter().all(|byte| *byte == 0));
    assert!(written[mb(31)..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_disk_that_is_too_small_read_only_or_in_use_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    small::map(&image);
    let size = usize::try_from(SIZE).unwrap();
    let file = dir.path().join("disk");
    let untouched = || fs::read(&file).unwrap().iter().all(|byte| *byte == 0xaa);

    let Some(small) = Loop::over(&file, size / 2, &[]) else {
        return;
    };
    let error = run(&options(&image, &small.0)).unwrap_err();
    assert!(error.to_string().contains("too small"), "{error:#}");
    assert_eq!(stop::code(&error), stop::USAGE);
    drop(small);

    let Some(closed) = Loop::over(&file, 2 * size, &["--read-only"]) else {
        return;
    };
    let error = run(&options(&image, &closed.0)).unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error:#}");
    drop(closed);

    let Some(used) = Loop::over(&file, 2 * size, &[]) else {
        return;
    };
    // As a file system does that is mounted out of our sight.
    let holder = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_EXCL.bits())
        .open(&used.0);
    let holder = holder.unwrap();
    let error = run(&options(&image, &used.0)).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error:#}");
    drop(holder);
    drop(used);
    assert!(untouched());
}
