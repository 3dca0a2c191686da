//! Logging: native journal fields under systemd, compact text without time in a terminal.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Turns the level while the daemon runs; `LogControl1` holds one.
#[derive(Clone, Debug)]
pub(crate) struct Level(reload::Handle<EnvFilter, Registry>);

impl Level {
    /// Sets the level of our own targets: a `tracing` level's name.
    pub(crate) fn set(&self, level: LevelFilter) -> bool {
        self.0.reload(directives(level)).is_ok()
    }

    /// The level now.
    pub(crate) fn get(&self) -> LevelFilter {
        self.0
            .with_current(tracing_subscriber::Layer::<Registry>::max_level_hint)
            .ok()
            .flatten()
            .unwrap_or(LevelFilter::INFO)
    }
}

/// Starts logging. `verbose` counts `-v`; `RUST_LOG` wins over it.
pub(crate) fn start(binary: &str, verbose: u8) -> Level {
    let level = match verbose {
        0 => LevelFilter::INFO,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| directives(level));
    let (filter, handle) = reload::Layer::new(filter);
    // systemd sets JOURNAL_STREAM when stderr goes to the journal.
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    let output = match journal {
        Some(layer) => layer.with_syslog_identifier(binary.to_owned()).boxed(),
        None => fmt::layer()
            .compact()
            .without_time()
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr)
            .boxed(),
    };
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(output)
        .try_init();
    Level(handle)
}

/// Our targets at `level`; libraries only when they warn, unless everything is traced.
fn directives(level: LevelFilter) -> EnvFilter {
    if level == LevelFilter::TRACE {
        return EnvFilter::new("trace");
    }
    EnvFilter::new(format!("warn,vigla={level}"))
        .add_directive(level_of("vigla_kit", level))
        .add_directive(level_of("vigla_camera", level))
        .add_directive(level_of("vigla_detector", level))
        .add_directive(level_of("vigla_metrics", level))
        .add_directive(level_of("vigla_gateway", level))
        .add_directive(level_of("vigla_frames", level))
        .add_directive(level_of("vigla_vision", level))
}

fn level_of(target: &str, level: LevelFilter) -> tracing_subscriber::filter::Directive {
    // A target of our own and a level always parse; the fallback is the level alone.
    format!("{target}={level}")
        .parse()
        .unwrap_or_else(|_| level.into())
}
