//! `viglactl config check`: asks each daemon's own program, which knows its settings best.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::json;
use vigla_bus::names::{DEVICE, SERVICES, Service};

use crate::cli::Check;
use crate::fault::{CONFIG, FAILED, Fault};
use crate::out::{Out, Tone, safe};

/// Where the daemons are installed.
pub(crate) const INSTALLED: &str = "/usr/libexec/vigla";

/// What a daemon's program said about its settings.
struct Answer {
    noun: &'static str,
    code: u8,
    /// The settings as they take effect, or what is wrong.
    said: String,
    /// What it could not check.
    notes: Vec<String>,
}

pub(crate) fn check(options: &Check, out: Out) -> Result<ExitCode, Fault> {
    let services = wanted(options.noun.as_deref())?;
    let mut worst = None;
    for service in services {
        let Some(program) = program(service.binary) else {
            if options.noun.is_none() {
                continue;
            }
            return Err(Fault::unavailable(format!(
                "`{}` is not installed",
                service.binary
            )));
        };
        let answer = ask(service, &program, &options.config_dir)?;
        print(&answer, out)?;
        worst = worst.max(Some(answer.code));
    }
    worst.map(ExitCode::from).ok_or_else(|| {
        Fault::unavailable(format!(
            "no service is installed: there is none beside this program or in `{INSTALLED}`"
        ))
    })
}

/// The settings of `service` as they take effect, or why they cannot be shown.
pub(crate) fn effective(service: Service, dirs: &[PathBuf]) -> String {
    let Some(program) = program(service.binary) else {
        return format!("`{}` is not installed\n", service.binary);
    };
    match ask(service, &program, dirs) {
        Ok(answer) => answer.said,
        Err(fault) => fault.to_string(),
    }
}

fn all() -> impl Iterator<Item = Service> {
    SERVICES.into_iter().chain(DEVICE)
}

fn wanted(noun: Option<&str>) -> Result<Vec<Service>, Fault> {
    let Some(noun) = noun else {
        return Ok(all().collect());
    };
    let known: Vec<&str> = all().map(|service| service.noun).collect();
    let found = all().find(|service| service.noun == noun || service.binary == noun);
    found.map(|service| vec![service]).ok_or_else(|| {
        Fault::usage(format!(
            "no service `{noun}`; there is {}",
            known.join(", ")
        ))
    })
}

/// Beside this program (in a checkout), else where it is installed.
/// Whether a device has it. What merely lies beside this program, in a build folder, is no installation.
pub(crate) fn installed(service: Service) -> bool {
    Path::new(INSTALLED).join(service.binary).is_file()
}

pub(crate) fn program(binary: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(Path::to_owned));
    let folders = beside.into_iter().chain([PathBuf::from(INSTALLED)]);
    folders
        .map(|folder| folder.join(binary))
        .find(|path| path.is_file())
}

fn ask(service: Service, program: &Path, dirs: &[PathBuf]) -> Result<Answer, Fault> {
    let mut command = Command::new(program);
    command.arg("--check");
    for dir in dirs {
        command.arg("--config-dir").arg(dir);
    }
    let output = command
        .output()
        .map_err(|error| Fault::failed(format!("run `{}`", program.display()), error))?;
    let code = output
        .status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(FAILED);
    let talk = lines(&output.stderr, service);
    let (said, notes) = if code == 0 {
        let settings = String::from_utf8_lossy(&output.stdout);
        (settings.trim_end().to_owned(), talk)
    } else {
        let silent = || format!("it said nothing ({})", output.status);
        let said = if talk.is_empty() {
            silent()
        } else {
            talk.join("; ")
        };
        (said, Vec::new())
    };
    Ok(Answer {
        noun: service.noun,
        code,
        said,
        notes,
    })
}

/// What a daemon's program said, without its name before each line.
fn lines(bytes: &[u8], service: Service) -> Vec<String> {
    let name = format!("{}: ", service.binary);
    let text = String::from_utf8_lossy(bytes);
    let lines = text
        .lines()
        .map(|line| line.strip_prefix(&name).unwrap_or(line));
    lines.filter(|l| !l.trim().is_empty()).map(safe).collect()
}

fn print(answer: &Answer, out: Out) -> std::io::Result<()> {
    let Answer {
        noun,
        code,
        said,
        notes,
    } = answer;
    if out.json() {
        let (settings, error) = if *code == 0 {
            (said.as_str(), "")
        } else {
            ("", said.as_str())
        };
        return out.value(&json!({
            "service": noun, "valid": *code == 0, "error": error, "settings": settings, "notes": notes,
        }));
    }
    match *code {
        0 => out.line(format!("{noun}: {}", out.paint("valid", Tone::Good)))?,
        CONFIG => out.line(format!("{noun}: {} {said}", out.paint("wrong:", Tone::Bad)))?,
        _ => out.line(format!(
            "{noun}: {} {said}",
            out.paint("cannot check:", Tone::Bad)
        ))?,
    }
    let mut notes = notes.iter();
    notes.try_for_each(|note| out.line(format!("{noun}: {note}")))
}
