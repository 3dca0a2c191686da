//! U-Boot's environment on the partition `env`, and what `image/boot/boot.cmd` makes of it.
//!
//! Two copies of 0x4000 bytes: a CRC-32 (little-endian) of the rest, then `name=value` texts, each
//! ended by a zero byte (U-Boot's `env export -c`, and libubootenv's format for one copy).

use std::collections::BTreeMap;

const SIZE: usize = 0x4000;

/// Which slots are tried in which order, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    order: String,
    left: BTreeMap<char, u64>,
}

impl Environment {
    /// Of the partition's bytes: the first copy that is whole, else what the script has.
    #[must_use]
    pub fn of(partition: &[u8]) -> Self {
        let mut copies = partition.chunks_exact(SIZE).take(2);
        let whole = copies.find_map(variables);
        let variables = whole.unwrap_or_default();
        let left = |slot: char| {
            let text = variables.get(&format!("BOOT_{slot}_LEFT"));
            // U-Boot's numbers are hexadecimal.
            let number = text.map_or(Some(3), |text| u64::from_str_radix(text, 16).ok());
            (slot, number.unwrap_or(0))
        };
        let order = variables.get("BOOT_ORDER").cloned();
        Self {
            order: order.unwrap_or_else(|| "A B".into()),
            left: ['A', 'B'].map(left).into(),
        }
    }

    /// The slot of the next start; `None` when all tries are spent, and all get theirs again.
    #[must_use]
    pub fn choose(&self) -> Option<char> {
        let mut order = self.order.split(' ').filter_map(|name| name.chars().next());
        order.find(|slot| self.left.get(slot).is_some_and(|left| *left > 0))
    }
}

fn variables(copy: &[u8]) -> Option<BTreeMap<String, String>> {
    let (sum, text) = copy.split_first_chunk::<4>()?;
    (crc32fast::hash(text) == u32::from_le_bytes(*sum)).then_some(())?;
    let text = String::from_utf8_lossy(text);
    let variables = text.split('\0').take_while(|text| !text.is_empty());
    let pairs = variables.filter_map(|text| text.split_once('='));
    Some(pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(text: &str) -> Vec<u8> {
        let mut rest = text.as_bytes().to_vec();
        rest.resize(SIZE - 4, 0);
        [&crc32fast::hash(&rest).to_le_bytes()[..], &rest].concat()
    }

    fn chosen(partition: &[u8]) -> Option<char> {
        Environment::of(partition).choose()
    }

    #[test]
    fn the_first_whole_copy_says_which_slot_is_next() {
        let b = copy("BOOT_A_LEFT=3\0BOOT_B_LEFT=2\0BOOT_ORDER=B A\0");
        let a = copy("BOOT_A_LEFT=3\0BOOT_B_LEFT=0\0BOOT_ORDER=B A\0");
        let noise = vec![0x5a; SIZE];
        assert_eq!(chosen(&[b.clone(), a.clone()].concat()), Some('B'));
        assert_eq!(chosen(&[noise.clone(), a].concat()), Some('A'));
        assert_eq!(chosen(&[noise.clone(), noise].concat()), Some('A'));
        let spent = copy("BOOT_A_LEFT=0\0BOOT_B_LEFT=0\0BOOT_ORDER=B A\0");
        assert_eq!(chosen(&spent), None);
    }
}
