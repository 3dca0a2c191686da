//! The command line of `vigla-replay`. A program for `viglactl`, but readable for people.

use std::ffi::OsString;
use std::path::PathBuf;

use vigla_kit::config::PLACES;

pub(super) const NAME: &str = "vigla-replay";

/// What it is to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Run(Options),
    Print(String),
}

/// How to replay.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Folders with `detector.d/*.toml`.
    pub(super) dirs: Vec<PathBuf>,
    /// A file that goes over them.
    pub(super) over: Option<PathBuf>,
    /// Whose clip it is.
    pub(super) camera: Option<String>,
    /// Where the settings name none.
    pub(super) library: Option<PathBuf>,
    /// Looked through before the setting `model_dirs`.
    pub(super) models: Vec<PathBuf>,
}

pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Request, lexopt::Error> {
    use lexopt::ValueExt as _;
    use lexopt::prelude::{Long, Short};
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("config-dir") => options.dirs.push(parser.value()?.into()),
            Long("over") => options.over = Some(parser.value()?.into()),
            Long("camera") => options.camera = Some(parser.value()?.string()?),
            Long("library") => options.library = Some(parser.value()?.into()),
            Long("models") => options.models.push(parser.value()?.into()),
            Long("version") | Short('V') => {
                let version = env!("CARGO_PKG_VERSION");
                return Ok(Request::Print(format!("{NAME} {version}")));
            }
            Long("help") | Short('h') => return Ok(Request::Print(help())),
            _ => return Err(arg.unexpected()),
        }
    }
    if options.dirs.is_empty() {
        options.dirs.extend(PLACES.map(PathBuf::from));
    }
    Ok(Request::Run(options))
}

fn help() -> String {
    format!(
        "What the detector says of frames on standard input, for `viglactl replay`.\n\n\
         Usage: {NAME} [OPTIONS]\n\n\
         Options:\n  \
         --config-dir DIR  read settings from DIR/detector.d/*.toml instead of {}\n                    \
         (may be repeated)\n  \
         --over FILE       lay the settings in FILE over them\n  \
         --camera ID       whose settings apply; by default the only camera that has any\n  \
         --library FILE    the ONNX Runtime library, where the settings name none\n  \
         --models DIR      a folder with models, beside those of the settings (may be repeated)\n  \
         --version         print the version\n\n\
         A frame is its time (microseconds), its length (bytes) and a JPEG; both numbers have 8 bytes,\n\
         the lowest first. Answers are JSON, one a line: `ready`, each `event`, `done`.\n\
         Exit codes: 0 done, 1 failed, 2 usage, 69 no library or no such model, 78 bad settings.",
        PLACES.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(line: &str) -> Result<Request, lexopt::Error> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn takes_files_and_folders_and_defaults_to_the_usual_places() {
        let Ok(Request::Run(options)) = ask("--over b.toml --camera front --models m --models n")
        else {
            panic!()
        };
        assert_eq!((options.dirs.len(), options.models.len()), (3, 2));
        assert_eq!(options.camera.as_deref(), Some("front"));
        let Ok(Request::Run(options)) = ask("--config-dir a --library l.so") else {
            panic!()
        };
        assert_eq!(options.dirs, [PathBuf::from("a")]);
        assert!(ask("--frob").is_err() && ask("clip.mp4").is_err());
    }
}
