//! A parser against its corpus: each file as it is, and then as many damaged ones as `PROPTEST_CASES` says (256).
//!
//! The corpus of a parser is the folder `tests/corpus/<parser>` of its crate: a few small files that it should read, and
//! what once broke it. An input that breaks it now is made as small as it goes and kept there, so that it is tried
//! for ever. `docs/fuzzing.md` lists every parser that outsiders reach.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestError, TestRunner};

/// Most that is done to one input.
const DAMAGES: usize = 6;
/// Longest input in bytes that is made; repeated parts grow fast.
const LONGEST: usize = 64 << 10;

/// Calls `target` with everything; it must return, whatever it says of the bytes. `home` is the crate's
/// `CARGO_MANIFEST_DIR`.
///
/// # Panics
///
/// When the corpus is empty, and when `target` does.
pub fn fuzz(home: &str, parser: &str, target: impl Fn(&[u8])) {
    let folder = Path::new(home).join("tests/corpus").join(parser);
    let seeds = seeds(&folder);
    assert!(!seeds.is_empty(), "no corpus in `{}`", folder.display());
    for (name, seed) in &seeds {
        let tried = catch_unwind(AssertUnwindSafe(|| target(seed)));
        assert!(tried.is_ok(), "`{parser}`: `{name}` breaks it");
    }
    // An input that is found is kept in the corpus, for people to read.
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::default()
    });
    let tried = runner.run(&inputs(seeds), |bytes| {
        target(&bytes);
        Ok(())
    });
    match tried {
        Err(TestError::Fail(why, bytes)) => panic!("`{parser}`: {why}; {}", kept(&folder, &bytes)),
        other => other.expect("inputs can be made"),
    }
}

/// The files of the corpus by name, in order.
fn seeds(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let read = |entry: std::fs::DirEntry| {
        let bytes = std::fs::read(entry.path()).ok()?;
        Some((entry.file_name().into_string().ok()?, bytes))
    };
    let mut seeds: Vec<_> = entries.filter_map(read).collect();
    seeds.sort();
    seeds
}

/// Keeps an input that broke a parser, and says where.
#[allow(
    clippy::disallowed_methods,
    reason = "a file of the repository, in a test"
)]
fn kept(folder: &Path, bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = folder.join(format!("found-{sum:016x}"));
    match std::fs::write(&path, bytes) {
        Ok(()) => format!("the input is kept as `{}`", path.display()),
        Err(error) => format!("`{}`: {error}; the input is {bytes:?}", path.display()),
    }
}

/// Something done to bytes. Places are shares of the length.
#[derive(Debug, Clone)]
enum Damage {
    /// Some bits of a byte are turned.
    Turn(Index, u8),
    /// A byte becomes one that often matters.
    Become(Index, u8),
    /// Everything behind a place is gone.
    End(Index),
    /// A part is gone.
    Lose(Index, Index),
    /// A part stands there twice.
    Repeat(Index, Index),
    /// Bytes come in between.
    Insert(Index, Vec<u8>),
    /// The end is that of another file.
    Join(Index, Vec<u8>),
}

