//! What a daemon's `run` is given: connections, clock, problems, metrics, and tracked tasks.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use prometheus::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigla_bus::names::Service;
use vigla_bus::zbus::Connection;

use crate::health::Health;
use crate::log::Level;
use crate::log_control::{self, LogControl};
use crate::notify::Notify;
use crate::{Clock, Locator, Problems};

/// The surroundings of a running daemon. Cheap to clone.
///
/// Calls and signals have connections of their own: on a shared one, a signal stream that nobody
/// polls for a moment stalls the replies behind it (seen with 10,000 signals; there is a test).
#[derive(Clone, Debug)]
pub struct Context {
    /// Who we are.
    pub service: Service,
    /// The connection that owns our name, serves our objects and makes calls.
    pub calls: Connection,
    /// The connection that listens to signals.
    pub signals: Connection,
    /// Cancelled when the daemon is to end.
    pub stop: CancellationToken,
    /// Why we are degraded.
    pub problems: Problems,
    /// Our metrics.
    pub metrics: Registry,
    /// The time.
    pub clock: Clock,
    /// Where settings came from.
    pub locator: Locator,
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) version: &'static str,
    pub(crate) tasks: TaskTracker,
    pub(crate) failed: mpsc::UnboundedSender<anyhow::Error>,
    pub(crate) notify: Notify,
    pub(crate) level: Level,
    pub(crate) runtime_dir: PathBuf,
    pub(crate) state_dir: PathBuf,
}

impl Context {
    /// Runs a task under the daemon's token. An error or a panic of it ends the daemon; at the end
    /// it is waited for, so it must return soon after `stop` is cancelled, or be cut off by
    /// [`spawn`](Self::spawn) itself: the future is dropped when `stop` is cancelled.
    pub fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let (stop, failed) = (self.stop.clone(), self.inner.failed.clone());
        self.inner.tasks.spawn(async move {
            let guard = ReportPanic {
                name,
                failed: failed.clone(),
            };
            let result = tokio::select! {
                result = task => result,
                () = stop.cancelled() => Ok(()),
            };
            std::mem::forget(guard);
            if let Err(error) = result {
                let _ = failed.send(error.context(format!("task `{name}`")));
            }
        });
    }

    /// Runs blocking work on a thread of its own, named `name`. It must watch the token; an error
    /// or a panic of it ends the daemon.
    pub fn thread(
        &self,
        name: &str,
        work: impl FnOnce(CancellationToken) -> anyhow::Result<()> + Send + 'static,
    ) -> std::io::Result<()> {
        let (stop, failed) = (self.stop.clone(), self.inner.failed.clone());
        let token = self.inner.tasks.token();
        let title = name.to_owned();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _token = token;
                let guard = ReportPanic {
                    name: "thread",
                    failed: failed.clone(),
                };
                let result = work(stop);
                std::mem::forget(guard);
                if let Err(error) = result {
                    let _ = failed.send(error.context(format!("thread `{title}`")));
                }
            })?;
        Ok(())
    }

    /// Serves health and log control, owns the bus name, and tells systemd. Register every other
    /// object on `calls` before this: a client that sees the name may call at once.
    pub async fn ready(&self, status: &str) -> anyhow::Result<()> {
        let health = Health {
            version: self.inner.version,
            problems: self.problems.clone(),
        };
        let control = LogControl {
            level: self.inner.level.clone(),
            binary: self.service.binary,
        };
        let server = self.calls.object_server();
        server
            .at(self.service.path, health)
            .await
            .context("serve health")?;
        server
            .at(log_control::PATH, control)
            .await
            .context("serve log control")?;
        self.calls
            .request_name(self.service.name)
            .await
            .with_context(|| format!("own the bus name `{}`", self.service.name))?;
        self.inner.notify.ready(&self.problems.status(status));
        self.spawn("health", tell_problems(self.clone(), status.to_owned()));
        Ok(())
    }

    /// Feeds the watchdog. Called by the loop that does the work, never by a timer of its own.
    pub fn alive(&self) {
        self.inner.notify.alive();
    }

    /// Tells systemd what a healthy daemon is doing; a degraded one keeps saying why.
    pub fn status(&self, text: &str) {
        self.inner.notify.status(&self.problems.status(text));
    }

    /// Files that live as long as the daemon (`RUNTIME_DIRECTORY`).
    #[must_use]
    pub fn runtime_dir(&self) -> &Path {
        &self.inner.runtime_dir
    }

    /// Files that survive (`STATE_DIRECTORY`).
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.inner.state_dir
    }
}

/// Reports a panic as the error that it is when dropped by unwinding.
struct ReportPanic {
    name: &'static str,
    failed: mpsc::UnboundedSender<anyhow::Error>,
}

impl Drop for ReportPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self
                .failed
                .send(anyhow::anyhow!("`{}` panicked", self.name));
        }
    }
}

/// Hands each change of the problems to the bus and to systemd.
async fn tell_problems(context: Context, well: String) -> anyhow::Result<()> {
    let mut changes = context.problems.changed();
    loop {
        changes
            .changed()
            .await
            .context("the problems were dropped")?;
        context.inner.notify.status(&context.problems.status(&well));
        let server = context.calls.object_server();
        let health = server.interface::<_, Health>(context.service.path).await?;
        let result = health
            .get()
            .await
            .problems_changed(health.signal_emitter())
            .await;
        if let Err(error) = result {
            tracing::debug!(%error, "cannot signal problems");
        }
    }
}
