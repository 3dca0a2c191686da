//! `cargo xtask image`: from Debian packages and this repository to a card and an update bundle.
//!
//! One root tree, two builders: this is the twin's. The policy (packages, partitions, presets, where
//! state lives, boot script) stands in `image/`; here is only how a tree becomes bits, the same
//! bits from the same commit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};

use crate::packages::{self, Consent};
use crate::say::Step;
use crate::{places, process};

mod archive;
mod audit;
mod bundle;
mod cross;
pub(crate) mod delta;
mod diff;
mod disk;
mod explain;
mod ffmpeg;
mod firewall;
mod initramfs;
mod k3s;
mod lock;
mod machine;
pub(crate) mod oci;
pub(crate) mod remake;
mod report;
mod sbom;
mod tools;
mod tree;

use archive::Archive;
use disk::Disk;
use tree::Tree;

pub(crate) use audit::capability;
pub(crate) use bundle::authority;
pub(crate) use cross::packages as crates;
pub(crate) use disk::{Partition, partitions};
pub(crate) use firewall::rules as firewall;
pub(crate) use machine::Machine;
pub(crate) use tools::Tools;
pub(crate) use tree::{MASKED, SILENCED, files_below};

/// Who the image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// No password, no console, ssh only with the owner's key
    Prod,
    /// A root shell on the serial console
    Dev,
}

/// What to build.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The board
    #[arg(long, value_enum, default_value = "qemu-arm64")]
    machine: Machine,
    /// Who the image is for
    #[arg(long, value_enum, default_value = "prod")]
    variant: Variant,
    /// The version that bundle and device show; without it that of the workspace
    #[arg(long, value_name = "V")]
    version: Option<String>,
    /// K3s for arm64 (`k3s-arm64` of its release page) to put into the image
    #[arg(long, value_name = "FILE")]
    k3s: Option<PathBuf>,
    /// A folder with `signer.pem`, `signer.key` and `keyring.pem`; without it this clone's development authority
    #[arg(long, value_name = "FOLDER")]
    signer: Option<PathBuf>,
    /// Pin what Debian has today in `image/twin/lock.toml`, and stop
    #[arg(long)]
    update: bool,
    /// Say who puts this file of the device into the image, and which rule starts a unit; and stop
    #[arg(long, value_name = "FILE")]
    explain: Option<String>,
    /// Install missing packages without asking
    #[arg(long, short)]
    yes: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// What is done with images that are there.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Says what changed between two images: packages, files, rights, ports, units, capabilities
    Diff(diff::Options),
    /// Looks for secrets, rights and identities in an image or any root tree
    Audit(audit::Options),
}

impl Options {
    /// An image of one kind, with everything else as usual.
    pub(crate) fn of(machine: Machine, variant: Variant, yes: bool) -> Self {
        Self {
            machine,
            variant,
            version: None,
            k3s: None,
            signer: None,
            update: false,
            explain: None,
            yes,
            verb: None,
        }
    }
}

/// Builds the image.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    match &options.verb {
        Some(Verb::Diff(cards)) => return diff::run(cards),
        Some(Verb::Audit(image)) => return audit::run(image),
        None => {}
    }
    if let Some(file) = &options.explain {
        return explain::explain(file, options.machine);
    }
    packages::install(packages::IMAGE, Consent::from_flag(options.yes))?;
    let archive = Archive::open()?;
    if options.update {
        return update(&archive);
    }
    let lock = lock::read()?;
    let tools = Tools::open(&lock, &archive)?;
    let missed = tools.compare(&lock)?;
    let build = Build {
        options,
        lock: &lock,
        archive: &archive,
        tools: &tools,
        missed,
        epoch: epoch()?,
    };
    build.run()
}

/// Writes a file of the build.
#[allow(
    clippy::disallowed_methods,
    reason = "a build that is cut short is made again from its beginning"
)]
pub(crate) fn put(path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let path = path.as_ref();
    fs::write(path, text).with_context(|| format!("write `{}`", path.display()))
}

/// Where images and what they are made of are put.
pub(crate) fn folder() -> PathBuf {
    places::target().join("image")
}

/// The bare card of a variant, as QEMU takes it.
pub(crate) fn card(machine: Machine, variant: Variant) -> PathBuf {
    let variant = match variant {
        Variant::Prod => "prod",
        Variant::Dev => "dev",
    };
    folder().join(format!("vigla-{}-{variant}.img", machine.name()))
}

/// What a card is made of, kept for those who look into it.
fn work(card: &Path) -> PathBuf {
    card.with_extension("work")
}

/// One build: what it is made with, and what it is called.
struct Build<'a> {
    options: &'a Options,
    lock: &'a lock::Lock,
    archive: &'a Archive,
    tools: &'a Tools,
    /// Tools whose version is not the pinned one.
    missed: usize,
    /// Of the commit, in seconds.
    epoch: u64,
}