fn damage(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    let odd = prop::sample::select(vec![
        0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'%', b'\\', b'{', b'<', b'-', b'9',
    ]);
    prop_oneof![
        (place(), 1_u8..).prop_map(|(at, bits)| Damage::Turn(at, bits)),
        (place(), odd).prop_map(|(at, byte)| Damage::Become(at, byte)),
        place().prop_map(Damage::End),
        (place(), place()).prop_map(|(from, to)| Damage::Lose(from, to)),
        (place(), place()).prop_map(|(from, to)| Damage::Repeat(from, to)),
        (place(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (place(), prop::sample::select(seeds)).prop_map(|(at, other)| Damage::Join(at, other)),
    ]
}

fn inputs(seeds: Vec<(String, Vec<u8>)>) -> impl Strategy<Value = Vec<u8>> {
    let seeds: Vec<_> = seeds.into_iter().map(|(_, seed)| seed).collect();
    let damages = prop::collection::vec(damage(seeds.clone()), 1..=DAMAGES);
    prop_oneof![
        15 => (prop::sample::select(seeds), damages).prop_map(|(seed, damages)| {
            damages.into_iter().fold(seed, damaged)
        }),
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: Damage) -> Vec<u8> {
    // A place may also be the end.
    let room = bytes.len() + 1;
    let part = |a: Index, b: Index| {
        let (a, b) = (a.index(room), b.index(room));
        a.min(b)..a.max(b)
    };
    match damage {
        Damage::Turn(at, bits) => {
            if let Some(byte) = bytes.get_mut(at.index(room)) {
                *byte ^= bits;
            }
        }
        Damage::Become(at, new) => {
            if let Some(byte) = bytes.get_mut(at.index(room)) {
                *byte = new;
            }
        }
        Damage::End(at) => bytes.truncate(at.index(room)),
        Damage::Lose(a, b) => drop(bytes.drain(part(a, b))),
        Damage::Repeat(a, b) => {
            let part = part(a, b);
            let twice = bytes[part.clone()].to_vec();
            bytes.splice(part.end..part.end, twice);
        }
        Damage::Insert(at, new) => {
            let at = at.index(room);
            bytes.splice(at..at, new);
        }
        Damage::Join(at, other) => {
            bytes.truncate(at.index(room));
            let from = at.index(other.len() + 1);
            bytes.extend_from_slice(&other[from..]);
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("tests/corpus/lines");
        std::fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in files {
            #[allow(clippy::disallowed_methods, reason = "a file of a test")]
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        home
    }

    #[test]
    fn what_breaks_a_parser_is_made_small_and_kept() {
        let home = corpus(&[("good", b"a=1\nb=2\n")]);
        let path = home.path().to_str().unwrap();
        let fragile = |bytes: &[u8]| assert!(!bytes.contains(&b'%'));
        let broken = catch_unwind(|| fuzz(path, "lines", fragile));
        assert!(broken.is_err());
        let seeds = seeds(&home.path().join("tests/corpus/lines"));
        let (name, found) = &seeds[0];
        assert!(
            name.starts_with("found-") && found.contains(&b'%'),
            "{seeds:?}"
        );
        let again = catch_unwind(|| fuzz(path, "lines", fragile));
        let said = again.unwrap_err().downcast::<String>().unwrap();
        assert!(said.contains(name.as_str()), "{said}");
    }

    #[test]
    fn a_parser_without_a_corpus_is_a_mistake() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap();
        assert!(catch_unwind(|| fuzz(path, "lines", |_| ())).is_err());
    }

    /// Each corpus of the repository has a row in `docs/fuzzing.md`, and each row a corpus and a target.
    #[test]
    fn the_table_of_parsers_is_true() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = std::fs::read_to_string(root.join("docs/fuzzing.md")).unwrap();
        let mut listed: Vec<String> = Vec::new();
        for row in text
            .lines()
            .filter(|line| line.starts_with("| ") && line.contains('/'))
        {
            let words: Vec<&str> = row.split('`').collect();
            let [target, corpus] = [words[words.len() - 2], words[words.len() - 4]];
            let parser = corpus.split_once('/').unwrap().1;
            let code = std::fs::read_to_string(root.join(target)).unwrap();
            assert!(
                code.contains(&format!("\"{parser}\"")) && code.contains("fuzz("),
                "{row}"
            );
            listed.push(corpus.to_owned());
        }
        let mut found = Vec::new();
        for service in std::fs::read_dir(root.join("services")).unwrap().flatten() {
            let name = service.file_name().into_string().unwrap();
            let corpora = std::fs::read_dir(service.path().join("tests/corpus"));
            for corpus in corpora.into_iter().flatten().flatten() {
                found.push(format!("{name}/{}", corpus.file_name().to_str().unwrap()));
            }
        }
        listed.sort();
        found.sort();
        assert_eq!(listed, found);
    }
}
