//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Asks the Vigla services of this node, and tells them what to do.
///
/// Exit codes: 0 all is well, 1 something is not, 2 the command line is wrong, 69 a service or the
/// bus is not there, 78 the configuration is wrong.
#[derive(Debug, Parser)]
#[command(name = "viglactl", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Prints facts as JSON, one object (or one per file, event or moment) a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Says how the node is, and what to do if something is wrong.
    Status,
    /// Looks for what is wrong, and says why and what to do.
    Doctor,
    /// Gathers what helps whoever helps in one file, without passwords.
    SupportBundle(Bundle),
    /// Lists, shows and sets cameras.
    #[command(subcommand)]
    Camera(Camera),
    /// Shows the model and the events, and loads another model.
    #[command(subcommand)]
    Detector(Detector),
    /// Shows what leaves the node, and what waits.
    #[command(subcommand)]
    Metrics(Metrics),
    /// Makes, lists and revokes tokens of programs and links of guests for the page.
    #[command(subcommand)]
    Token(Token),
    /// Shows the slots, installs a version into the other one, and goes back.
    #[command(subcommand)]
    Update(Update),
    /// Shows how far the node is on its way into a fleet, and why it is not further.
    #[command(subcommand)]
    Enrolment(Enrolment),
    /// Has the node forget everything but the card's own files and the versions in its slots.
    Reset(Reset),
    /// Checks configuration.
    #[command(subcommand)]
    Config(Config),
    /// Finds objects in pictures and videos, without any service.
    Detect(Detect),
    /// Plays a saved clip under other settings, and shows which events would be others.
    Replay(Replay),
    /// Shows the counts of all cameras as they change, until Ctrl-C.
    Watch(Watch),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Camera {
    /// Lists the cameras and their state.
    List,
    /// Shows everything about one camera.
    Show {
        /// Id of the camera, as `viglactl camera list` shows it.
        camera: String,
    },
    /// Lists the controls that a camera offers, such as brightness.
    Controls {
        /// Id of the camera.
        camera: String,
    },
    /// Sets a control of a camera.
    Set {
        /// Id of the camera.
        camera: String,
        /// Name of the control, as `viglactl camera controls` shows it.
        control: String,
        /// The new value.
        #[arg(allow_negative_numbers = true)]
        value: i64,
    },
    /// Saves the newest picture of a camera as a JPEG file.
    Snapshot(Snapshot),
}

#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    /// Id of the camera; may be left out when there is only one.
    pub(crate) camera: Option<String>,
    /// Where to write the picture; `-` is standard output. By default `<camera>-<frame>.jpg`.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Enrolment {
    /// Shows state, reason, identity, and when it tries again.
    Status,
    /// Looks at each part of the way to the registrar: name, connection, proxy, clock, trust, claim.
    Check,
    /// Tries now instead of later.
    Retry,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Detector {
    /// Shows the model, the counted labels, zones and lines.
    Status,
    /// Loads another installed model; the one before stays if the new one does not answer.
    Load {
        /// Name of the model.
        model: String,
        /// Its version; the newest when left out.
        #[arg(default_value = "", hide_default_value = true)]
        version: String,
    },
    /// Lists what happened, oldest first.
    Events(Events),
}

