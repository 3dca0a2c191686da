//! Why a service has a problem: what it usually is, and what is seen of it on this machine. Pure.

use vigla_bus::Problem;

use super::facts::Facts;

/// The usual cause of each problem of which nothing can be seen from here.
const USUAL: &[(&str, &str)] = &[
    (
        "camera-failed",
        "its cable, its power or its USB port is bad, or its firmware hangs",
    ),
    (
        "not-a-camera",
        "the `source` in its settings is another device, or the second node of a camera",
    ),
    (
        "camera-format",
        "it sends only formats that nobody here decodes, such as H.264 or NV12",
    ),
    (
        "camera-busy",
        "a device gives its pictures to one program at a time; `fuser -v /dev/video*` shows which",
    ),
    (
        "source-failed",
        "its file is not there or is damaged, or its network camera sends what `ffmpeg` cannot decode",
    ),
    (
        "source-no-permission",
        "the mode of the file, or of a folder above it, does not let the daemon's user in; `namei -l` with its path shows which",
    ),
    (
        "source-no-video",
        "the file is text, sound or cut off, or the address gives no pictures",
    ),
    (
        "source-unreachable",
        "the network camera is off or has another address, or a firewall is between",
    ),
    (
        "source-denied",
        "user or password are wrong, or missing: `credentials` in its settings names their file",
    ),
    (
        "source-no-path",
        "what stands behind the host in its address is none of its streams",
    ),
    (
        "no-ffmpeg",
        "the package `ffmpeg` is not installed, or not in the daemon's `PATH`",
    ),
    (
        "picture-black",
        "the lens is covered, there is no light, or the exposure is fixed too low",
    ),
    (
        "picture-dark",
        "there is too little light, or the exposure is fixed too low",
    ),
    (
        "picture-frozen",
        "the camera hangs and sends the same picture again and again",
    ),
    (
        "picture-torn",
        "data is lost on the way: a long cable, a hub, a weak supply",
    ),
    (
        "no-library",
        "there is no such file in the usual places, or where the settings say",
    ),
    (
        "library-broken",
        "it is damaged, made for another machine, or lacks a library that it needs",
    ),
    (
        "library-foreign",
        "it is another library, or ONNX Runtime of another version",
    ),
    (
        "no-model",
        "its manifest, or the file that the manifest names, is not there",
    ),
    (
        "model-digest",
        "the file was damaged, cut off, or exchanged without its manifest",
    ),
    (
        "model-failed",
        "it is not what its manifest says, or there is too little memory for it",
    ),
    (
        "model-rejected",
        "it does not match its digest or its manifest, or does not know a counted label",
    ),
    (
        "label-unknown",
        "the label is misspelt, or belongs to another model",
    ),
    (
        "label-not-counted",
        "`labels` of the detector and `[legacy]` of the metrics service do not agree",
    ),
    (
        "no-peer",
        "it was stopped, it ended, or it was never installed",
    ),
    ("peer-silent", "it hangs, or the machine is overloaded"),
    ("no-broker", "nobody answers at this address"),
    (
        "broker-refused",
        "user or password are wrong or missing, this client may not connect, or another one has its name",
    ),
    (
        "broker-untrusted",
        "its certificate comes from an authority of its own, or somebody stands in between",
    ),
    (
        "broker-expired",
        "nobody has renewed its certificate, or our clock is ahead",
    ),
    (
        "broker-not-yet",
        "our clock is behind, or the certificate is for later",
    ),
    (
        "broker-name",
        "it is reached by another name than that in its certificate, or it is another machine",
    ),
    (
        "broker-no-tls",
        "this port speaks plain MQTT, or something else",
    ),
    (
        "broker-wants-certificate",
        "it asks clients for a certificate, and does not know the authority of ours",
    ),
    (
        "tls-file",
        "it is not there, the daemon's user may not read it, or it holds no password, certificate or key (PEM)",
    ),
    (
        "tls-key",
        "key and certificate are of two pairs, or the certificate was renewed without its key",
    ),
    (
        "message-refused",
        "the broker's rights do not let this node publish to these topics",
    ),
    (
        "queue-disk",
        "what is written below the state folder comes back as an error",
    ),
    (
        "no-state",
        "what is written below the state folder comes back as an error",
    ),
    (
        "no-machine-id",
        "`/etc/machine-id` is missing or empty, as in some containers and images",
    ),
    (
        "disk-full",
        "recordings, logs or other programs fill it; `du -xh -d2` shows which",
    ),
    (
        "memory-low",
        "other programs, or more cameras than this node can take",
    ),
    (
        "too-hot",
        "there is too little air, or the sun shines on it",
    ),
    ("throttled", "it is too hot, or its supply too weak"),
    (
        "undervoltage",
        "the power supply is too weak, or its cable too long or thin",
    ),
    (
        "card-worn",
        "it was written as much as it can take, or will have been soon",
    ),
    (
        "writes-over-budget",
        "its queue is written while the broker is away, or its log is long",
    ),
    (
        "port-in-use",
        "another program listens there; `ss -ltnp` shows which",
    ),
    (
        "certificate-refused",
        "a file is missing, cannot be read by `vigla-gateway`, or is no PEM, or the key is that of another certificate",
    ),
    (
        "open-to-all",
        "`open` is true in the settings of `vigla-gateway`, and its port can be reached from other machines",
    ),
    (
        "site-mistake",
        "a key is misspelt, or a value is not of the form that its manual in the file says",
    ),
    (
        "site-trouble",
        "a file could not be written, or a program of the system refused",
    ),
    (
        "update-no-rauc",
        "RAUC does not start: its settings are wrong, or the kernel's command line names no slot",
    ),
    (
        "update-feed",
        "its server does not answer, nobody whose key is in the folder of keys signed it, it has ended, or it is older than one that was seen",
    ),
    (
        "update-fell-back",
        "what worked before did not work with it, or it did not start at all; its dossier in `viglactl update history` says which",
    ),
    (
        "update-unwell",
        "a service did not start, a camera is unplugged, nothing is counted, the queue is not on disk, or the page does not answer",
    ),
    (
        "not-joined",
        "the network does not let it through to the registrar, or the registrar does not let it in",
    ),
];

