//! Power cuts: the card as it was after any write of a first boot, an update and its mission gate.
//!
//! Each is judged from outside, as U-Boot and the initial RAM disk would: which slot is next, whether
//! its bytes are whole, whether the data partition can be mended and still has the identity. Some are
//! started as well, up to the initial RAM disk's word.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Whence, lseek};
use vigla_boot_tests::{
    Card, Environment, Guest, Writes, done, image, partition, power_cuts, tool,
};

use super::update::{Recorded, recorded};

/// So many of them are started.
const STARTED: usize = 3;

#[test]
fn a_power_cut_at_any_write_leaves_a_slot_and_the_data() {
    let (Some(run), Some(image)) = (recorded(), image()) else {
        return;
    };
    let card = Card::copy(&image, "power-cuts").unwrap();
    let layout = Layout::of(&card.path());
    let places = Writes::open(&run.log).unwrap().places().unwrap();
    let slot_a: Vec<_> = (0..places.len())
        .filter(|index| touches(&places[*index], &layout.a))
        .map(|index| (index, places[index].start - layout.a.start))
        .collect();
    assert_eq!(slot_a, [], "the slot that runs is never written");
    let cuts = cuts(&places, &layout.env, power_cuts());
    let whole = sum(&run.card.path(), &layout.b);

    let mut writes = Writes::open(&run.log).unwrap();
    let raw = File::options().write(true).open(card.path()).unwrap();
    let (mut at, mut wrong) = (0, Vec::new());
    for (number, cut) in cuts.iter().enumerate() {
        at += writes.replay(&raw, cut - at).unwrap();
        if let Err(why) = judge(&card, &layout, run, *cut, whole) {
            wrong.push(format!("after write {cut} of {}: {why}", places.len()));
        }
        if number % cuts.len().div_ceil(STARTED) == 0 {
            start(&card, *cut);
        }
    }
    println!(
        "{} power cuts among {} writes: {} without a slot or data",
        cuts.len(),
        places.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where what is judged lies on the card.
struct Layout {
    env: Range<u64>,
    a: Range<u64>,
    b: Range<u64>,
}

impl Layout {
    fn of(card: &Path) -> Self {
        let place = |label| partition(card, label).unwrap();
        Self {
            env: place("env"),
            a: place("root-a"),
            b: place("root-b"),
        }
    }
}

fn touches(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// After how many writes the power is cut: half of them around the writes of the environment, where a
/// device is decided on, the others evenly.
fn cuts(places: &[Range<u64>], env: &Range<u64>, count: usize) -> Vec<u64> {
    let all = places.len() as u64;
    let writes = places.iter().zip(0..);
    let env = writes.filter(|(place, _)| touches(place, env));
    let around: Vec<u64> = env.flat_map(|(_, index)| [index, index + 1]).collect();
    let half = (count / 2).max(1);
    let mut cuts: BTreeSet<u64> = (0..half.min(around.len()))
        .map(|number| around[number * around.len() / half.min(around.len())])
        .collect();
    let evenly = count - cuts.len().min(count - 1);
    cuts.extend((1..=evenly as u64).map(|number| number * all / evenly as u64));
    cuts.into_iter().collect()
}

fn bytes(card: &Path, place: &Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(place.end - place.start).unwrap()];
    let file = File::open(card).unwrap();
    file.read_exact_at(&mut bytes, place.start).unwrap();
    bytes
}

fn sum(card: &Path, place: &Range<u64>) -> u32 {
    crc32fast::hash(&bytes(card, place))
}

fn judge(card: &Card, layout: &Layout, run: &Recorded, cut: u64, whole: u32) -> Result<(), String> {
    let environment = Environment::of(&bytes(&card.path(), &layout.env));
    match environment.choose() {
        Some('A') => {}
        Some('B') if sum(&card.path(), &layout.b) == whole => {}
        Some(slot) => return Err(format!("slot {slot} is next and is not whole")),
        None => return Err(format!("no slot has tries left: {environment:?}")),
    }
    // It grows in the first boot: its end is what the table says by now.
    let place = partition(&card.path(), "data").map_err(|error| format!("{error:#}"))?;
    let data = copy(card, &place).display().to_string();
    let mut check = tool("e2fsck").unwrap();
    let checked = check.args(["-f", "-y", &data]).output().unwrap();
    // 1 and 2: mended.
    if checked.status.code().is_none_or(|code| code > 3) {
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        return Err(format!("the data partition cannot be mended: {said}"));
    }
    let mut read = tool("debugfs").unwrap();
    read.args(["-R", "cat /state/etc/upper/machine-id", &data]);
    let id = done(&mut read).unwrap();
    if cut >= run.settled && id.trim() != run.id {
        return Err(format!("the identity is `{}`, not `{}`", id.trim(), run.id));
    }
    Ok(())
}

/// The partition in a file of its own: what mends it must not change what is replayed, and e2fsck forgets an
/// offset once it has replayed the journal. Holes stay holes.
fn copy(card: &Card, place: &Range<u64>) -> PathBuf {
    let copy = card.beside().join("data.ext4");
    let mut from = File::open(card.path()).unwrap();
    let mut to = File::create(&copy).unwrap();
    to.set_len(place.end - place.start).unwrap();
    let mut at = place.start;
    while let Some(data) = seek(&from, at, Whence::SeekData).filter(|data| *data < place.end) {
        at = seek(&from, data, Whence::SeekHole).unwrap().min(place.end);
        from.seek(SeekFrom::Start(data)).unwrap();
        to.seek(SeekFrom::Start(data - place.start)).unwrap();
        io::copy(&mut (&from).take(at - data), &mut to).unwrap();
    }
    copy
}

/// The next byte of a kind; `None` at the end of the file.
fn seek(file: &File, from: u64, what: Whence) -> Option<u64> {
    let found = lseek(file, i64::try_from(from).unwrap(), what).ok()?;
    u64::try_from(found).ok()
}

/// Starts the card as it is, up to the initial RAM disk's word; what that writes is thrown away.
fn start(card: &Card, cut: u64) {
    let guest = Guest::start_with(card, &[], &[]).unwrap();
    guest
        .wait_for("initrd: slot", guest.said("initrd: slot"))
        .unwrap();
    guest.cut().unwrap();
    println!("started after write {cut}");
}

#[test]
fn cuts_are_around_the_environment_and_everywhere() {
    let places = [0..1, 5..9, 20..21, 5..6, 30..31, 31..32, 32..33, 33..34];
    assert_eq!(cuts(&places, &(5..9), 8), [1, 2, 3, 4, 6, 8]);
    assert_eq!(cuts(&[0..1, 1..2], &(5..9), 2), [1, 2]);
    assert_eq!(cuts(&places, &(5..9), 1).len(), 2);
}
