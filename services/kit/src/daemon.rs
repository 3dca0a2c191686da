//! The life of a daemon in one function: arguments, logging, settings, bus, work, drain.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use prometheus::{IntGauge, Opts, Registry};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigla_bus::names::Service;
use vigla_bus::zbus::connection;

use crate::args::{self, Request};
use crate::config::{self, Loaded, Settings};
use crate::context::{Context, Inner};
use crate::exit::{self, exit};
use crate::log::{self, Level};
use crate::notify::Notify;
use crate::{Clock, Problems, folder, metrics};

/// Shorter than the units' `TimeoutStopSec`.
const DRAIN: Duration = Duration::from_secs(8);
/// A peer that answers later than this is treated as absent.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a daemon from its command line to its exit code.
///
/// `run` wires the parts and calls [`Context::ready`]; it may return then or work until
/// [`Context::stop`] is cancelled. Its error ends the daemon.
#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "answers to --help, --check and bad usage"
)]
pub fn main<S, F>(service: Service, version: &'static str, run: fn(Context, S) -> F) -> ExitCode
where
    S: Settings,
    F: Future<Output = anyhow::Result<()>>,
{
    let (dirs, check, verbose) = match args::parse(service, version, std::env::args_os().skip(1)) {
        Ok(Request::Run {
            dirs,
            check,
            verbose,
        }) => (dirs, check, verbose),
        Ok(Request::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{}: {error}; see --help", service.binary);
            return ExitCode::from(exit::USAGE);
        }
    };
    if let Err(error) = config::there(&dirs) {
        return exit(service.binary, &error.into(), exit::CONFIG);
    }
    let loaded = match config::load::<S>(service.noun, &dirs) {
        Ok(loaded) => loaded,
        Err(error) => return exit(service.binary, &error.into(), exit::CONFIG),
    };
    if check {
        return show(service, &loaded.settings);
    }
    let level = log::start(service.binary, verbose);
    match live(service, version, loaded, level, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(End::NoBus(error)) => exit(service.binary, &error, exit::UNAVAILABLE),
        Err(End::Failed(error)) => exit(service.binary, &error, code_of(&error)),
    }
}

/// The settings as they take effect, for `--check`; what could not be checked as talk beside them.
#[allow(clippy::print_stderr, reason = "an answer to --check")]
fn show<S: Settings>(service: Service, settings: &S) -> ExitCode {
    use std::io::Write;
    let text = match config::show(settings) {
        Ok(text) => text,
        Err(error) => return exit(service.binary, &error.into(), exit::CONFIG),
    };
    for notice in settings.notices() {
        eprintln!("{}: {notice}", service.binary);
    }
    // A reader that has seen enough is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Why a daemon ended otherwise than asked.
enum End {
    NoBus(anyhow::Error),
    Failed(anyhow::Error),
}

/// A wiring that finds its settings wrong only then (a label the model lacks) still exits 78.
fn code_of(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<config::ConfigError>().is_some() {
        exit::CONFIG
    } else {
        exit::FAILED
    }
}

fn live<S, F>(
    service: Service,
    version: &'static str,
    loaded: Loaded<S>,
    level: Level,
    run: fn(Context, S) -> F,
) -> Result<(), End>
where
    S: Settings,
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")
        .map_err(End::Failed)?;
    let ended = runtime.block_on(async {
        let Loaded { settings, locator } = loaded;
        let (failed, mut failures) = mpsc::unbounded_channel();
        let connect = || {
            connection::Builder::system()
                .method_timeout(CALL_TIMEOUT)
                .build()
        };
        let no_bus =
            |error| End::NoBus(anyhow::Error::new(error).context("connect to the system bus"));
        let clock = Clock::system();
        let inner = Inner {
            version,
            tasks: TaskTracker::new(),
            failed,
            notify: Notify::from_environment(clock.clone()),
            level,
            runtime_dir: folder::of("RUNTIME_DIRECTORY", service, "run").map_err(End::Failed)?,
            state_dir: folder::of("STATE_DIRECTORY", service, "state").map_err(End::Failed)?,
        };
        let context = Context {
            service,
            calls: connect().await.map_err(no_bus)?,
            signals: connect().await.map_err(no_bus)?,
            stop: CancellationToken::new(),
            problems: Problems::default(),
            metrics: Registry::new(),
            clock,
            locator,
            inner: Arc::new(inner),
        };
        serve_metrics(&context).map_err(End::Failed)?;
        let ended = until_end(&context, run(context.clone(), settings), &mut failures).await;
        drain(&context).await;
        ended
    });
    // Whatever still blocks (a name look-up, say) must not hold up the end.
    runtime.shutdown_background();
    ended
}

/// Waits for whatever comes first: a signal, an error of the wiring or a task, the bus going away.
async fn until_end(
    context: &Context,
    run: impl Future<Output = anyhow::Result<()>>,
    failures: &mut mpsc::UnboundedReceiver<anyhow::Error>,
) -> Result<(), End> {
    let mut terminate = signal(SignalKind::terminate())
        .context("watch SIGTERM")
        .map_err(End::Failed)?;
    let mut interrupt = signal(SignalKind::interrupt())
        .context("watch SIGINT")
        .map_err(End::Failed)?;
    let wired = async {
        match run.await {
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    };
    tokio::select! {
        error = wired => Err(End::Failed(error)),
        Some(error) = failures.recv() => Err(blame(context, error).await),
        () = context.calls.closed() => Err(End::NoBus(anyhow::anyhow!("the system bus closed the connection"))),
        () = context.signals.closed() => Err(End::NoBus(anyhow::anyhow!("the system bus closed the connection"))),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// A task that fails because the bus is gone may say so before the connection does.
async fn blame(context: &Context, error: anyhow::Error) -> End {
    let gone = tokio::time::timeout(Duration::from_millis(300), context.calls.closed()).await;
    if gone.is_ok() {
        End::NoBus(error.context("the system bus closed the connection"))
    } else {
        End::Failed(error)
    }
}

/// Takes no new work and waits for what is running, for a while.
async fn drain(context: &Context) {
    context.inner.notify.stopping();
    context.stop.cancel();
    context.inner.tasks.close();
    if tokio::time::timeout(DRAIN, context.inner.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            tasks = context.inner.tasks.len(),
            "some work did not end in time, leaving it"
        );
    }
    let _ = std::fs::remove_file(context.runtime_dir().join(metrics::SOCKET));
}

/// A missing metrics socket is no reason not to work: say so and go on.
fn serve_metrics(context: &Context) -> anyhow::Result<()> {
    let opts = Opts::new(
        format!("vigla_{}_build_info", context.service.noun),
        "Always 1; the version is a label.",
    )
    .const_label("version", context.inner.version);
    let info = IntGauge::with_opts(opts).context("describe the build")?;
    info.set(1);
    context
        .metrics
        .register(Box::new(info))
        .context("register the build")?;
    let path = context.runtime_dir().join(metrics::SOCKET);
    match metrics::bind(&path) {
        Ok(listener) => context.spawn(
            "metrics socket",
            metrics::serve(listener, context.metrics.clone()),
        ),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no metrics socket, going on without");
        }
    }
    Ok(())
}