impl Build<'_> {
    fn run(&self) -> anyhow::Result<()> {
        let programs = cross::programs(self.tools)?;
        let ffmpeg = ffmpeg::make(self.tools, self.archive, &self.lock.source)?;
        let card = card(self.options.machine, self.options.variant);
        let work = work(&card);
        fs::create_dir_all(&work).with_context(|| format!("make `{}`", work.display()))?;
        let signer = bundle::signer(self.tools, self.options.signer.as_deref())?;
        let (tree, mut replaced) = self.tree(&work, &programs, &ffmpeg, &signer)?;
        replaced.extend(ffmpeg.replaced.clone());
        let disk = Disk {
            folder: work.clone(),
            tools: self.tools,
            epoch: self.epoch,
        };
        let step = Step::start("card");
        let slot = disk.slot(&tree.root)?;
        let boot = disk.boot(self.options.machine, &work.join("kernel"))?;
        let made = disk.card(&slot, &boot, "card.img")?;
        fs::rename(&made, &card)?;
        let [packed, map] = report::pack(self.tools, &card)?;
        step.end(packed.display());

        let step = Step::start("bundle");
        let bundle = card.with_extension("raucb");
        bundle::sign(self.tools, &self.about(), &slot, &signer, &bundle)?;
        step.end(bundle.display());

        let step = Step::start("report");
        let pins = self.lock.of(self.options.machine).concat();
        let k3s = self.options.k3s.as_deref().map(k3s::about).transpose()?;
        let of_source = [pins.as_slice(), std::slice::from_ref(&ffmpeg.source)].concat();
        let manifest = report::manifest(&of_source, &replaced, self.missed, k3s.as_ref());
        put(card.with_extension("manifest"), manifest)?;
        let inventory = card.with_extension("cdx.json");
        sbom::write(
            &inventory,
            self.version(),
            self.epoch,
            &pins,
            &cross::packages()?,
            &ffmpeg.source,
            k3s.as_ref(),
        )?;
        let shipped = [packed, map, bundle];
        let whole = report::sizes(
            &card.with_extension("sizes.json"),
            &tree,
            &programs,
            &shipped,
        )?;
        step.end(format_args!(
            "root {} MB, {}",
            whole / 1_000_000,
            inventory.display()
        ));
        Ok(())
    }

    /// The root tree, finished.
    fn tree(
        &self,
        work: &Path,
        programs: &cross::Programs,
        ffmpeg: &ffmpeg::Made,
        signer: &bundle::Signer,
    ) -> anyhow::Result<(Tree<'_>, Vec<lock::Pin>)> {
        let step = Step::start("packages");
        let [root, kernel] = self.lock.of(self.options.machine);
        let (root, mut replaced) = self.archive.fetch(&root)?;
        let (kernel, newer) = self.archive.fetch(&kernel)?;
        replaced.extend(newer);
        step.end(format_args!(
            "{} of the root, {} beside it",
            root.len(),
            kernel.len()
        ));
        let step = Step::start("root");
        let beside = work.join("kernel");
        Tree::unpack(&beside, &kernel, self.tools)?;
        let tree = Tree::unpack(&work.join("root"), &root, self.tools)?;
        tree.settle()?;
        tree.dress(programs)?;
        tree.add(&ffmpeg.program, ffmpeg::PLACE)?;
        tree.identify(self.options.machine, self.version())?;
        fs::copy(&signer.keyring, tree.root.join("etc/rauc/keyring.pem"))?;
        tree.firmware(self.options.machine, &beside)?;
        if let Some(k3s) = &self.options.k3s {
            k3s::install(k3s, &tree.root)?;
        }
        if self.options.variant == Variant::Dev {
            tree.lay("image/dev")?;
        }
        let version = initramfs::kernel_version(&beside)?;
        tree.kernel(&beside, &version)?;
        tree.bake()?;
        initramfs::make(&tree, &beside, &version, self.tools, self.epoch)?;
        tree.disarm()?;
        let looked = audit::check(&tree.root)?;
        tree.stamp(self.epoch)?;
        step.end(format_args!(
            "kernel {version}, {looked} files and folders looked at"
        ));
        Ok((tree, replaced))
    }

    fn version(&self) -> &str {
        self.options
            .version
            .as_deref()
            .unwrap_or(env!("CARGO_PKG_VERSION"))
    }

    fn about(&self) -> bundle::About<'_> {
        bundle::About {
            compatible: self.options.machine.compatible(),
            version: self.version(),
            build: self.epoch,
            format: bundle::Format::Verity,
            payload: bundle::Payload::Compressed,
        }
    }
}

/// The time that every file gets: that of the commit.
pub(crate) fn epoch() -> anyhow::Result<u64> {
    let mut git = Command::new("git");
    git.args(["log", "-1", "--format=%ct"])
        .current_dir(places::repository());
    let text = process::output(&mut git).context("ask git for the time of the commit")?;
    text.trim().parse().context("git's time of the commit")
}

/// Writes the lock file anew.
fn update(archive: &Archive) -> anyhow::Result<()> {
    let step = Step::start("lock");
    step.begin("asking Debian's archive");
    archive.refresh()?;
    let mut lock = lock::Lock {
        root: archive.resolve(&lock::wanted("packages")?)?,
        kernel: archive.exactly(&lock::wanted("kernel")?)?,
        rpi4: archive.exactly(&lock::wanted("rpi4")?)?,
        cross: archive.exactly(&lock::wanted("cross")?)?,
        source: vec![archive.source(ffmpeg::NAME)?],
        tools: Vec::new(),
    };
    lock.tools = Tools::open(&lock, archive)?.versions()?;
    lock::write(&lock)?;
    step.end(format_args!(
        "{} packages, {} tools",
        lock.root.len(),
        lock.tools.len()
    ));
    Ok(())
}
