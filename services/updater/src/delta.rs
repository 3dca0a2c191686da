//! A static delta: what a bundle has that the running slot does not, from which the bundle is built again.
//!
//! ```text
//! slot that runs ─┐
//!                 ├─► payload ─► + its hash tree ─► + signature ─► the bundle, bit for bit ─► RAUC
//! delta ──────────┘
//! ```
//!
//! The bundle is one that `cargo xtask delta` signed beside the delta: with an uncompressed payload, so that the
//! slot's blocks stand in it as they are. Nothing here is trusted: what comes out is judged like any other bundle,
//! and a slot that does not fit gives none. The hash tree is
//! computed instead of sent: it is as large as 1/128 of the slot and cannot be compressed.

mod head;
mod tree;

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use ruzstd::decoding::StreamingDecoder;
use tokio_util::sync::CancellationToken;

use crate::fetch::disk;
use crate::outcome::End;
pub use head::Head;
use tree::{BLOCK, Tree};

/// Largest window of the compression, in bytes: that of `zstd -19`. It is memory here.
const WINDOW: u64 = 8 << 20;
/// So many bytes are built between two looks at the order.
const PIECE: usize = 64 * BLOCK;

/// The head of a delta; `None` for any other file, `InvalidData` when it begins like one and is none.
pub fn head(path: &Path) -> io::Result<Option<Head>> {
    head::read(&mut BufReader::new(File::open(path)?))
}

/// Builds the bundle of `delta` at `out` from the slot at `slot`; tells how far it is, 0..=1.
///
/// Blocks the thread. Ends with `misfit` when the two do not belong together or the delta is damaged.
pub fn rebuild(
    delta: &Path,
    slot: &Path,
    out: &Path,
    cancel: &CancellationToken,
    progress: &dyn Fn(f64),
) -> Result<(), End> {
    let mut delta = BufReader::new(File::open(delta).map_err(|error| unreadable(&error))?);
    let head = head::read(&mut delta).map_err(misfit)?;
    let head = head.ok_or_else(|| End::about("misfit", "it has no head"))?;
    let mut signature = vec![0; head.signature];
    delta.read_exact(&mut signature).map_err(misfit)?;
    let patch = StreamingDecoder::new_with_max_window_size(delta, WINDOW).map_err(misfit)?;
    let slot = File::open(slot).map_err(|error| unreadable(&error))?;
    let payload = bipatch::Reader::new(patch, slot).map_err(misfit)?;

    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(out);
    let mut file = BufWriter::with_capacity(PIECE, file.map_err(|error| disk(&error))?);
    let tree = copy(payload, &mut file, &head, cancel, progress)?;
    let (levels, root) = tree.finish();
    if root != head.root {
        return Err(End::about("misfit", "what comes of it is another bundle"));
    }
    let end = |file: &mut BufWriter<File>| {
        levels.iter().try_for_each(|level| file.write_all(level))?;
        file.write_all(&signature)?;
        file.write_all(&(signature.len() as u64).to_be_bytes())?;
        file.flush()?;
        file.get_ref().sync_all()
    };
    end(&mut file).map_err(|error| disk(&error))
}

#[allow(clippy::cast_precision_loss, reason = "a share")]
fn copy(
    mut payload: impl Read,
    file: &mut impl Write,
    head: &Head,
    cancel: &CancellationToken,
    progress: &dyn Fn(f64),
) -> Result<Tree, End> {
    let mut tree = Tree::new(head.salt);
    let mut piece = vec![0; PIECE];
    let mut left = head.payload;
    while left > 0 {
        if cancel.is_cancelled() {
            return Err(End::new("cancelled"));
        }
        let now = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        payload.read_exact(&mut piece[..now]).map_err(misfit)?;
        file.write_all(&piece[..now])
            .map_err(|error| disk(&error))?;
        tree.add(&piece[..now]);
        left -= now as u64;
        progress(1.0 - left as f64 / head.payload as f64);
    }
    match payload.read(&mut piece[..1]) {
        Ok(0) => Ok(tree),
        Ok(_) => Err(End::about("misfit", "it goes on after its end")),
        Err(error) => Err(misfit(error)),
    }
}

fn misfit(error: impl std::fmt::Display) -> End {
    End::about("misfit", error.to_string())
}

fn unreadable(error: &io::Error) -> End {
    End::about("unreadable", error.to_string())
}
