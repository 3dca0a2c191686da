//! Problems: why a daemon is degraded, as a closed set of codes with a subject.
//!
//! On the bus a problem is `(ss)`: code and subject. The sentences that people read (what is
//! wrong, and what to do) stand here once, so that page, `viglactl` and journal say the same.

use serde::{Deserialize, Serialize};
use zbus::Type;

/// One reason why a daemon is degraded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Type)]
pub struct Problem {
    /// Kebab-case code, one of [`CODES`]; an unknown one means a newer daemon.
    pub code: String,
    /// The thing it is about: a camera id, a host, a file name. May be empty.
    pub subject: String,
}

/// A code with what it means and what to do; `{}` stands for the subject.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    /// The code on the wire.
    pub code: &'static str,
    /// What is wrong, a clause in lower case that follows "degraded, because".
    pub what: &'static str,
    /// The next step for a person. It names settings by their key and service, never by folder: the
    /// folder is another one on a device than in a trial run, and so is the place of the logs.
    pub fix: &'static str,
}

/// Every problem a daemon can report.
pub const CODES: &[Text] = &[
    text(
        "no-camera",
        "no camera is connected",
        "plug in a USB camera, or name a video in the settings of `vigla-camera`",
    ),
    text(
        "camera-gone",
        "camera `{}` is not plugged in",
        "plug it in; it keeps its name",
    ),
    text(
        "camera-failed",
        "camera `{}` gives no pictures",
        "check its cable and power; Vigla keeps trying",
    ),
    text(
        "not-a-camera",
        "the device of camera `{}` is no camera",
        "correct its `source`: a device that gives video, such as `/dev/video0`",
    ),
    text(
        "camera-format",
        "camera `{}` offers neither MJPEG nor YUYV",
        "use a camera that does",
    ),
    text(
        "camera-denied",
        "camera `{}` may not be opened",
        "add the daemon's user to the group of the device (`video`)",
    ),
    text(
        "camera-busy",
        "camera `{}` is used by another program",
        "stop the other program",
    ),
    text(
        "source-failed",
        "video source `{}` cannot be read",
        "check the file or address; Vigla keeps trying",
    ),
    text(
        "source-no-permission",
        "the video file of `{}` may not be read",
        "let the daemon's user read the file, and enter the folders above it; Vigla keeps trying",
    ),
    text(
        "source-no-video",
        "video source `{}` holds no video",
        "name a file or address that `ffmpeg` can play",
    ),
    text(
        "source-unreachable",
        "the network camera `{}` does not answer",
        "check its address, cable and power; Vigla keeps trying",
    ),
    text(
        "source-denied",
        "the network camera `{}` refuses us",
        "give it the right user and password",
    ),
    text(
        "source-no-path",
        "the network camera `{}` has no stream of this name",
        "correct the path in its address; the camera's manual has it",
    ),
    text(
        "no-ffmpeg",
        "the program `ffmpeg` is missing, which source `{}` needs",
        "install the package `ffmpeg`",
    ),
    text(
        "picture-black",
        "the picture of `{}` is black",
        "take the cap off, or switch on the light",
    ),
    text(
        "picture-dark",
        "the picture of `{}` is too dark to count in",
        "add light, or raise the exposure",
    ),
    text(
        "picture-frozen",
        "the picture of `{}` has stopped moving",
        "unplug the camera and plug it in again",
    ),
    text(
        "picture-torn",
        "pictures of `{}` arrive damaged",
        "use a shorter cable or another USB port",
    ),
    text(
        "no-library",
        "the inference library `{}` is missing",
        "install ONNX Runtime 1.27.0 and name it as `library` in the settings of `vigla-detector`",
    ),
    text(
        "library-broken",
        "the inference library `{}` is there and cannot be loaded",
        "put ONNX Runtime 1.27.0 for this machine in its place; the log of `vigla-detector` has the loader's words",
    ),
    text(
        "library-foreign",
        "`{}` is not the inference library ONNX Runtime 1.27",
        "put ONNX Runtime 1.27.0 in its place, or name another file as `library` in the settings of `vigla-detector`",
    ),
    text(
        "no-model",
        "model `{}` is not installed",
        "install it in one of the `model_dirs` of `vigla-detector`",
    ),
    text(
        "model-digest",
        "model `{}` does not match its digest",
        "install it again; the file is damaged",
    ),
    text(
        "model-failed",
        "model `{}` gave no answer",
        "choose another model with `viglactl detector load`",
    ),
    text(
        "label-unknown",
        "the model has no label `{}`, which is to be counted",
        "correct `labels` in the settings of `vigla-detector`; the words are in the model's `labels.txt`",
    ),
    text(
        "model-rejected",
        "the new model `{}` was refused, and the one before goes on",
        "see the log of `vigla-detector` for the reason",
    ),
    text(
        "no-peer",
        "service `{}` is not running",
        "see its log for the reason",
    ),
    text(
        "peer-silent",
        "service `{}` does not answer",
        "wait half a minute: on a device it is started anew; if it stays so, restart it and see its log",
    ),
    text(
        "no-broker",
        "the MQTT broker `{}` does not answer",
        "start it, or correct `broker` in the settings of `vigla-metrics`",
    ),
    text(
        "broker-refused",
        "the MQTT broker `{}` refuses us",
        "check user, password or certificate in the settings of `vigla-metrics`",
    ),
    text(
        "broker-untrusted",
        "nobody whom we trust vouches for the certificate of the MQTT broker `{}`",
        "name the file with its authority as `ca_file` in `[tls]` of the settings of `vigla-metrics`",
    ),
    text(
        "broker-expired",
        "the certificate of the MQTT broker `{}` has expired",
        "renew it at the broker, unless the clock of this node is wrong: compare it with `date`",
    ),
    text(
        "broker-not-yet",
        "the certificate of the MQTT broker `{}` is not valid yet by the clock of this node",
        "let the node reach a time server, or set its clock; compare it with `date`",
    ),
    text(
        "broker-name",
        "the certificate of the MQTT broker is for another name than `{}`",
        "name the broker in the settings of `vigla-metrics` as its certificate does",
    ),
    text(
        "broker-no-tls",
        "the MQTT broker `{}` does not speak TLS on this port",
        "correct the port of `broker` (often 8883), or `enabled` in `[tls]`, in the settings of `vigla-metrics`",
    ),
    text(
        "broker-wants-certificate",
        "the MQTT broker `{}` does not take our certificate, or wants one and gets none",
        "name one that it knows as `certificate_file` and `key_file` in `[tls]` of the settings of `vigla-metrics`",
    ),
    text(
        "tls-file",
        "`{}` cannot be used for the connection to the MQTT broker",
        "see the log of `vigla-metrics` for the reason, and correct the file or its name in the settings: `password_file`, or in `[tls]`",
    ),
    text(
        "tls-key",
        "the key `{}` does not belong to our certificate",
        "correct `certificate_file` or `key_file` in `[tls]` of the settings of `vigla-metrics`",
    ),
    text(
        "message-refused",
        "the MQTT broker refuses some of our messages: {}",
        "let this node publish its topics by the rights that the broker gives; what it refused is dropped and counted in `viglactl metrics queue`",
    ),
    text(
        "queue-disk",
        "what waits for the MQTT broker is kept in memory only: {}",
        "make room on the disk of the state folder, or mount it writable; `viglactl metrics queue` tells more",
    ),
    text(
        "label-not-counted",
        "label `{}` is not among those that the detector counts",
        "add it to `labels` of `vigla-detector`, or take it out of `[legacy]` of `vigla-metrics`",
    ),
    text(
        "no-state",
        "the state folder `{}` cannot be written",
        "check that its disk is mounted and not full",
    ),
    text(
        "no-machine-id",
        "this machine has no machine-id, so the node id changes at each start",
        "run `systemd-machine-id-setup`",
    ),
    text(
        "disk-full",
        "the file system at `{}` is nearly full",
        "make room, or raise `disk_percent` in `[health]` of the settings of `vigla-metrics`",
    ),
    text(
        "memory-low",
        "there is hardly any memory left",
        "stop what else runs on this node, or give it fewer cameras",
    ),
    text(
        "too-hot",
        "`{}` is too hot",
        "give the node air, a heat sink or a fan",
    ),
    text(
        "throttled",
        "the processor is slowed down to protect itself",
        "cool the node, and give it a stronger power supply",
    ),
    text(
        "undervoltage",
        "the supply voltage is too low",
        "use a stronger power supply and a shorter cable; pictures and files may be damaged until then",
    ),
    text(
        "card-worn",
        "disk `{}` will soon be worn out",
        "copy what you need, and replace it",
    ),
    text(
        "writes-over-budget",
        "service `{}` writes more to the disk than it should",
        "see its log for the reason, or raise `written_bytes_a_day` in `[health]` of the settings of `vigla-metrics`",
    ),
    text(
        "port-in-use",
        "port {} is used by another program",
        "stop it, or choose another `listen`, or another `port` in `[tls]`, in the settings of `vigla-gateway`",
    ),
    text(
        "certificate-refused",
        "the new certificate `{}` cannot be used, and the one before goes on",
        "see the log of `vigla-gateway` for the reason, and correct the files that `[tls]` of its settings names",
    ),
    text(
        "open-to-all",
        "everybody who reaches port {} sees the pictures without log-in",
        "set `open` to false in the settings of `vigla-gateway`, unless this is meant",
    ),
    text(
        "site-mistake",
        "the owner's file `vigla.toml` has a mistake in {}",
        "correct it on the card and start the node again: the page and `vigla-report.txt` say how",
    ),
    text(
        "site-trouble",
        "not all that the owner's file `vigla.toml` asks for could be done",
        "see the log of `vigla-site` for the reason, and start the node again",
    ),
    text(
        "update-no-rauc",
        "updates cannot be installed: RAUC does not answer",
        "see the log of `rauc` for the reason",
    ),
    text(
        "update-feed",
        "the release feed `{}` cannot be used",
        "see the log of `vigla-updater` for the reason, and correct `[feed]` in its settings",
    ),
    text(
        "update-fell-back",
        "version `{}` did not work here, and the node went back to the one before",
        "see `viglactl update history` for what failed, and install a version that works",
    ),
    text(
        "update-unwell",
        "at the last start the check `{}` of the mission gate failed",
        "see `viglactl update history` for what was looked at, and restart the node when it is mended",
    ),
    text(
        "not-joined",
        "the node cannot join its fleet (`{}`)",
        "see `viglactl enrolment status` for why, and for what to do",
    ),
];

