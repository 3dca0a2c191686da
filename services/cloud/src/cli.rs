//! The command line.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use k8s_openapi::jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config, ResourceExt as _};
use vigla_cloud::{authority, backup, claim, device, install};
use vigla_fleet::crd::Approve;
use vigla_fleet::endpoint::Endpoint;

/// Makes camera nodes part of your cluster.
#[derive(Debug, Parser)]
#[command(name = "kubectl-vigla", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The kubeconfig; as kubectl finds it when left out.
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in it.
    #[arg(long, global = true)]
    context: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts the registrar into the cluster, or a newer one over it.
    Install(Install),
    /// Makes, lists and revokes claims.
    #[command(subcommand)]
    Claim(Claim),
    /// Approves, suspends, releases and forgets devices.
    #[command(subcommand)]
    Device(Device),
    /// Shows and changes the authorities that devices and the broker believe.
    #[command(subcommand)]
    Authority(Authority),
    /// Writes everything that the registrar keeps into a file; who has it can sign grants.
    Backup {
        /// A new file that only you can read.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Brings it back, into a cluster where the registrar is not installed yet.
    Restore {
        /// What `backup` wrote.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Authority {
    /// Shows the pins of what signs now, will, and did.
    Show(Of),
    /// Makes the next one: devices learn of it when they ask next.
    Prepare(Of),
    /// The next one signs from now on; both are believed.
    Switch {
        #[command(flatten)]
        of: Of,
        /// Even if there are devices that have not asked since.
        #[arg(long)]
        anyway: bool,
    },
    /// The old one is believed no more.
    Finish(Of),
}

#[derive(Debug, Clone, Copy, Args)]
struct Of {
    /// The one that lets devices in at the broker, instead of the one that they pin.
    #[arg(long)]
    broker: bool,
}

impl Of {
    const fn which(self) -> authority::Which {
        if self.broker {
            authority::Which::Broker
        } else {
            authority::Which::Registrar
        }
    }
}

#[derive(Debug, Args)]
struct Install {
    /// A value of the chart, such as `cluster.flavour=k3s`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Only prints what would be written, as JSON, one object a line.
    #[arg(long)]
    print: bool,
}

#[derive(Debug, Subcommand)]
enum Claim {
    /// Makes a claim, and prints its `enrolment.toml` once.
    Create(Create),
    /// Lists the claims.
    List,
    /// Takes a claim back. Devices that have joined with it stay.
    Revoke {
        /// The name of the claim: its first eight letters and digits.
        name: String,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// What the devices have in common, a label of their nodes.
    #[arg(long, default_value = "")]
    group: String,
    /// So many devices may join with it.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=100_000))]
    uses: i32,
    /// Nobody can join with it after this time, such as `12h` or `7d`.
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Duration,
    /// Whether a person looks at each device first.
    #[arg(long, value_enum, default_value_t = By::Auto)]
    approve: By,
    /// Only for this model; may be repeated.
    #[arg(long = "model", value_name = "MODEL")]
    models: Vec<String>,
    /// The ring of updates.
    #[arg(long, default_value = "")]
    ring: String,
    /// A label for the nodes; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Where devices reach the registrar, like `https://enrol.example:8443`.
    #[arg(long, value_name = "URL")]
    endpoint: Endpoint,
    /// Writes the file there instead of printing it.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Prints no QR code.
    #[arg(long)]
    no_qr: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// No.
    Auto,
    /// Yes.
    Manual,
}

#[derive(Debug, Subcommand)]
enum Device {
    /// Lets a device join that waits for it.
    Approve(Name),
    /// Takes back what can be taken back, until the device is released.
    Suspend(Name),
    /// Lets a suspended device join again, or chooses between two boards with one key.
    Release {
        #[command(flatten)]
        name: Name,
        /// Of two boards with one key, the one that is the device.
        #[arg(long, value_enum)]
        board: Option<Which>,
    },
    /// As suspend, for good: the device needs a new claim.
    Forget(Name),
}

#[derive(Debug, Args)]
struct Name {
    /// The device, as `kubectl get devices` shows it.
    #[arg(value_name = "DEVICE")]
    name: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// The one that joined.
    Known,
    /// The one that came later.
    Other,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it is not KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(work(cli))
}

async fn work(cli: Cli) -> anyhow::Result<()> {
    if let Command::Install(Install { set, print: true }) = &cli.command {
        for object in install::objects(&set.iter().cloned().collect())? {
            println!("{object}");
        }
        return Ok(());
    }
    let client = connect(&cli).await?;
    match cli.command {
        Command::Install(Install { set, .. }) => {
            let set: BTreeMap<_, _> = set.into_iter().collect();
            let count = install::install(&client, &set).await?;
            println!(
                "{count} objects are written; `kubectl -n vigla-system get pods` shows the registrar"
            );
        }
        Command::Claim(Claim::Create(order)) => create(&client, order).await?,
        Command::Claim(Claim::List) => {
            println!(
                "{:<10} {:<16} {:>11} {:<22} STATE",
                "CLAIM", "GROUP", "USES", "EXPIRES"
            );
            for claim in claim::list(&client).await? {
                let spec = &claim.spec;
                let used = claim.status.as_ref().map_or(0, |status| status.uses);
                let share = format!("{used} of {}", spec.max_uses);
                let state = if spec.revoked {
                    "revoked"
                } else if spec.not_after.0 <= Timestamp::now() {
                    "expired"
                } else {
                    "open"
                };
                let (name, ends) = (claim.name_any(), spec.not_after.0);
                println!(
                    "{name:<10} {:<16} {share:>11} {ends:<22} {state}",
                    spec.group
                );
            }
        }
        Command::Claim(Claim::Revoke { name }) => {
            claim::revoke(&client, &name).await?;
            println!("the claim is revoked; devices that have joined with it stay");
        }
        Command::Device(device) => decide(&client, device).await?,
        Command::Authority(change) => reform(&client, change).await?,
        Command::Backup { output } => {
            let text = backup::save(&client).await?;
            keep(&output, text.as_bytes())
                .with_context(|| format!("write `{}`", output.display()))?;
            let (count, path) = (text.lines().count(), output.display());
            println!("{count} objects are in `{path}`; who has it can sign grants");
        }
        Command::Restore { file } => {
            let text = std::fs::read_to_string(&file).map(zeroize::Zeroizing::new);
            let text = text.with_context(|| format!("read `{}`", file.display()))?;
            let count = backup::restore(&client, &text).await?;
            println!("{count} objects are there again; now `kubectl vigla install`");
        }
    }
    Ok(())
}

async fn connect(cli: &Cli) -> anyhow::Result<Client> {
    let options = KubeConfigOptions {
        context: cli.context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = match &cli.kubeconfig {
        Some(path) => {
            let file = Kubeconfig::read_from(path)
                .with_context(|| format!("read `{}`", path.display()))?;
            Config::from_custom_kubeconfig(file, &options).await?
        }
        None => Config::from_kubeconfig(&options)
            .await
            .context("find a kubeconfig; name one with `--kubeconfig`")?,
    };
    Client::try_from(config).context("use the kubeconfig")
}

async fn create(client: &Client, create: Create) -> anyhow::Result<()> {
    // Asked first: a claim without the pin of its registrar would be of no use.
    claim::pins(client).await?;
    let order = claim::Order {
        group: create.group,
        uses: create.uses,
        expires: create.expires,
        approve: match create.approve {
            By::Auto => Approve::Auto,
            By::Manual => Approve::Manual,
        },
        models: create.models,
        ring: create.ring,
        labels: create.label.into_iter().collect(),
    };
    let made = claim::create(client, &order, Timestamp::now().as_second()).await?;
    let invitation = claim::invitation(client, made, create.endpoint).await?;
    let text = invitation.write();
    if let Some(path) = &create.output {
        keep(path, text.as_bytes()).with_context(|| format!("write `{}`", path.display()))?;
        eprintln!(
            "`{}` is for the card; whoever has it can join",
            path.display()
        );
    } else {
        print!("{}", text.as_str());
    }
    if !create.no_qr {
        eprint!("{}", claim::picture(&text)?);
    }
    Ok(())
}

/// A new file that only its owner reads.
fn keep(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

async fn reform(client: &Client, change: Authority) -> anyhow::Result<()> {
    match change {
        Authority::Show(of) => {
            for part in authority::show(client, of.which()).await? {
                println!("{:<5} {}", part.role, part.pin);
            }
        }
        Authority::Prepare(of) => {
            authority::prepare(client, of.which()).await?;
            println!("the next one is made; within a minute whoever asks is told of both");
        }
        Authority::Switch { of, anyway } => {
            authority::switch(client, of.which(), anyway).await?;
            println!("the next one signs from now on; the old one is believed until `finish`");
        }
        Authority::Finish(of) => {
            authority::finish(client, of.which()).await?;
            println!("the old one is believed no more");
        }
    }
    Ok(())
}

async fn decide(client: &Client, command: Device) -> anyhow::Result<()> {
    match command {
        Device::Approve(Name { name }) => {
            device::approve(client, &name).await?;
            println!("`{name}` is approved; it joins when it asks next");
        }
        Device::Suspend(Name { name }) => {
            device::suspend(client, &name).await?;
            println!(
                "`{name}` is suspended; `kubectl get device {name}` shows what was taken back"
            );
        }
        Device::Release { name, board } => {
            let board = board.map(|board| match board {
                Which::Known => device::Which::Known,
                Which::Other => device::Which::Other,
            });
            device::release(client, &name.name, board).await?;
            println!("`{}` is released; it joins when it asks next", name.name);
        }
        Device::Forget(Name { name }) => {
            device::forget(client, &name).await?;
            println!("`{name}` is forgotten; with a new claim it can join again");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
