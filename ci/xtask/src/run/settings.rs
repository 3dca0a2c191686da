//! The settings that make the shipped services work in a temporary root: what differs from the
//! defaults of a device, and nothing else.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::cameras::{Camera, Source};

/// Everything that a run decides.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// Each camera, its files readable by the services.
    pub(super) cameras: &'a [Camera],
    /// ONNX Runtime.
    pub(super) library: Option<&'a Path>,
    /// The folder with the models of this repository.
    pub(super) models: &'a Path,
    /// Where the services have their metrics sockets.
    pub(super) sockets: &'a Path,
    /// The temporary root.
    pub(super) root: &'a Path,
    /// The file with the claim, which the service rewrites itself.
    pub(super) card: Option<&'a Path>,
    /// The broker; without one the shipped default stays and the service says that it is away.
    pub(super) broker: Option<u16>,
    /// Of the page.
    pub(super) port: u16,
}

impl Facts<'_> {
    /// The fragment for one service.
    pub(super) fn fragment(&self, noun: &str) -> String {
        let table = match noun {
            "camera" => self.camera(),
            "detector" => self.detector(),
            "metrics" => self.metrics(),
            "gateway" => table([("listen", format!("127.0.0.1:{}", self.port).into())]),
            "enrolment" => self.enrolment(),
            // What only a device has, as it is shipped.
            _ => Table::new(),
        };
        table.to_string()
    }

    fn enrolment(&self) -> Table {
        self.card.map_or_else(Table::new, |card| {
            // A laptop has no act that erases it.
            table([("file", text(card)), ("erase_requests", "".into())])
        })
    }

    fn camera(&self) -> Table {
        let cameras = self.cameras.iter().map(|camera| {
            let mut settings = Table::new();
            let source = match &camera.source {
                Source::Device(path) | Source::File(path) => text(path),
                Source::Network(url, credentials) => {
                    if credentials.is_some() {
                        settings.insert("credentials".into(), text(&self.credentials(camera)));
                    }
                    url.clone().into()
                }
                Source::Synthetic => "synthetic".into(),
            };
            settings.insert("source".into(), source);
            (camera.id.clone(), Value::Table(settings))
        });
        table([("camera", Value::Table(cameras.collect()))])
    }

    /// Where the user and password of `camera` are.
    pub(super) fn credentials(&self, camera: &Camera) -> PathBuf {
        self.root.join(format!("{}.credentials", camera.id))
    }

    fn detector(&self) -> Table {
        let mut table = table([("model_dirs", Value::Array(vec![text(self.models)]))]);
        if let Some(library) = self.library {
            table.insert("library".into(), text(library));
        }
        table
    }

    fn metrics(&self) -> Table {
        // A trial run is no appliance: how full the disk of this machine is, is not its business.
        let health = table([("enabled", false.into())]);
        let mut settings = table([
            (
                "gather",
                Value::Table(table([("sockets", text(self.sockets))])),
            ),
            ("health", Value::Table(health)),
        ]);
        if let Some(port) = self.broker {
            settings.insert("broker".into(), format!("127.0.0.1:{port}").into());
        }
        settings
    }
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn text(path: &Path) -> Value {
    Value::String(path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_gets_what_differs_and_nothing_else() {
        let camera = |id: &str, source| Camera {
            id: id.into(),
            source,
        };
        let facts = Facts {
            cameras: &[
                camera("a", Source::Synthetic),
                camera(
                    "b",
                    Source::Network("rtsp://h/1".into(), Some("u:p".into())),
                ),
            ],
            library: None,
            models: Path::new("/models"),
            sockets: Path::new("/run"),
            root: Path::new("/temporary"),
            card: Some(Path::new("/temporary/card/enrolment.toml")),
            broker: None,
            port: 8099,
        };
        let camera: Table = facts.fragment("camera").parse().unwrap();
        assert_eq!(camera["camera"]["a"]["source"].as_str(), Some("synthetic"));
        assert_eq!(
            camera["camera"]["b"]["credentials"].as_str(),
            Some("/temporary/b.credentials")
        );
        assert!(!facts.fragment("camera").contains("u:p"));
        assert!(!facts.fragment("detector").contains("library"));
        assert!(!facts.fragment("metrics").contains("broker"));
        assert_eq!(
            facts.fragment("gateway").trim(),
            "listen = \"127.0.0.1:8099\""
        );
        let enrolment: Table = facts.fragment("enrolment").parse().unwrap();
        assert!(
            enrolment["file"]
                .as_str()
                .unwrap()
                .ends_with("enrolment.toml")
        );
        assert_eq!(enrolment["erase_requests"].as_str(), Some(""));
        assert_eq!(facts.fragment("updater"), "");
    }
}
