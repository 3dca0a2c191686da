//! What ffmpeg complains about, for a person: the cause, not the last of its consequences.

use std::io::Read;

/// So much of the beginning is kept, in bytes: the cause comes first, then what follows from it.
const KEPT: usize = 4000;

/// What ffmpeg says, and what it means. An earlier one explains more than a later one.
const MEANT: [(&str, &str); 9] = [
    (
        "matches no streams",
        "there is no picture in it, only sound or data",
    ),
    (
        "moov atom not found",
        "it is cut off: the index at the end of the video is missing",
    ),
    ("No space left on device", "the disk is full"),
    ("Permission denied", "permission denied"),
    (
        "suitable output format",
        "no video format has such a name; end it in .avi, .mp4 or .mkv",
    ),
    (
        "choose an output format",
        "no video format has such a name; end it in .avi, .mp4 or .mkv",
    ),
    ("No such file or directory", "no such file or folder"),
    (
        "Invalid data found when processing input",
        "it is not a picture or video, or it is damaged",
    ),
    (
        "Invalid argument",
        "it is not a picture or video, or it is damaged",
    ),
];

/// Reads a child's complaints to their end and keeps the first of them.
pub(crate) fn first_of(mut stream: impl Read) -> String {
    let (mut kept, mut piece) = (Vec::new(), [0; 1024]);
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        let room = KEPT - kept.len();
        kept.extend_from_slice(&piece[..length.min(room)]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The cause in `said`: in plain words where it is a common one, else ffmpeg's first line.
pub(crate) fn cause(said: &str) -> String {
    if let Some((_, words)) = MEANT.iter().find(|(sign, _)| said.contains(sign)) {
        return (*words).to_owned();
    }
    let mut lines = said.lines().map(plain).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("it gave no reason");
    format!("ffmpeg says: {}", crate::out::safe(first))
}

/// A line without the part of ffmpeg that speaks and its address: `[png @ 0x55d0] `.
fn plain(line: &str) -> &str {
    let line = line.trim();
    match line.strip_prefix('[').and_then(|l| l.split_once("] ")) {
        Some((speaker, rest)) if speaker.contains(" @ ") => rest.trim(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_said_and_not_its_consequences() {
        for (said, expected) in [
            (
                "[mov,mp4 @ 0x5d] moov atom not found\nfile:a.mp4: Invalid data found when processing input\n",
                "it is cut off",
            ),
            (
                "[png @ 0x5d] Invalid PNG signature 0x1.\nError while decoding stream #0:0: Invalid data found when processing input\nConversion failed!\n",
                "it is not a picture or video",
            ),
            (
                "Stream map '0:v:0' matches no streams.\nTo ignore this, add a trailing '?' to the map.\n",
                "there is no picture in it",
            ),
            (
                "\n[swscaler @ 0x1] odd \x1b[2Jthing\nConversion failed!\n",
                "ffmpeg says: odd \u{fffd}[2Jthing",
            ),
            ("", "ffmpeg says: it gave no reason"),
        ] {
            let told = cause(said);
            assert!(told.starts_with(expected), "{said:?}: {told}");
        }
    }

    #[test]
    fn keeps_the_beginning_of_a_long_story() {
        let story = format!("first\n{}", "x".repeat(3 * KEPT));
        let kept = first_of(story.as_bytes());
        assert_eq!((kept.len(), kept.lines().next()), (KEPT, Some("first")));
    }

    #[test]
    fn any_damage_to_a_complaint_is_survived() {
        vigla_testkit::fuzz(env!("CARGO_MANIFEST_DIR"), "complaint", |said| {
            let cause = cause(&first_of(said));
            assert!(!cause.is_empty() && !cause.contains('\u{1b}'), "{cause}");
        });
    }
}
