//! Everything that lives during a run: bus, broker, services, in one temporary root.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::stat::{Mode, umask};
use vigla_testkit::{Broker, Rig, Who};

use super::cameras::{Camera, Source};
use super::settings::Facts;
use super::watch::{Found, Watched};
use super::{ENROLMENT, SERVICES, sweep};
use crate::say::{self, Step};
use crate::{places, signals};

/// The port of MQTT that clients take by themselves.
const MQTT: u16 = 1883;
const READY: Duration = Duration::from_secs(30);

/// What a run consists of. Fields end in this order.
#[derive(Debug)]
pub(super) struct Live {
    services: Vec<(&'static str, Watched)>,
    fragments: Vec<String>,
    broker: Option<Broker>,
    rig: Rig,
    _claim: File,
}

/// Starts it all and waits until each service says that it is ready. With an `invitation` it is a device
/// that joins, too.
pub(super) fn start(
    port: u16,
    cameras: &[Camera],
    library: Option<&Path>,
    invitation: Option<&str>,
) -> anyhow::Result<Live> {
    // The services' users read what we make, whatever a strict mask of the person says.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let step = Step::start("bus");
    let rig = Rig::start_for(places::repository()).context("start the private bus")?;
    let claim = sweep::claim(rig.dir())?;
    step.end(format_args!("private, {}", rig.address()));

    let broker = broker(rig.dir(), port)?;
    let step = Step::start("services");
    let cameras = readable(&rig, cameras)?;
    let library = library.map(|file| rig.share(file)).transpose()?;
    let models = models(&rig)?;
    let card = invitation.map(|text| insert(&rig, text)).transpose()?;
    let facts = Facts {
        cameras: &cameras,
        library: library.as_deref(),
        models: &models,
        sockets: &rig.run_dir(),
        root: rig.dir(),
        card: card.as_deref(),
        broker: broker.as_ref().map(Broker::port),
        port,
    };
    for camera in &cameras {
        if let Source::Network(_, Some(credentials)) = &camera.source {
            confide(&rig, &facts.credentials(camera), credentials)?;
        }
    }
    let services = SERVICES.into_iter().chain(card.as_ref().map(|_| ENROLMENT));
    let services: Vec<_> = services.collect();
    let fragments = services.iter().map(|noun| facts.fragment(noun)).collect();
    let mut live = Live {
        services: Vec::new(),
        fragments,
        broker,
        rig,
        _claim: claim,
    };
    for (noun, fragment) in services.iter().copied().zip(&live.fragments) {
        let watched = Watched::start(&live.rig.daemon(noun).settings(fragment))?;
        live.services.push((noun, watched));
    }
    for (_, watched) in &mut live.services {
        signals::check()?;
        watched.wait_ready(READY)?;
    }
    step.end(services.join(", "));
    Ok(live)
}

/// A broker on 1883 or, when that is taken (the `page` may be there), any free port. None when
/// mosquitto is missing.
fn broker(dir: &Path, page: u16) -> anyhow::Result<Option<Broker>> {
    if places::program("mosquitto").is_none() {
        return Ok(None);
    }
    let step = Step::start("broker");
    let port = match TcpListener::bind((Ipv4Addr::LOCALHOST, MQTT)) {
        Ok(_) if page != MQTT => MQTT,
        Ok(_) | Err(_) => vigla_testkit::free_port()?,
    };
    let broker = match Broker::start(dir, port, "") {
        Ok(broker) => broker,
        Err(error) => {
            step.end(format_args!("none: {error:#}; counts go nowhere"));
            return Ok(None);
        }
    };
    let why = if port == MQTT {
        ""
    } else {
        " (1883 is in use)"
    };
    step.end(format_args!("mosquitto on 127.0.0.1:{port}{why}"));
    Ok(Some(broker))
}

/// The cameras with their files where the service's user can read them.
fn readable(rig: &Rig, cameras: &[Camera]) -> anyhow::Result<Vec<Camera>> {
    let share = |camera: &Camera| {
        let mut camera = camera.clone();
        if let Source::File(file) = &camera.source {
            camera.source = Source::File(rig.lend(file, Who::Service("camera"))?);
        }
        Ok(camera)
    };
    cameras.iter().map(share).collect()
}

/// A file that only the camera's user can read.
fn confide(rig: &Rig, path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let write = |mut file: File| {
        let owner = rig.users().users.get("vigla-camera").copied();
        if rig.separate_users() {
            std::os::unix::fs::fchown(&file, owner, owner)?;
        }
        file.write_all(text.as_bytes())
    };
    file.and_then(write)
        .with_context(|| format!("write `{}`", path.display()))
}

/// A card with this `enrolment.toml`, which its service may rewrite.
fn insert(rig: &Rig, text: &str) -> anyhow::Result<PathBuf> {
    let folder = rig.dir().join("card");
    let card = folder.join(vigla_fleet::invitation::FILE);
    let owner = rig.users().users.get("vigla-enrolment").copied();
    let owner = owner.filter(|_| rig.separate_users());
    let made = fs::DirBuilder::new().mode(0o700).create(&folder);
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&card)?;
        std::os::unix::fs::fchown(&file, owner, owner)?;
        file.write_all(text.as_bytes())?;
        std::os::unix::fs::chown(&folder, owner, owner)
    };
    made.and_then(|()| write())
        .with_context(|| format!("write `{}`", card.display()))?;
    Ok(card)
}

