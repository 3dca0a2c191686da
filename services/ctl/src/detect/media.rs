//! What a file is, by its first bytes.

use std::fs::{File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use super::Problem;

/// No picture file larger than this is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// How a file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A JPEG picture, read by ourselves.
    Jpeg,
    /// A picture of another format, converted by ffmpeg.
    Still,
    /// Anything else: ffmpeg knows.
    Video,
}

/// What `file` is.
pub(crate) fn kind(file: &Path) -> Result<Kind, Problem> {
    if file.as_os_str() == "-" {
        return Err(Problem::because("standard input is not read: name a file"));
    }
    // Before it is opened: to open a pipe waits for whoever may never write to it.
    let about = file.metadata();
    let about = about.map_err(|error| Problem::at("read it", &error))?;
    if !about.is_file() {
        let what = what(about.file_type());
        return Err(Problem::because(format!("it is {what}, not a plain file")));
    }
    let mut head = Vec::new();
    let open = File::open(file).and_then(|file| file.take(512).read_to_end(&mut head));
    open.map_err(|error| Problem::at("read it", &error))?;
    if head.is_empty() {
        return Err(Problem::because("it is empty"));
    }
    if is_text(&head) {
        return Err(Problem::because("it is text, not a picture or a video"));
    }
    let name = file.extension().unwrap_or_default().to_ascii_lowercase();
    let stream = name == "mjpeg" || name == "mjpg";
    Ok(if stream { Kind::Video } else { by_head(&head) })
}

/// ffmpeg would draw the letters of a text, or follow the files that it names.
fn is_text(head: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_graphic() || b" \t\r\n".contains(byte) || *byte >= 0x80;
    let ascii_picture = head.first() == Some(&b'P') && head.get(1).is_some_and(u8::is_ascii_digit);
    head.iter().all(plain) && !ascii_picture
}

fn what(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// All of a picture.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    read.map_err(|error| Problem::at("read it", &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Problem::because("it is larger than 256 MiB"));
    }
    Ok(bytes)
}

fn by_head(head: &[u8]) -> Kind {
    let starts = |with: &[u8]| head.starts_with(with);
    let webp = starts(b"RIFF") && head.get(8..12) == Some(b"WEBP");
    let pnm = head.len() > 2
        && head[0] == b'P'
        && (b'1'..=b'6').contains(&head[1])
        && head[2].is_ascii_whitespace();
    let heif = head.get(4..8) == Some(b"ftyp")
        && matches!(head.get(8..12), Some(b"avif" | b"heic" | b"heix" | b"mif1"));
    if starts(&[0xff, 0xd8, 0xff]) {
        Kind::Jpeg
    } else if webp
        || pnm
        || heif
        || starts(b"\x89PNG")
        || starts(b"BM")
        || starts(b"II*\0")
        || starts(b"MM\0*")
    {
        Kind::Still
    } else {
        Kind::Video
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_pictures_by_their_first_bytes() {
        for (head, kind) in [
            (&b"\xff\xd8\xff\xe0"[..], Kind::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Kind::Still),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Still),
            (b"RIFF\0\0\0\0AVI LIST", Kind::Video),
            (b"P6 4 4 255\n", Kind::Still),
            (b"\0\0\0\x20ftypavif", Kind::Still),
            (b"\0\0\0\x20ftypisom", Kind::Video),
            (b"P", Kind::Video),
        ] {
            assert_eq!(by_head(head), kind, "{head:?}");
        }
    }
}