const fn text(code: &'static str, what: &'static str, fix: &'static str) -> Text {
    Text { code, what, fix }
}

impl Problem {
    /// A problem with `code` about `subject`.
    pub fn new(code: &str, subject: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            subject: subject.into(),
        }
    }

    /// What is wrong, as a clause: ``the MQTT broker `localhost:1883` does not answer``.
    #[must_use]
    pub fn what(&self) -> String {
        self.known().map_or_else(
            || format!("{} {}", self.code, self.subject),
            |t| self.fill(t.what),
        )
    }

    /// What to do about it; empty when the code is not known here.
    #[must_use]
    pub fn fix(&self) -> String {
        self.known().map_or_else(String::new, |t| self.fill(t.fix))
    }

    fn known(&self) -> Option<&'static Text> {
        CODES.iter().find(|t| t.code == self.code)
    }

    fn fill(&self, template: &str) -> String {
        template.replace("{}", &self.subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_what_to_do() {
        let problem = Problem::new("no-broker", "localhost:1883");
        assert_eq!(
            problem.what(),
            "the MQTT broker `localhost:1883` does not answer"
        );
        assert!(problem.fix().starts_with("start it"));
    }

    #[test]
    fn an_unknown_code_is_shown_as_it_is() {
        assert_eq!(
            Problem::new("from-the-future", "x").what(),
            "from-the-future x"
        );
    }

    #[test]
    fn a_fix_is_right_on_a_device_and_in_a_trial_run() {
        let places = ["/etc", "/usr", "systemctl", "journalctl"];
        let wrong = |t: &&Text| places.iter().any(|place| t.fix.contains(place));
        assert_eq!(CODES.iter().find(wrong).map(|text| text.code), None);
    }

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let mut codes: Vec<_> = CODES.iter().map(|t| t.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
        assert!(
            codes
                .iter()
                .all(|c| c.chars().all(|x| x.is_ascii_lowercase() || x == '-'))
        );
    }
}