#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Only events after the one with this id.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    pub(crate) after: u64,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(crate) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Metrics {
    /// Shows the account of each sink: accepted = sent + stored + dropped, by reason.
    Queue,
    /// Shows the last minute of the last run that ended badly.
    Blackbox,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Makes a token, and shows its secret once.
    Create(CreateToken),
    /// Lists the tokens and guest links.
    List,
    /// Takes a token or a guest link back; what came by it ends at once.
    Revoke {
        /// Id of the token, as `viglactl token list` shows it.
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateToken {
    /// What it is good for; may be repeated. `guest` makes a link for a person.
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = ["stream", "metrics", "api", "guest"])]
    pub(crate) scopes: Vec<String>,
    /// What to call it: the program or the person that gets it; its scopes when left out.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Ends after this time, such as `12h` or `30d`; never when left out, which a guest link cannot.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) expires: Option<std::time::Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Update {
    /// Shows the slots, their versions, and the job that runs.
    Status,
    /// Shows what the release feed and USB sticks offer.
    Check,
    /// Installs a bundle into the other slot, and restarts into it.
    Install(Install),
    /// Restarts from the other slot, with the version that is in it.
    Rollback,
    /// Shows what happened to the slots, and what was wrong with starts that failed.
    History {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=50))]
        limit: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    /// A file, an address (http, https), `feed` for the newest of the release feed, or `stick` for the
    /// newest on a USB stick.
    pub(crate) source: String,
    /// SHA-256 that the manifest of the bundle must have, 64 hexadecimal digits.
    #[arg(long, value_name = "HASH")]
    pub(crate) manifest_hash: Option<String>,
    /// Waits for the maintenance window.
    #[arg(long)]
    pub(crate) in_window: bool,
    /// Leaves the restart to you.
    #[arg(long)]
    pub(crate) no_restart: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    /// Does not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Checks the settings of one service, or of all that are installed.
    Check(Check),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The service: camera, detector, metrics, gateway, updater or enrolment; all when left out.
    pub(crate) noun: Option<String>,
    /// Reads settings from DIR/NOUN.d/*.toml instead of the usual places; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Bundle {
    /// The file to write (tar); there must be none of this name.
    #[arg(default_value = "vigla-support.tar")]
    pub(crate) file: PathBuf,
    /// Reads settings from DIR/NOUN.d/*.toml instead of the usual places; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// Pictures (JPEG, PNG, WebP, ...) and videos.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Writes what was found into pictures: a file for one FILE, a folder for several. The end of
    /// a video's name decides its format (.avi, .mp4, .mkv).
    #[arg(long, value_name = "OUT")]
    pub(crate) annotate: Option<PathBuf>,
    /// The model, `name` or `name@version`.
    #[arg(long, default_value = crate::detect::DEFAULT_MODEL)]
    pub(crate) model: String,
    /// A folder with models (`<name>/<version>/manifest.toml`); may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Vec<PathBuf>,
    /// The ONNX Runtime library.
    #[arg(long, value_name = "FILE")]
    pub(crate) library: Option<PathBuf>,
    /// Objects with a lower score are left out, 0 to 1.
    #[arg(long, default_value_t = 0.45, value_parser = share)]
    pub(crate) threshold: f32,
    /// Pictures of a video that are looked at per second, 0.01 to 60.
    #[arg(long, value_name = "RATE", default_value_t = 10.0, value_parser = rate)]
    pub(crate) rate: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A video or a picture; a picture is looked at for five seconds.
    pub(crate) file: PathBuf,
    /// Settings of the detector (TOML) that are laid over those in force, as one more file in
    /// `/etc/vigla/detector.d` would be.
    #[arg(long, value_name = "SETTINGS")]
    pub(crate) with: PathBuf,
    /// The camera that the clip is from: its zones, lines and thresholds apply. May be left out when
    /// the settings name at most one.
    #[arg(long, value_name = "ID")]
    pub(crate) camera: Option<String>,
    /// Events that are this far apart may be the same, "0s" to "1m".
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = apart)]
    pub(crate) within: std::time::Duration,
    /// Takes the settings in force from DIR/detector.d/*.toml; may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) config_dir: Vec<PathBuf>,
    /// A folder with models (`<name>/<version>/manifest.toml`); may be repeated.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Vec<PathBuf>,
    /// The ONNX Runtime library, where the settings name none.
    #[arg(long, value_name = "FILE")]
    pub(crate) library: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Only this camera.
    pub(crate) camera: Option<String>,
    /// Ends after so many seconds instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) seconds: Option<u64>,
}

fn apart(text: &str) -> Result<std::time::Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time.as_secs() <= 60 {
        Ok(time)
    } else {
        Err(String::from("must be 0s to 1m"))
    }
}

fn share(text: &str) -> Result<f32, String> {
    let value: f32 = text
        .parse()
        .map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(String::from("must be 0 to 1"))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let value: f64 = text
        .parse()
        .map_err(|_| format!("`{text}` is not a number"))?;
    if (0.01..=60.0).contains(&value) {
        Ok(value)
    } else {
        Err(String::from("must be 0.01 to 60"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_begins_with_a_sentence() {
        fn walk(command: &clap::Command) {
            let about = command
                .get_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                about.len() > 10 && about.starts_with(char::is_uppercase),
                "{}: {about:?}",
                command.get_name()
            );
            for inner in command
                .get_subcommands()
                .filter(|inner| inner.get_name() != "help")
            {
                walk(inner);
            }
        }
        walk(&Cli::command());
    }

    #[test]
    fn json_may_stand_anywhere() {
        for line in [
            ["viglactl", "--json", "camera", "list"],
            ["viglactl", "camera", "list", "--json"],
        ] {
            assert!(Cli::try_parse_from(line).unwrap().json);
        }
    }

    #[test]
    fn refuses_what_is_out_of_range() {
        for line in [
            "detect x --threshold 2",
            "detect x --rate 0",
            "detect x --rate 1e-300",
            "detect",
            "detector events --limit 0",
            "replay x",
            "replay x --with y --within 2h",
            "replay x --with y --within 3",
            "camera set a b c",
            "token create --name x",
            "update",
            "update install",
            "update history --limit 0",
            "token create --scope owner --name x",
            "token create --scope api --name x --expires soon",
        ] {
            let words = std::iter::once("viglactl").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
