//! From the bytes of a file that any editor may have made to text: marks of byte order, other encodings, size.

use std::borrow::Cow;

use crate::Mistake;

/// Most bytes that the file may have; the manual has 4 KB.
pub const LARGEST: usize = 64 * 1024;

/// What stands for bytes that are no UTF-8.
pub(crate) const BROKEN: char = '\u{fffd}';

/// The text, with [`BROKEN`] where it is none.
///
/// # Errors
///
/// It cannot be taken for a text at all.
pub(crate) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, Mistake> {
    let whole = |what: &str, fix: &str| Mistake {
        line: 1,
        what: what.to_owned(),
        fix: fix.to_owned(),
    };
    if bytes.len() > LARGEST {
        return Err(whole(
            "the file is larger than 64 KB, and is not read",
            "begin with the example of the manual again",
        ));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(whole(
            "the file is written in UTF-16, and is not read",
            "save it again with the encoding UTF-8",
        ));
    }
    // Some editors of Windows begin with it; it says nothing.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    Ok(String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_windows_adds_is_taken_away_or_named() {
        assert_eq!(text(b"\xef\xbb\xbfname = 1").unwrap(), "name = 1");
        let wide = text(b"\xff\xfen\0a\0").unwrap_err();
        assert!(wide.fix.contains("UTF-8"), "{wide}");
        assert!(text(&vec![b'#'; LARGEST]).is_ok());
        assert!(text(&vec![b'#'; LARGEST + 1]).is_err());
        assert_eq!(text(b"T\xfcr").unwrap(), "T\u{fffd}r");
    }
}
