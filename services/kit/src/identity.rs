//! Who this node is: `node_id` until it is enrolled, and the id of this boot.
//!
//! The node id is `vigla-` and 12 hex digits of an application-specific machine id, made as
//! systemd's `sd_id128_get_machine_app_specific` does it (HMAC-SHA256 of our application id, keyed
//! by the machine id), so that the machine id itself never leaves the device.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Vigla's application id, drawn once at random; part of the derivation, so it never changes.
const APPLICATION: [u8; 16] = [
    0x6b, 0x9a, 0x0d, 0x5e, 0x41, 0xc7, 0x4f, 0x12, 0x8f, 0x63, 0x27, 0xd0, 0xe5, 0x9c, 0x38, 0xb4,
];

/// The node's id before enrolment, or `None` when the machine has no (valid) machine id.
#[must_use]
pub fn node_id() -> Option<String> {
    from_machine_id(&std::fs::read_to_string("/etc/machine-id").ok()?)
}

/// The id of this boot, 32 hex digits; a fresh random one where the kernel gives none.
#[must_use]
pub fn boot_id() -> String {
    let read = |path| std::fs::read_to_string(path).ok();
    read("/proc/sys/kernel/random/boot_id")
        .or_else(|| read("/proc/sys/kernel/random/uuid"))
        .map_or_else(|| "0".repeat(32), |text| text.trim().replace('-', ""))
}

fn from_machine_id(text: &str) -> Option<String> {
    let text = text.trim();
    if text.len() != 32 {
        return None;
    }
    let key = (0..16)
        .map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(&APPLICATION);
    let tag = mac.finalize().into_bytes();
    let mut id = String::from("vigla-");
    for byte in tag.iter().take(6) {
        let _ = write!(id, "{byte:02x}");
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_id_is_stable_and_does_not_show_the_machine_id() {
        let machine = "0123456789abcdef0123456789abcdef";
        let id = from_machine_id(machine).unwrap();
        assert_eq!(id, from_machine_id(&format!("{machine}\n")).unwrap());
        assert_eq!(id.len(), "vigla-".len() + 12);
        assert!(!machine.contains(&id[6..]));
    }

    #[test]
    fn refuses_what_is_not_a_machine_id() {
        for text in [
            "",
            "uninitialized",
            "0123",
            "zz23456789abcdef0123456789abcdef",
            "ääääääääääääääää",
        ] {
            assert_eq!(from_machine_id(text), None, "{text}");
        }
    }
}
