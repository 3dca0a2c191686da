//! Onto files.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use super::small::{self, SIZE};
use super::{Image, Target, flash, on_card, options, run, settings, stop};

const OWNER: &[u8] = b"name = \"yard\"\n";
const CLAIM: &str = "version = 1\nendpoint = \"https://enrol.example:8443\"\n\
    ca_sha256 = \"b3fd1fb8ba7ea5bd35b94f1f6c2ae54f6c70f0b5ea1f0e47bbf5ee77e0b6bd3a\"\n\
    claim = \"0000-0000-0000-0000-0000-0000-0000-0000-0000\"\n";

#[test]
fn an_image_is_written_by_its_map_with_the_owners_file() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    let whole = fs::read(&image).unwrap();
    small::map(&image);
    let image = small::pack(&image);
    let (disk, config) = (dir.path().join("disk"), dir.path().join("mine.toml"));
    fs::write(&config, OWNER).unwrap();
    let mut options = options(&image, &disk);
    options.config = Some(config);
    options.size = Some(64 << 20);
    run(&options).unwrap();
    let written = fs::read(&disk).unwrap();
    assert_eq!(written.len(), 64 << 20);
    // All but the partition with the owner's file is the image, and nothing.
    let (boot, slot) = (1 << 20, 5 << 20);
    assert_eq!(written[..boot], whole[..boot]);
    assert_eq!(written[slot..whole.len()], whole[slot..]);
    assert!(written[whole.len()..].iter().all(|byte| *byte == 0));
    assert_eq!(settings(&disk), OWNER);
    let blocks = fs::metadata(&disk).unwrap().blocks();
    assert!(blocks * 512 < SIZE, "what is not used is not written");
}

#[test]
fn without_a_map_every_byte_is_written_and_read_back() {
    for packed in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let mut image = small::image(dir.path());
        let whole = fs::read(&image).unwrap();
        if packed {
            image = small::pack(&image);
        }
        let disk = dir.path().join("disk");
        run(&options(&image, &disk)).unwrap();
        let written = fs::read(&disk).unwrap();
        assert!(written[..whole.len()] == whole);
        assert_eq!(written.len() as u64, SIZE + (512 << 20));
    }
}

#[test]
fn an_image_that_is_not_that_of_its_map_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    small::map(&image);
    let file = fs::OpenOptions::new().write(true).open(&image).unwrap();
    file.write_all_at(b"x", 8 << 20).unwrap();
    let error = run(&options(&image, &dir.path().join("disk"))).unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains("not whole") && error.contains("damaged"),
        "{error}"
    );
}

#[test]
fn an_image_that_is_cut_off_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    small::map(&image);
    let image = small::pack(&image);
    let bytes = fs::read(&image).unwrap();
    for length in [bytes.len() / 2, 10, 0] {
        fs::write(&image, &bytes[..length]).unwrap();
        let done = run(&options(&image, &dir.path().join("disk")));
        assert!(done.is_err(), "{length}");
    }
    // Also without a map.
    fs::remove_file(dir.path().join("card.img.bmap")).unwrap();
    let done = run(&options(&image, &dir.path().join("disk")));
    assert!(done.is_err());
}

#[test]
fn a_disk_that_forgets_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    small::map(&image);
    let disk = dir.path().join("disk");
    let image = Image::open(&image).unwrap();
    let target = Target::look(&disk, image.size(), None).unwrap();
    flash(&image, &target, &[]).unwrap();
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&disk)
        .unwrap();
    let written = super::super::write::image(&image, &file).unwrap();
    written.verify(&file).unwrap();
    file.write_all_at(b"x", 8 << 20).unwrap();
    let error = written.verify(&file).unwrap_err().to_string();
    assert!(error.contains("another card"), "{error}");
}

#[test]
fn a_mistake_in_the_owners_file_stops_everything_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    let (disk, config) = (dir.path().join("disk"), dir.path().join("mine.toml"));
    for text in ["nam = 'x'", "[wifi]\ncountry = 'UK'", "name = \"\n"] {
        fs::write(&config, text).unwrap();
        let mut options = options(&image, &disk);
        options.config = Some(config.clone());
        let error = run(&options).unwrap_err();
        assert_eq!(stop::code(&error), stop::CONFIG, "{error:#}");
        assert!(!disk.exists());
    }
}

#[test]
fn a_claim_is_put_beside_the_owners_file() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    small::map(&image);
    let file = |name: &str, text: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        Some(path)
    };
    let disk = dir.path().join("disk");
    let mut options = options(&image, &disk);
    options.config = file("mine.toml", OWNER);
    options.enrol = file("claim.toml", CLAIM.as_bytes());
    run(&options).unwrap();
    assert_eq!(settings(&disk), OWNER);
    assert_eq!(on_card(&disk, "enrolment.toml"), CLAIM.as_bytes());
}

#[test]
fn a_claim_that_no_node_could_use_stops_everything_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    let (disk, claim) = (dir.path().join("disk"), dir.path().join("claim.toml"));
    let used = CLAIM.replace("claim = ", "used_by = \"vigla-0\" # ");
    let typed = CLAIM.replace("0000\"\n", "0001\"\n");
    let plain = CLAIM.replace("https:", "http:");
    let more = format!("{CLAIM}colour = \"red\"\n");
    let large = format!("{CLAIM}{}", "#".repeat(70_000));
    for text in [used, typed, plain, more, large, String::new()] {
        fs::write(&claim, &text).unwrap();
        let mut options = options(&image, &disk);
        options.enrol = Some(claim.clone());
        let error = run(&options).unwrap_err();
        assert_eq!(stop::code(&error), stop::CONFIG, "{error:#}");
        assert!(!format!("{error:#}").contains("0000-0000"));
        assert!(!disk.exists());
    }
}

#[test]
fn what_is_no_disk_and_no_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    small::map(&image);
    for (device, why) in [
        (dir.path().to_owned(), "neither a disk nor a file"),
        ("/dev/null".into(), "neither a disk nor a file"),
        ("/dev/no-such-disk".into(), "--list"),
    ] {
        let error = run(&options(&image, &device)).unwrap_err();
        assert_eq!(stop::code(&error), stop::USAGE, "{error:#}");
        assert!(error.to_string().contains(why), "{error:#}");
    }
    let mut small = options(&image, &dir.path().join("disk"));
    small.size = Some(SIZE - 1);
    assert!(
        run(&small)
            .unwrap_err()
            .to_string()
            .contains("the image needs")
    );
}

#[test]
fn sizes_are_read_as_people_write_them() {
    use super::super::target::size;
    assert_eq!(size("8G"), Ok(8 << 30));
    assert_eq!(size("900m"), Ok(900 << 20));
    assert_eq!(size("4096"), Ok(4096));
    for bad in ["", "G", "8T", "-1", "99999999999G"] {
        assert!(size(bad).is_err(), "{bad}");
    }
}