/// The repository's models, copied when the services have users of their own, who may not look
/// into the home folder that the clone is in.
fn models(rig: &Rig) -> anyhow::Result<PathBuf> {
    let models = places::repository().join("services/detector/models");
    if !rig.separate_users() {
        return Ok(models);
    }
    let target = rig.dir().join("models");
    copy(&models, &target).with_context(|| format!("copy `{}`", models.display()))?;
    Ok(target)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

impl Live {
    /// The broker's port, where there is one.
    pub(super) fn broker_port(&self) -> Option<u16> {
        self.broker.as_ref().map(Broker::port)
    }

    /// The folder with a log for each service, and with its settings.
    pub(super) fn folder(&self) -> &Path {
        self.rig.dir()
    }

    /// Of the private bus.
    pub(super) fn bus(&self) -> String {
        self.rig.address()
    }

    /// How to use the human tool on this private bus.
    pub(super) fn ctl_line(&self, words: &str) -> String {
        let program = places::beside("viglactl");
        let program = program
            .strip_prefix(places::repository())
            .unwrap_or(&program);
        format!(
            "DBUS_SYSTEM_BUS_ADDRESS={} {} {words}",
            self.rig.address(),
            program.display()
        )
    }

    /// Starts again what has died.
    pub(super) fn look_after(&mut self) -> anyhow::Result<()> {
        let mut no_bus = false;
        for ((noun, watched), fragment) in self.services.iter_mut().zip(&self.fragments) {
            let found = watched.look(noun, &self.rig.daemon(noun).settings(fragment))?;
            no_bus |= found == Found::NoBus;
        }
        if no_bus && UnixStream::connect(self.rig.dir().join("bus")).is_err() {
            say::trouble("  bus        ended, starting it again");
            self.rig.start_bus()?;
        }
        if let Some(broker) = &mut self.broker
            && !broker.runs()
        {
            say::trouble("  broker     ended, starting it again");
            broker.come_back()?;
        }
        Ok(())
    }

    /// Ends everything in the reverse order of the start, and removes every file.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        let step = Step::start("end");
        for (noun, watched) in self.services.into_iter().rev() {
            watched.stop(noun);
        }
        if let Some(broker) = self.broker {
            broker.stop().context("end the broker")?;
        }
        step.end("nothing is left behind");
        Ok(())
    }
}
