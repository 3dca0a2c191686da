//! dm-verity's hash tree of a payload, as RAUC lays it behind one: version 1, SHA-256, blocks of 4 KiB, no header,
//! the level next to the root first (kernel: `Documentation/admin-guide/device-mapper/verity.rst`).

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

/// A block, in bytes: of the payload and of the tree.
pub(super) const BLOCK: usize = 4096;

/// A tree that grows with the payload.
#[derive(Debug)]
pub(super) struct Tree {
    salt: [u8; 32],
    /// The hashes of the payload's blocks.
    leaves: Vec<u8>,
}

impl Tree {
    pub(super) fn new(salt: [u8; 32]) -> Self {
        let leaves = Vec::new();
        Self { salt, leaves }
    }

    /// The next whole blocks of the payload.
    pub(super) fn add(&mut self, blocks: &[u8]) {
        self.leaves.extend(hashes(&self.salt, blocks));
    }

    /// Its levels as they are written, each padded to whole blocks, and the hash of the first: the root.
    pub(super) fn finish(self) -> (Vec<Vec<u8>>, [u8; SHA256_OUTPUT_LEN]) {
        let mut levels = vec![padded(self.leaves)];
        while let Some(last) = levels.last().filter(|level| level.len() > BLOCK) {
            let above = padded(hashes(&self.salt, last).collect());
            levels.push(above);
        }
        levels.reverse();
        let root = levels.first().map(|top| hash(&self.salt, top));
        (levels, root.unwrap_or_default())
    }
}

fn hashes<'a>(salt: &'a [u8; 32], blocks: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
    blocks.chunks(BLOCK).flat_map(|block| hash(salt, block))
}

fn hash(salt: &[u8; 32], block: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(block);
    context.finish().as_ref().try_into().unwrap_or_default()
}

fn padded(mut level: Vec<u8>) -> Vec<u8> {
    level.resize(level.len().next_multiple_of(BLOCK), 0);
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_a_level_for_every_128_blocks() {
        for (count, sizes) in [
            (1, vec![1]),
            (128, vec![1]),
            (129, vec![1, 2]),
            (128 * 128 + 1, vec![1, 2, 129]),
        ] {
            let mut tree = Tree::new([7; 32]);
            for _ in 0..count {
                tree.add(&[0; BLOCK]);
            }
            let (levels, _) = tree.finish();
            let blocks: Vec<_> = levels.iter().map(|level| level.len() / BLOCK).collect();
            assert_eq!(blocks, sizes, "{count}");
        }
    }
}
