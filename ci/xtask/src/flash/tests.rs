//! A small image with partitions, FAT and map, onto files and, as root, onto loop devices.
#![allow(clippy::disallowed_methods, reason = "files of a test's own folder")]

mod disks;
mod images;
mod loops;
mod maps;
mod small;

use std::fs;
use std::path::Path;

use super::{Image, Options, Target, fat, flash, gpt, run};
use crate::stop;

/// As the command line would give them.
fn options(image: &Path, device: &Path) -> Options {
    Options {
        image: Some(image.to_owned()),
        device: Some(device.to_owned()),
        config: None,
        enrol: None,
        size: None,
        list: false,
        yes: true,
    }
}

/// What `vigla.toml` on a written disk says.
fn settings(disk: &Path) -> Vec<u8> {
    on_card(disk, "vigla.toml")
}

/// What a file on a written disk says.
fn on_card(disk: &Path, name: &str) -> Vec<u8> {
    let disk = fs::File::open(disk).unwrap();
    let partitions = gpt::partitions(&disk).unwrap();
    fat::read(&disk, &partitions[0], name).unwrap()
}
