//! `cargo xtask run`: from a clean clone to the page, and back to nothing on Ctrl-C.
//!
//! Set-up comes first ([`packages`], [`fetch`], [`build`]), then everything that lives is started
//! in one temporary root by the rig that the tests use too: a private D-Bus daemon with the
//! shipped policy, a broker, the services. This thread then stays and looks after them: children
//! die with the thread that started them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use nix::unistd::{User, geteuid};
use vigla_testkit::Rig;

use crate::packages::{self, Consent};
use crate::say::{self, Step};
use crate::stop::{self, Stop};
use crate::{build, fetch, places, signals};

mod address;
mod cameras;
mod cluster;
mod device;
mod http;
mod live;
mod page;
mod refuse;
mod sentence;
mod settings;
mod sweep;
mod watch;

use cameras::Camera;

/// The services that are started, in this order (any order works).
const SERVICES: [&str; 4] = ["camera", "detector", "metrics", "gateway"];
/// One more with a cluster.
const ENROLMENT: &str = "enrolment";
/// Between two looks at the services.
const TICK: Duration = Duration::from_millis(100);
/// From the start of the services to the first answer of the page.
const PATIENCE: Duration = Duration::from_secs(30);

/// What to look at, and where to show it.
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Options {
    /// Look through this camera (may be repeated)
    #[arg(long, value_name = "DEVICE")]
    pub(crate) camera: Vec<PathBuf>,
    /// Replay this video file, over and over (may be repeated)
    #[arg(long, value_name = "FILE")]
    pub(crate) video: Vec<PathBuf>,
    /// Take the picture of this network camera (may be repeated)
    #[arg(long, value_name = "URL")]
    pub(crate) rtsp: Vec<String>,
    /// Look at a drawn street whose every car is known
    #[arg(long)]
    pub(crate) synthetic: bool,
    /// Also start a Kubernetes API server and the registrar, and let the services here join as a device
    #[arg(long)]
    cluster: bool,
    /// Serve the page on this port of 127.0.0.1
    #[arg(long, value_name = "N", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: u16,
    /// Do not open the page in a browser
    #[arg(long)]
    no_open: bool,
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
}

/// Sets up, builds, starts, watches, ends.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let since = Instant::now();
    refuse::refuse(options)?;
    named_user()?;
    http::port_is_free(options.port)?;
    sweep::abandoned();
    let (cameras, library) = set_up(options)?;
    if options.cluster {
        cluster::programs()?;
    }
    build::programs()?;

    let mut cluster = options.cluster.then(cluster::start).transpose()?;
    let claim = cluster.as_ref().map(|cluster| cluster.claim.as_str());
    let mut live = live::start(options.port, &cameras, library.as_deref(), claim)?;
    let step = Step::start("page");
    http::wait_for(options.port, PATIENCE, || live.look_after())?;
    step.end("answers");
    let mut member = cluster.as_ref().map(|_| cluster::Member::new(&live));
    if let Some(member) = &mut member {
        member.joins(|| live.look_after())?;
    }
    page::announce(&live, &cameras, options.port, since.elapsed());
    if let Some(cluster) = &cluster {
        cluster.announce(&live.ctl_line("enrolment status"));
    }
    if !options.no_open {
        page::open(options.port);
    }
    let mut sentence = sentence::Follower::new(options.port);
    while signals::asked() == 0 {
        live.look_after()?;
        sentence.look();
        if let (Some(cluster), Some(member)) = (&mut cluster, &mut member) {
            cluster.look_after()?;
            member.look();
        }
        signals::pause(TICK);
    }
    say::line("");
    live.stop()?;
    cluster.map_or(Ok(()), cluster::Cluster::stop)
}

/// dbus-daemon looks every user up by name, and hangs up on one without.
fn named_user() -> anyhow::Result<()> {
    let user = geteuid();
    if User::from_uid(user).is_ok_and(|found| found.is_some()) {
        return Ok(());
    }
    let message = format!(
        "the user {user} has no name on this machine, and dbus-daemon refuses such users: \
         start as root or as a user in /etc/passwd"
    );
    Err(Stop::with(stop::UNAVAILABLE, message))
}

/// Gets packages, library and clip; decides what to look at with what could be had.
fn set_up(options: &Options) -> anyhow::Result<(Vec<Camera>, Option<PathBuf>)> {
    let runtime = fetch::runtime().filter(|_| cameras::real(options));
    let clip = (!cameras::chosen(options)).then_some(fetch::CLIP);
    let mut needs = packages::basis();
    if !runtime.iter().chain(&clip).all(fetch::cached) {
        needs.extend(packages::DOWNLOADS);
    }
    packages::install(&needs, Consent::from_flag(options.yes))?;
    let library = runtime.as_ref().map(fetch::get).transpose()?.flatten();
    // Without the library nobody could find anything in the clip.
    let clip = clip.filter(|_| library.is_some());
    let clip = clip.as_ref().map(fetch::get).transpose()?.flatten();
    let ffmpeg = places::program("ffmpeg").is_some();
    let cameras = cameras::choose(options, library.as_deref(), clip, ffmpeg)?;
    Ok((cameras, library))
}

/// The settings under which `noun` can be asked what it serves: one synthetic camera, any port,
/// no broker.
pub(crate) fn synthetic_fragment(noun: &str, rig: &Rig) -> anyhow::Result<String> {
    let camera = Camera {
        id: "front".into(),
        source: cameras::Source::Synthetic,
    };
    let facts = settings::Facts {
        cameras: &[camera],
        library: None,
        models: Path::new("/nonexistent"),
        sockets: &rig.run_dir(),
        root: rig.dir(),
        card: None,
        broker: Some(vigla_testkit::free_port()?),
        port: vigla_testkit::free_port()?,
    };
    Ok(facts.fragment(noun))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::Options;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    /// The options of a command line.
    pub(super) fn options(line: &[&str]) -> Options {
        Line::parse_from([&["run"], line].concat()).options
    }
}
