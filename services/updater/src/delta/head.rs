//! The first two lines of a delta, and what they promise.
//!
//! ```text
//! vigla-delta-1
//! {"from":"1.1.0","payload":274087936,"root":"64 hexadecimal digits","salt":"as many","signature":1901}
//! signature (CMS, as RAUC made it), then one zstd frame of a bidiff patch from the slot to the payload
//! ```

use std::io::{self, BufRead, Read};

use semver::Version;
use serde::Deserialize;

use super::tree::BLOCK;

const MAGIC: &[u8] = b"vigla-delta-1\n";
/// Longest second line, in bytes.
const LONGEST: u64 = 1 << 10;
/// Longest signature, in bytes; RAUC's own limit.
const SIGNATURE: usize = 64 << 10;
/// Largest payload, in bytes: no slot is larger.
const PAYLOAD: u64 = 16 << 30;

/// What a delta says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Head {
    /// The version whose slot it fits.
    pub from: Version,
    /// Bytes of the payload, whole blocks.
    pub payload: u64,
    /// The hash at the root of the tree.
    #[serde(deserialize_with = "digits")]
    pub root: [u8; 32],
    /// What each hash of the tree begins with.
    #[serde(deserialize_with = "digits")]
    pub salt: [u8; 32],
    /// Bytes of the signature.
    pub signature: usize,
}

impl Head {
    /// Bytes of the bundle that comes of it, at most.
    #[must_use]
    pub fn bundle(&self) -> u64 {
        // The tree is less than 1/127 of the payload and a block a level.
        self.payload + self.payload / 127 + 8 * BLOCK as u64 + self.signature as u64
    }
}

/// The head, with `file` left behind it; `None` when `file` is no delta, `InvalidData` when its head is none.
pub(super) fn read(file: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut magic = [0; MAGIC.len()];
    match file.read_exact(&mut magic) {
        Ok(()) if magic == MAGIC => {}
        Ok(()) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut line = Vec::new();
    file.take(LONGEST).read_until(b'\n', &mut line)?;
    let head: Head = serde_json::from_slice(&line).map_err(wrong)?;
    let sound = head.payload > 0
        && head.payload <= PAYLOAD
        && head.payload.is_multiple_of(BLOCK as u64)
        && (1..=SIGNATURE).contains(&head.signature);
    if sound && line.ends_with(b"\n") {
        return Ok(Some(head));
    }
    Err(wrong("it promises what no bundle is"))
}

fn wrong(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn digits<'de, D: serde::Deserializer<'de>>(value: D) -> Result<[u8; 32], D::Error> {
    use serde::de::Error as _;
    let text = <std::borrow::Cow<'de, str>>::deserialize(value)?;
    let wrong = || D::Error::custom("64 hexadecimal digits are wanted");
    if text.len() != 64 {
        return Err(wrong());
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}
