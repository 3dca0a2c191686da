//! `viglactl detect`: the model on pictures and videos, without any service.
//!
//! One answer per file, in order; a file that cannot be read is said and the others go on. A video
//! is looked at so many times a second, its objects are followed, and each is listed once, at its
//! best; `frames` holds the counts of each look.

pub(crate) mod complaint;
pub(crate) mod ffmpeg;
mod found;
pub(crate) mod media;
mod mjpeg;
mod place;
mod still;
pub(crate) mod timed;
mod video;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use vigla_bus::chain;
use vigla_vision::catalogue::FindError;
use vigla_vision::library::FILE_NAME;
use vigla_vision::{Catalogue, Engine, Library, Model};

use crate::cli::Detect;
use crate::fault::{FAILED, Fault};
use crate::out::Out;
use found::Found;
use media::Kind;

/// What the detector runs too.
pub(crate) const DEFAULT_MODEL: &str = "cocossd-mnv2-300-int8";

/// Why one file has no answer.
#[derive(Debug)]
pub(crate) struct Problem(pub(crate) String);

impl Problem {
    pub(crate) fn because(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn at(what: impl std::fmt::Display, error: &dyn std::error::Error) -> Self {
        Self(format!("cannot {what}: {}", chain(error)))
    }
}

pub(crate) fn run(options: &Detect, out: Out) -> Result<ExitCode, Fault> {
    let mut engine = engine(options)?;
    let targets = place::targets(&options.files, options.annotate.as_deref())?;
    let mut failed = false;
    for (file, target) in options.files.iter().zip(targets) {
        match look(&mut engine, file, target.as_deref(), options) {
            Ok(found) if out.json() => out.value(&found)?,
            Ok(found) => found.print(out)?,
            Err(Problem(why)) => {
                failed = true;
                if out.json() {
                    out.value(&json!({ "file": file, "error": why }))?;
                }
                eprintln!("viglactl: {}: {why}", file.display());
            }
        }
    }
    Ok(if failed {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

fn look(
    engine: &mut Engine,
    file: &Path,
    target: Option<&Path>,
    options: &Detect,
) -> Result<Found, Problem> {
    match media::kind(file)? {
        Kind::Jpeg => still::look(engine, file, &media::read(file)?, target, options.threshold),
        Kind::Still => still::look(
            engine,
            file,
            &ffmpeg::still(file)?,
            target,
            options.threshold,
        ),
        Kind::Video => video::look(engine, file, target, options),
    }
}

fn engine(options: &Detect) -> Result<Engine, Fault> {
    let library = match &options.library {
        Some(path) => Library::load(Some(path)),
        None => Library::load_first(libraries()),
    };
    library.map_err(|error| {
        Fault::unavailable(format!("{}; name it with `--library`", chain(&error)))
    })?;
    let catalogue = Catalogue::scan(model_folders(&options.models));
    let (name, version) = options
        .model
        .split_once('@')
        .unwrap_or((&options.model, ""));
    let manifest = catalogue
        .find(name, version)
        .map_err(|error| no_model(&catalogue, name, &error))?;
    if !manifest.installed() {
        return Err(Fault::because(format!(
            "model `{name}` is optional, and its file `{}` is not installed",
            manifest.file.display()
        )));
    }
    let engine = Engine::open(manifest, 0).map_err(|error| Fault::because(chain(&error)))?;
    Ok(engine)
}

/// Why there is no such model, and what to do.
fn no_model(catalogue: &Catalogue, name: &str, error: &FindError) -> Fault {
    if let Some(refused) = catalogue.refusal(name) {
        let why = chain(&refused.error);
        return Fault::because(format!("model `{name}` cannot be used: {why}"));
    }
    Fault::because(match error {
        FindError::Nothing { .. } => format!("{error}; name a folder with models with `--models`"),
        FindError::Name { .. } | FindError::Version { .. } => error.to_string(),
    })
}

/// Where the library may be: the cache of `cargo xtask run`, then the places of a device.
pub(crate) fn libraries() -> Vec<PathBuf> {
    let cache = std::env::home_dir().map(|home| home.join(".cache/vigla/onnxruntime-1.27.0"));
    let device = vigla_vision::library::FOLDERS.iter().map(PathBuf::from);
    cache
        .into_iter()
        .chain(device)
        .map(|folder| folder.join(FILE_NAME))
        .collect()
}

/// Where models may be; later ones win. A checkout is found from this program and from here.
pub(crate) fn model_folders(named: &[PathBuf]) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let starts = [std::env::current_exe().ok(), std::env::current_dir().ok()];
    let checkouts = starts.into_iter().flatten().filter_map(|start| {
        let models = start
            .ancestors()
            .map(|folder| folder.join("services/detector/models"));
        models.into_iter().find(|folder| folder.is_dir())
    });
    distinct(std::iter::once(PathBuf::from("/usr/share/vigla/models")).chain(checkouts))
}

/// Each once, in the order of their first.
fn distinct(folders: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    folders.fold(Vec::new(), |mut all, folder| {
        if !all.contains(&folder) {
            all.push(folder);
        }
        all
    })
}

/// Name and version of a model, for answers.
fn model_name(engine: &Engine) -> String {
    let manifest = engine.manifest();
    format!("{}@{}", manifest.name, manifest.version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_around_program_and_folder_is_one() {
        let folders = ["/usr", "/here", "/here"].map(PathBuf::from);
        assert_eq!(distinct(folders.into_iter()).len(), 2);
    }
}
