//! Bundles that are built from a delta and a slot.

use std::path::{Path, PathBuf};

use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use vigla_testkit::fuzz;
use vigla_updater::delta::{head, rebuild};
use vigla_updater::outcome::End;

use super::bundles::{Authority, Wish};
use super::rauc::{Program, put};

const BLOCK: usize = 4096;
/// The root of the example's tree: SHA-256 over salt and block, by another hand.
const ROOT: &str = "41aacb5e5f8e5235ef19e651f2ac3f32f52d20c7bea077152e75c74ed5fcd32c";
const SALT: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A step of a bidiff patch: so much of the slot with a difference added, so much that is new, and where to go on.
#[derive(Debug, Default)]
pub(crate) struct Step {
    pub(crate) add: Vec<u8>,
    pub(crate) copy: Vec<u8>,
    pub(crate) seek: i64,
}

/// A delta of these steps.
pub(crate) fn delta(
    from: &str,
    [root, salt]: [&str; 2],
    signature: &[u8],
    steps: &[Step],
) -> Vec<u8> {
    let mut patch = [0xb1df_u32, 0x1000].map(u32::to_le_bytes).concat();
    let mut payload = 0;
    for step in steps {
        for bytes in [&step.add, &step.copy] {
            number(&mut patch, bytes.len() as u64);
            patch.extend(bytes);
            payload += bytes.len();
        }
        number(
            &mut patch,
            ((step.seek << 1) ^ (step.seek >> 63)).cast_unsigned(),
        );
    }
    let head = serde_json::json!({
        "from": from, "payload": payload, "root": root, "salt": salt, "signature": signature.len(),
    });
    let patch = compress_to_vec(&patch[..], CompressionLevel::Fastest);
    [
        b"vigla-delta-1\n",
        head.to_string().as_bytes(),
        b"\n",
        signature,
        &patch,
    ]
    .concat()
}

/// Seven bits a byte, the lowest first.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn blocks(count: usize, seed: u8) -> Vec<u8> {
    (0..count * BLOCK)
        .map(|at| u8::try_from(at / 7 % 251).unwrap() ^ seed)
        .collect()
}

struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        put(&path, bytes);
        path
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    fn rebuild(&self, slot: &[u8], delta: &[u8]) -> Result<Vec<u8>, End> {
        let (slot, delta) = (self.put("slot", slot), self.put("delta", delta));
        rebuild(
            &delta,
            &slot,
            &self.out(),
            &CancellationToken::new(),
            &|_| {},
        )?;
        Ok(std::fs::read(self.out()).unwrap())
    }
}

/// A slot; a payload of two blocks from its middle, one that is new, its first with a byte changed; their delta.
pub(crate) fn example(from: &str) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let (slot, new) = (blocks(5, 0), blocks(1, 99));
    let mut first = slot[..BLOCK].to_vec();
    first[17] = first[17].wrapping_add(3);
    let payload = [&slot[2 * BLOCK..4 * BLOCK], &new, &first].concat();
    let mut change = vec![0; BLOCK];
    change[17] = 3;
    let steps = [
        Step {
            seek: 2 * 4096,
            ..Step::default()
        },
        Step {
            add: vec![0; 2 * BLOCK],
            copy: new,
            seek: -4 * 4096,
        },
        Step {
            add: change,
            ..Step::default()
        },
    ];
    let delta = delta(from, [ROOT, SALT], b"signature", &steps);
    (slot, payload, delta)
}

#[test]
fn a_bundle_is_the_payload_its_tree_and_its_signature() {
    let (slot, payload, delta) = example("1.1.0");
    let built = Bench::new().rebuild(&slot, &delta).unwrap();
    assert!(built.starts_with(&payload));
    assert!(built.ends_with(b"signature\0\0\0\0\0\0\0\x09"));
    let tree = &built[payload.len()..built.len() - 17];
    assert_eq!(tree.len(), BLOCK, "the hashes of four blocks, padded");
    assert!(tree[4 * 32..].iter().all(|byte| *byte == 0));
}

