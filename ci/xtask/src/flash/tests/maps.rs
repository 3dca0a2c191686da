//! Maps that are none.

use std::fs;

use super::small;
use crate::flash::map::Map;

fn map() -> String {
    let dir = tempfile::tempdir().unwrap();
    let image = small::image(dir.path());
    fs::read_to_string(small::map(&image)).unwrap()
}

#[test]
fn a_map_has_the_used_blocks_and_the_gaps_between_them() {
    let map = Map::parse(&map()).unwrap();
    assert_eq!(map.size, small::SIZE);
    let used: u64 = map.ranges.iter().map(|range| range.end - range.start).sum();
    let unused: u64 = map.gaps().iter().map(|(start, end)| end - start).sum();
    assert_eq!(used + unused, map.size);
    assert!(used < map.size / 2);
}

#[test]
fn a_map_that_is_cut_off_or_changed_anywhere_is_refused() {
    let text = map();
    for at in 0..text.len() {
        let end = text.trim_end().len() - "</bmap>".len();
        assert!(at > end || Map::parse(&text[..at]).is_err(), "cut at {at}");
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(Map::parse(&changed).is_err(), "changed at {at}");
    }
}

#[test]
fn a_map_whose_words_make_no_sense_is_refused() {
    let text = map();
    for (from, to) in [
        ("version=\"2.0\"", "version=\"1.4\""),
        ("sha256", "sha1"),
        ("<BlockSize> 4096 ", "<BlockSize> 0 "),
        ("<BlockSize> 4096 ", "<BlockSize> 4095 "),
        ("<ImageSize> ", "<ImageSize> -"),
        ("<MappedBlocksCount> ", "<MappedBlocksCount> 1"),
        ("> 256-257", "> 258-257"),
        ("> 256-257", "> 18446744073709551615"),
        ("> 256-257", "> 256-18446744073709551615"),
        ("> 256-257", "> 0-1"),
        ("> 2048-2050", "> 3327-3329"),
        ("chksum=\"", "chksum=\"g"),
    ] {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(wrong, text);
        let wrong = small::summed(&wrong);
        assert!(Map::parse(&wrong).is_err(), "{from} -> {to}");
    }
    assert!(Map::parse(&small::summed(&text)).is_ok());
}
