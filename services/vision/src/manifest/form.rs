//! The manifest as it is written, before it is checked.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Decoder, Digest, Input, Manifest, ManifestError, Output};
use crate::label::Labels;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    name: String,
    version: u32,
    description: String,
    licence: String,
    #[serde(default = "default_file")]
    file: String,
    digest: String,
    #[serde(default = "default_labels")]
    pub(super) labels: String,
    decoder: Decoder,
    input: Input,
    #[serde(default)]
    output: Output,
    #[serde(skip)]
    parsed_digest: Option<Digest>,
}

fn default_file() -> String {
    "model.onnx".to_owned()
}

fn default_labels() -> String {
    "labels.txt".to_owned()
}

impl Form {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        let mut form: Self = toml::from_str(text).map_err(|source| ManifestError::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        form.check()
            .map_err(|(key, problem)| ManifestError::Value {
                path: path.to_owned(),
                key,
                problem,
            })?;
        Ok(form)
    }

    fn check(&mut self) -> Result<(), (&'static str, String)> {
        if !is_name(&self.name) {
            let found = &self.name;
            return Err((
                "name",
                format!("must be lower case letters, digits and dashes, found `{found}`"),
            ));
        }
        if self.version == 0 {
            return Err(("version", "must be at least 1".to_owned()));
        }
        for (key, file) in [("file", &self.file), ("labels", &self.labels)] {
            if !is_plain_file(file) {
                return Err((key, format!("must be a file beside it, found `{file}`")));
            }
        }
        let digest = self.digest.parse::<Digest>();
        self.parsed_digest = Some(digest.map_err(|error| ("digest", error.to_string()))?);
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), (&'static str, String)> {
        let (input, output) = (&self.input, &self.output);
        for (key, side) in [("input.width", input.width), ("input.height", input.height)] {
            if !(16..=4096).contains(&side) {
                return Err((key, format!("must be 16 to 4096 pixels, found {side}")));
            }
        }
        if !(1.0..=1000.0).contains(&input.most_stretch) {
            let found = input.most_stretch;
            return Err((
                "input.most_stretch",
                format!("must be 1 to 1000, found {found}"),
            ));
        }
        if !input.mean.iter().all(|value| value.is_finite()) {
            return Err(("input.mean", "must be three numbers".to_owned()));
        }
        if !input.deviation.iter().all(|value| value.is_normal()) {
            return Err(("input.deviation", "must be three numbers, not 0".to_owned()));
        }
        for (key, share) in [
            ("output.score_floor", output.score_floor),
            ("output.overlap", output.overlap),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err((key, format!("must be 0 to 1, found {share}")));
            }
        }
        if !(1..=1000).contains(&output.most) {
            let found = output.most;
            return Err(("output.most", format!("must be 1 to 1000, found {found}")));
        }
        Ok(())
    }

    pub(super) fn manifest(self, folder: &Path, labels: Labels) -> Manifest {
        Manifest {
            name: self.name,
            version: self.version,
            description: self.description,
            licence: self.licence,
            digest: self.parsed_digest.unwrap_or_else(|| Digest::of(&[])),
            file: folder.join(PathBuf::from(self.file)),
            decoder: self.decoder,
            input: self.input,
            output: self.output,
            labels,
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_plain_file(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0'])
}
