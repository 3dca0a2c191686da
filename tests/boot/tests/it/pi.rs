//! The Pi 4's boot partition, which no emulator starts: everything that firmware, U-Boot and kernel
//! ask for is there and is what it should be.

use vigla_boot_tests::{Fat, partition, pi_image};

/// Of a device tree (Devicetree Specification 0.4, 5.2) and of U-Boot's script image.
const DEVICE_TREE: &[u8] = &[0xd0, 0x0d, 0xfe, 0xed];
const SCRIPT: &[u8] = &[0x27, 0x05, 0x19, 0x56];

#[test]
fn everything_that_the_firmware_asks_for_is_on_the_boot_partition() {
    let Some(card) = pi_image() else { return };
    let fat = Fat::of(&card).unwrap();
    let config = String::from_utf8(fat.read("config.txt").unwrap()).unwrap();
    let wanted = |key: &str| {
        let value = config
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key}=")));
        value
            .unwrap_or_else(|| panic!("`{key}` in config.txt"))
            .to_owned()
    };
    assert_eq!(wanted("arm_64bit"), "1");
    let kernel = fat.read(&wanted("kernel")).unwrap();
    assert!(contains(&kernel, b"U-Boot 20"), "`kernel=` names U-Boot");
    // The second stage for the Pi 4 and its memory layout.
    assert!(fat.read("start4.elf").unwrap().starts_with(b"\x7fELF"));
    assert!(fat.read("fixup4.dat").unwrap().len() > 1000);
    for board in [
        "bcm2711-rpi-4-b.dtb",
        "bcm2711-rpi-400.dtb",
        "bcm2711-rpi-cm4-io.dtb",
    ] {
        let tree = fat.read(board).unwrap();
        assert!(tree.starts_with(DEVICE_TREE), "`{board}`");
        assert!(contains(&tree, b"brcm,bcm2711"), "`{board}`");
    }
    let script = fat.read("boot.scr").unwrap();
    assert!(script.starts_with(SCRIPT));
    assert!(
        contains(&script, b"vigla_bus mmc"),
        "the script falls back to the card"
    );
    for wrong in [
        &b"virtio read"[..],
        b"ttyAMA0",
        b"{bus}",
        b"{fdt}",
        b"{arguments}",
    ] {
        assert!(
            !contains(&script, wrong),
            "{}",
            String::from_utf8_lossy(wrong)
        );
    }
}

#[test]
fn the_card_has_the_five_partitions_in_order() {
    let Some(card) = pi_image() else { return };
    let mut end = 0;
    for label in ["boot", "env", "root-a", "root-b", "data"] {
        let place = partition(&card, label).unwrap();
        assert!(place.start >= end, "`{label}` begins at {}", place.start);
        end = place.end;
    }
    let size = std::fs::metadata(&card).unwrap().len();
    assert!(end <= size, "the last one ends at {end} of {size}");
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