/// Why `problem` is there, as far as it can be seen from here; empty only for what a newer service says.
pub(super) fn cause(problem: &Problem, facts: &Facts) -> String {
    seen(problem, facts).unwrap_or_else(|| {
        let mut usual = USUAL.iter();
        let usual = usual.find(|(code, _)| *code == problem.code);
        usual.map_or_else(String::new, |(_, cause)| (*cause).to_owned())
    })
}

/// What this machine shows of it.
fn seen(problem: &Problem, facts: &Facts) -> Option<String> {
    let subject = &problem.subject;
    let none = facts.devices.is_empty();
    Some(match problem.code.as_str() {
        "no-camera" | "camera-gone" if none => {
            "there is no `/dev/video*`: none is plugged in, or the kernel has no driver for it"
                .to_owned()
        }
        "no-camera" => format!("none of {} is a camera that can be used", devices(facts)),
        "camera-gone" => format!(
            "it was unplugged, or is in another port than its `source` says: there is {}",
            devices(facts)
        ),
        "camera-denied" if none => {
            "the device's mode and group do not let the daemon's user in".to_owned()
        }
        "camera-denied" => format!(
            "the daemon's user is not in the group of its device: there is {}",
            devices(facts)
        ),
        "broker-not-yet" if !facts.clock.synced => {
            "no time service disciplines our clock".to_owned()
        }
        "no-broker" | "not-joined" => facts.doors.get(subject)?.clone(),
        _ => facts.files.get(subject).filter(|s| !s.is_empty())?.clone(),
    })
}

/// The video devices with what lets a user in.
fn devices(facts: &Facts) -> String {
    let all = facts.devices.iter();
    let all = all.map(|d| {
        let path = d.path.display();
        format!("`{path}` (mode {:o}, group {})", d.mode, d.group)
    });
    all.collect::<Vec<_>>().join(", ")
}
