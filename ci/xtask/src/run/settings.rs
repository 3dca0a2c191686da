//! The settings that make the shipped services work in a temporary root: what differs from the
//! defaults of a device, and nothing else.

use std::path::Path;

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
            _ => table([("listen", format!("127.0.0.1:{}", self.port).into())]),
        };
        table.to_string()
    }

    fn camera(&self) -> Table {
        let cameras = self.cameras.iter().map(|camera| {
            let source = match &camera.source {
                Source::Device(path) | Source::File(path) => text(path),
                Source::Network(url) => url.clone().into(),
                Source::Synthetic => "synthetic".into(),
            };
            (camera.id.clone(), Value::Table(table([("source", source)])))
        });
        table([("camera", Value::Table(cameras.collect()))])
    }

    fn detector(&self) -> Table {
        let mut table = table([("model_dirs", Value::Array(vec![text(self.models)]))]);
        if let Some(library) = self.library {
            table.insert("library".into(), text(library));
        }
        table
    }

    fn metrics(&self) -> Table {
        let mut settings = table([(
            "gather",
            Value::Table(table([("sockets", text(self.sockets))])),
        )]);
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
