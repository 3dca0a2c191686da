//! `vigla-registrar`: reads its settings, reaches its API server, serves until SIGTERM.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "answers to --help, --check and bad usage"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use vigla_kit::config::{self, PLACES};
use vigla_kit::{Clock, exit};
use vigla_registrar::{Parts, Settings};

const NAME: &str = "vigla-registrar";
const HELP: &str = "\
Makes devices nodes of this cluster.

  --config-dir DIR    settings from DIR/registrar.d/*.toml instead of /usr/lib/vigla, /run/vigla/config, /etc/vigla
  --kubeconfig FILE   reaches the API server with it instead of as a pod does
  --check             prints the settings in force, and ends
  --version, --help";

struct Line {
    places: Vec<PathBuf>,
    kubeconfig: Option<PathBuf>,
    check: bool,
}

fn main() -> ExitCode {
    let line = match parse() {
        Ok(Some(line)) => line,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{NAME}: {error}; see --help");
            return ExitCode::from(exit::USAGE);
        }
    };
    let settings = match config::load::<Settings>("registrar", &line.places) {
        Ok(loaded) => loaded.settings,
        Err(error) => return exit::exit(NAME, &error.into(), exit::CONFIG),
    };
    if line.check {
        return match config::show(&settings) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => exit::exit(NAME, &error.into(), exit::CONFIG),
        };
    }
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .with_writer(std::io::stderr)
        .init();
    match live(&line, settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::exit(NAME, &error, exit::FAILED),
    }
}

fn parse() -> Result<Option<Line>, lexopt::Error> {
    use lexopt::Arg::Long;
    let mut line = Line {
        places: Vec::new(),
        kubeconfig: None,
        check: false,
    };
    let mut words = lexopt::Parser::from_env();
    while let Some(word) = words.next()? {
        match word {
            Long("config-dir") => line.places.push(words.value()?.into()),
            Long("kubeconfig") => line.kubeconfig = Some(words.value()?.into()),
            Long("check") => line.check = true,
            Long("version") => {
                println!("{NAME} {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            Long("help") => {
                println!("{HELP}");
                return Ok(None);
            }
            other => return Err(other.unexpected()),
        }
    }
    if line.places.is_empty() {
        line.places = PLACES.iter().map(PathBuf::from).collect();
    }
    Ok(Some(line))
}

fn live(line: &Line, settings: Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(async {
        let config = connect(line).await?;
        let server = match settings.cluster.server.as_str() {
            "" => config
                .cluster_url
                .to_string()
                .trim_end_matches('/')
                .to_owned(),
            server => server.to_owned(),
        };
        let client = Client::try_from(config).context("reach the API server")?;
        let stop = CancellationToken::new();
        let parts = Parts {
            settings,
            clock: Clock::system(),
            stop: stop.clone(),
            hook: None,
        };
        let mut terminate = signal(SignalKind::terminate()).context("watch SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("watch SIGINT")?;
        let serving = vigla_registrar::start(parts, client, &server).await?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
        serving.end().await;
        Ok(())
    })
}

async fn connect(line: &Line) -> anyhow::Result<Config> {
    match &line.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("read `{}`", path.display()))?;
            let options = KubeConfigOptions::default();
            Ok(Config::from_custom_kubeconfig(file, &options).await?)
        }
        None => Config::incluster()
            .context("reach the API server as a pod does; elsewhere say `--kubeconfig FILE`"),
    }
}