#[test]
fn what_does_not_fit_is_said_and_what_is_no_delta_is_none() {
    let bench = Bench::new();
    let (slot, _, delta) = example("1.1.0");
    let code = |slot: &[u8], delta: &[u8]| bench.rebuild(slot, delta).unwrap_err().code;
    assert_eq!(
        code(&slot[..3 * BLOCK], &delta),
        "misfit",
        "a slot that is too short"
    );
    assert_eq!(code(&blocks(5, 1), &delta), "misfit", "another slot");
    for cut in [delta.len() - 1, delta.len() - 20, 250] {
        assert_eq!(code(&slot, &delta[..cut]), "misfit", "cut to {cut}");
    }
    let other = |payload: &str| {
        let end = delta.iter().position(|byte| *byte == b'}').unwrap();
        let line = String::from_utf8_lossy(&delta[..=end]).replace("16384", payload);
        [line.as_bytes(), &delta[end + 1..]].concat()
    };
    assert_eq!(
        code(&slot, &other("12288")),
        "misfit",
        "it goes on after its end"
    );
    assert_eq!(code(&slot, &other("20480")), "misfit", "it ends too early");
    for wrong in ["0", "4097", "99999999999999", "-1", "\"x\""] {
        let path = bench.put("wrong", &other(wrong));
        assert!(head(&path).is_err(), "{wrong}");
    }
    for other in [&b""[..], b"hsqs and so on, as a bundle begins"] {
        assert_eq!(head(&bench.put("bundle", other)).unwrap(), None);
    }
    assert!(head(Path::new("/no/such")).is_err());
}

#[test]
fn it_stops_when_it_is_cancelled() {
    let bench = Bench::new();
    let (slot, _, delta) = example("1.1.0");
    let (slot, delta) = (bench.put("slot", &slot), bench.put("delta", &delta));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let end = rebuild(&delta, &slot, &bench.out(), &cancel, &|_| {});
    assert_eq!(end.unwrap_err().code, "cancelled");
}

/// What comes of a damaged one is RAUC's to judge.
#[test]
fn any_damage_to_a_delta_is_survived() {
    let bench = Bench::new();
    let (slot, payload, _) = example("1.1.0");
    let whole = include_bytes!("../corpus/delta/whole");
    assert!(bench.rebuild(&slot, whole).unwrap().starts_with(&payload));
    fuzz(env!("CARGO_MANIFEST_DIR"), "delta", |bytes| {
        let _ = bench.rebuild(&slot, bytes);
    });
}

/// One that RAUC made: its payload, tree and signature come out as they went in.
#[test]
fn what_is_built_is_the_bundle_bit_for_bit() {
    let Some(program) = Program::find() else {
        return;
    };
    let bench = Bench::new();
    let signer = Authority::new(bench.0.path(), "ours", "codeSigning");
    let bundle = Wish::good("good", &signer).make(&program, bench.0.path());
    let bundle = std::fs::read(bundle).unwrap();
    let (rest, length) = bundle.split_last_chunk::<8>().unwrap();
    let length = usize::try_from(u64::from_be_bytes(*length)).unwrap();
    let (rest, signature) = rest.split_at(rest.len() - length);
    let used = u64::from_le_bytes(rest[40..48].try_into().unwrap());
    let payload = &rest[..usize::try_from(used).unwrap().next_multiple_of(BLOCK)];
    let manifest = String::from_utf8_lossy(signature);
    let value = |key: &str| manifest.split(key).nth(1).unwrap()[..64].to_owned();
    let (root, salt) = (value("verity-hash="), value("verity-salt="));
    let steps = [Step {
        copy: payload.to_vec(),
        ..Step::default()
    }];
    let delta = delta("1.1.0", [&root, &salt], signature, &steps);
    assert!(bench.rebuild(&[], &delta).unwrap() == bundle);
}
