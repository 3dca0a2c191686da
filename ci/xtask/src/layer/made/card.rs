//! The card as `wic` writes it, from `image/partitions.toml`, which the twin's card is made of too.

use std::fmt::Write as _;

use crate::image::{self, Partition};

/// The kickstart file.
pub(crate) fn kickstart() -> anyhow::Result<String> {
    Ok(render(&image::partitions()?))
}

fn render(partitions: &[Partition]) -> String {
    let mut text = String::from(
        "# short-description: a card with two slots\n# Made of image/partitions.toml by `cargo xtask layer --write`.\n",
    );
    for Partition {
        label,
        size,
        kind,
        what,
    } in partitions
    {
        let source = match label.as_str() {
            "boot" => "--source bootimg_partition --fstype vfat",
            "root-a" => "--source rootfs --fstype ext4",
            // Without a source wic formats it.
            "data" => "--fstype ext4",
            // Raw: U-Boot's two copies, and the slot that the first update fills.
            _ => "--source empty",
        };
        let _ = writeln!(
            text,
            "\n# {what}\npart --ondisk mmcblk0 --part-name {label} --label {label} --part-type {} --fixed-size {size}M --align 4096 {source}",
            kind.to_lowercase()
        );
    }
    text.push_str("\nbootloader --ptable gpt\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_named_and_of_fixed_size() {
        let text = kickstart().unwrap();
        for label in ["boot", "env", "root-a", "root-b", "data"] {
            assert!(text.contains(&format!("--part-name {label} ")), "{text}");
        }
        assert!(text.contains("bootloader --ptable gpt"), "{text}");
        assert_eq!(text.matches("--fixed-size").count(), 5);
    }
}
