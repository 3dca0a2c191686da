//! What a failure of a source is called on the bus. Pure.

use std::io;

use crate::board::State;
use crate::health::Look;
use crate::source::{Cause, SourceError};

/// Every problem that a source can have.
pub(super) const SOURCE_CODES: [&str; 13] = [
    "camera-gone",
    "not-a-camera",
    "camera-failed",
    "camera-format",
    "camera-denied",
    "camera-busy",
    "source-failed",
    "source-no-video",
    "source-unreachable",
    "source-denied",
    "source-no-path",
    "source-no-permission",
    "no-ffmpeg",
];
/// What pictures can be like when that is a problem.
pub(super) const LOOKS: [Look; 4] = [Look::Black, Look::Dark, Look::Frozen, Look::Torn];

/// State and problem that an error means for a source of this kind.
pub(super) fn judge(error: &SourceError, kind: &str) -> (State, &'static str) {
    let code = match error {
        SourceError::Gone(_) => return (State::Absent, "camera-gone"),
        SourceError::Busy(_) => "camera-busy",
        SourceError::Denied(_) => "camera-denied",
        SourceError::NotCamera(_) => "not-a-camera",
        SourceError::NoFormat(_) => "camera-format",
        SourceError::NoProgram(_) => "no-ffmpeg",
        SourceError::Ended(Cause::NoVideo, _) => "source-no-video",
        SourceError::Ended(Cause::Unreachable, _) => "source-unreachable",
        SourceError::Ended(Cause::Denied, _) => "source-denied",
        SourceError::Ended(Cause::NoPath, _) => "source-no-path",
        SourceError::File { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            "source-no-permission"
        }
        SourceError::Stalled(_) if kind == "rtsp" => "source-unreachable",
        SourceError::Device { .. }
        | SourceError::Stalled(_)
        | SourceError::File { .. }
        | SourceError::Child(_)
        | SourceError::Ended(Cause::Other, _)
        | SourceError::Ring(_)
        | SourceError::Encode(_) => match kind {
            "v4l2" => "camera-failed",
            _ => "source-failed",
        },
    };
    (State::Failed, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_be_read_is_told_from_one_that_is_not_there() {
        let told = |kind: io::ErrorKind| {
            let error = SourceError::unreadable("/film.mp4".as_ref(), kind.into());
            judge(&error, "file").1
        };
        assert_eq!(
            told(io::ErrorKind::PermissionDenied),
            "source-no-permission"
        );
        assert_eq!(told(io::ErrorKind::NotFound), "source-failed");
    }

    #[test]
    fn every_code_is_one_people_can_read() {
        let codes: Vec<_> = vigla_bus::problem::CODES.iter().map(|t| t.code).collect();
        assert!(SOURCE_CODES.iter().all(|code| codes.contains(code)));
        assert!(
            LOOKS
                .iter()
                .all(|look| codes.contains(&look.problem().unwrap()))
        );
    }
}
