//! The four options of every daemon. No subcommands: people use `viglactl`.

use std::ffi::OsString;
use std::path::PathBuf;

use vigla_bus::names::Service;

use crate::config::PLACES;

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// Run (or with `check`, only load the settings and print them).
    Run {
        dirs: Vec<PathBuf>,
        check: bool,
        verbose: u8,
    },
    /// Print this text and end well.
    Print(String),
}

pub(crate) fn parse(
    service: Service,
    version: &str,
    args: impl IntoIterator<Item = OsString>,
) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::{Long, Short};
    let (mut dirs, mut check, mut verbose) = (Vec::new(), false, 0);
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("config-dir") => dirs.push(PathBuf::from(parser.value()?)),
            Long("check") => check = true,
            Short('v') | Long("verbose") => verbose += 1,
            Long("version") | Short('V') => {
                return Ok(Request::Print(format!("{} {version}", service.binary)));
            }
            Long("help") | Short('h') => return Ok(Request::Print(help(service))),
            _ => return Err(arg.unexpected()),
        }
    }
    if dirs.is_empty() {
        dirs.extend(PLACES.map(PathBuf::from));
    }
    Ok(Request::Run {
        dirs,
        check,
        verbose,
    })
}

fn help(service: Service) -> String {
    let Service {
        noun, binary, name, ..
    } = service;
    format!(
        "The {noun} service of Vigla, `{name}` on the system bus.\n\n\
         Usage: {binary} [OPTIONS]\n\n\
         Options:\n  \
         --config-dir DIR  read settings from DIR/{noun}.d/*.toml instead of {}\n                    \
         (may be repeated; a later folder masks files of the same name)\n  \
         --check           check the settings, print them as they take effect, and end\n  \
         -v                log more (may be repeated)\n  \
         --version         print the version\n\n\
         Exit codes: 0 ended as asked, 1 failed, 2 usage, 69 no system bus, 78 bad settings.",
        PLACES.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigla_bus::names::CAMERA;

    fn ask(args: &[&str]) -> Result<Request, lexopt::Error> {
        parse(CAMERA, "1.2.3", args.iter().map(OsString::from))
    }

    #[test]
    fn defaults_to_the_three_places() {
        let Ok(Request::Run {
            dirs,
            check: false,
            verbose: 0,
        }) = ask(&[])
        else {
            panic!()
        };
        assert_eq!(dirs.len(), 3);
    }

    #[test]
    fn takes_folders_and_flags() {
        let Ok(Request::Run {
            dirs,
            check: true,
            verbose: 2,
        }) = ask(&["--config-dir", "a", "--check", "-vv", "--config-dir=b"])
        else {
            panic!()
        };
        assert_eq!(dirs, [PathBuf::from("a"), PathBuf::from("b")]);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(ask(&["--frob"]).is_err());
        assert!(ask(&["file"]).is_err());
        assert_eq!(
            ask(&["--version"]).unwrap(),
            Request::Print("vigla-camera 1.2.3".into())
        );
    }
}
