//! The program itself, as it runs in a cluster, but for where it finds its API server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use vigla_testkit::{Child, free_port};

use crate::rig::{ACCOUNT, Rig, base64, until};

pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) endpoint: String,
    observe: u16,
    // Its settings; goes last.
    _folder: TempDir,
}

/// The program of this build, or the one that `VIGLA_REGISTRAR` names.
#[allow(clippy::disallowed_methods, reason = "a switch of a test")]
fn program() -> PathBuf {
    let named = std::env::var_os("VIGLA_REGISTRAR").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_vigla-registrar").into())
}

#[allow(clippy::disallowed_methods, reason = "files of a temporary folder")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

impl Process {
    /// Starts it with settings in the words of its manual, and waits until it can work.
    pub(crate) async fn start(rig: &Rig, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (listen, observe) = (free_port().unwrap(), free_port().unwrap());
        let settings =
            format!("listen = \"127.0.0.1:{listen}\"\nobserve = \"127.0.0.1:{observe}\"\n{more}");
        write(&folder.path().join("registrar.d/50-test.toml"), &settings);
        let kubeconfig = folder.path().join("kubeconfig");
        write(&kubeconfig, &account(rig));
        let mut command = Command::new(program());
        command.arg("--config-dir").arg(folder.path());
        command.arg("--kubeconfig").arg(&kubeconfig);
        let child = Child::start("vigla-registrar", &mut command).unwrap();
        let process = Self {
            child,
            endpoint: format!("https://localhost:{listen}"),
            observe,
            _folder: folder,
        };
        until("the registrar is ready", async || {
            let (status, _) = process.observed("/ready").await?;
            (status == 200).then_some(())
        })
        .await;
        process
    }

    /// Status and body of its health or metrics.
    pub(crate) async fn observed(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.observe)).await.ok()?;
        let ask = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        let status = text.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = text.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    }

    /// A series of its metrics that has no labels.
    pub(crate) async fn count(&self, series: &str) -> f64 {
        let (_, text) = self.observed("/metrics").await.unwrap();
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap().parse().unwrap()
    }

    /// Time that it has spent on processors.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.pid())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let mut fields = fields.split(' ').skip(11);
        let mut ticks = || fields.next().unwrap().parse::<u64>().unwrap();
        // The kernel tells hundredths of a second, whatever its own clock is.
        Duration::from_millis((ticks() + ticks()) * 10)
    }
}

/// A kubeconfig of the registrar's account.
fn account(rig: &Rig) -> String {
    let identity = rig.plane.client(ACCOUNT, Some("system:serviceaccounts"));
    let identity = identity.unwrap();
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{ "name": "it", "cluster": {
            "server": rig.plane.url(), "certificate-authority-data": base64(rig.plane.ca()),
        } }],
        "users": [{ "name": "it", "user": {
            "client-certificate-data": base64(&identity.certificate),
            "client-key-data": base64(&identity.key),
        } }],
        "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "it" } }],
    })
    .to_string()
}
