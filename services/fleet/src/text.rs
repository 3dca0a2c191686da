//! Bytes as they stand in JSON: base64, and digests as lower-case hex.

use ring::digest::{SHA256, digest};

/// Bytes of any length as base64.
pub(crate) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD
            .decode(text)
            .map_err(|_| de::Error::custom("no base64"))
    }
}

/// One or none.
pub(crate) mod base64_maybe {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserializer, Serializer};

    #[allow(clippy::ref_option, reason = "as serde calls it")]
    pub(crate) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => to.serialize_some(&STANDARD.encode(bytes)),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(
        from: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        super::base64_bytes::deserialize(from).map(Some)
    }
}

/// Several of them.
pub(crate) mod base64_list {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(list: &[Vec<u8>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(list.iter().map(|bytes| STANDARD.encode(bytes)))
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let decoded: Result<_, _> = texts.iter().map(|text| STANDARD.decode(text)).collect();
        decoded.map_err(|_| de::Error::custom("no base64"))
    }
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

/// 32 bytes as 64 hex digits, small or capital.
pub(crate) fn hex32(text: &str) -> Option<[u8; 32]> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .ok()?;
    bytes.try_into().ok()
}

/// A length-prefixed sequence of parts: no two different lists of parts make the same bytes.
#[derive(Debug)]
pub(crate) struct Parts(Vec<u8>);

impl Parts {
    /// Begins with what the bytes are for.
    pub(crate) fn new(label: &str) -> Self {
        Self(Vec::new()).with(label.as_bytes())
    }

    pub(crate) fn with(mut self, part: &[u8]) -> Self {
        let length = part.len().to_be_bytes();
        const { assert!(size_of::<usize>() == 8, "a length is a 64-bit number") };
        self.0.extend_from_slice(&length);
        self.0.extend_from_slice(part);
        self
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.0
    }
}
