//! The node's own number, which no other node has.

use ring::hmac;

use super::record::hex;

/// The application id of `vigla-kit` (`identity.rs`), which a root program does not link: a node's
/// host name begins like its id. A test compares the two.
const APPLICATION: [u8; 16] = [
    0x6b, 0x9a, 0x0d, 0x5e, 0x41, 0xc7, 0x4f, 0x12, 0x8f, 0x63, 0x27, 0xd0, 0xe5, 0x9c, 0x38, 0xb4,
];

/// `vigla-` and 4 hexadecimal digits of the application-specific machine id.
pub(super) fn name(machine_id: &str) -> Option<String> {
    let text = machine_id.trim();
    let byte = |i: usize| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok();
    let id: Vec<u8> = (0..16).map(byte).collect::<Option<_>>()?;
    if text.len() != 32 || id.iter().all(|byte| *byte == 0) {
        return None;
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, &id);
    let tag = hmac::sign(&key, &APPLICATION);
    let digits = hex(tag.as_ref().get(..2)?);
    Some(format!("vigla-{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_node_id() {
        let kit = include_str!("../../../kit/src/identity.rs");
        let number = APPLICATION.map(|byte| format!("0x{byte:02x}")).join(", ");
        assert!(
            kit.contains(&number),
            "the number of vigla-kit is another one"
        );
        let name = name("0123456789abcdef0123456789abcdef\n").unwrap();
        assert!(name.len() == 10 && name.starts_with("vigla-"), "{name}");
    }

    #[test]
    fn what_is_no_machine_id_gives_no_name() {
        for text in [
            "",
            "uninitialized",
            &"0".repeat(32),
            &"ä".repeat(16),
            &"a".repeat(33),
        ] {
            assert_eq!(name(text), None, "{text}");
        }
    }
}
