//! What the person is told when everything is up, and the browser.

use std::env;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::cameras::Camera;
use super::live::Live;
use crate::{places, say};

/// The address, and the lines to try first.
pub(super) fn announce(live: &Live, cameras: &[Camera], port: u16, took: Duration) {
    let ids: Vec<_> = cameras.iter().map(|camera| camera.id.as_str()).collect();
    say::line(format_args!(
        "\nVigla is up after {}: http://127.0.0.1:{port}\n\nIt looks at {}. Try:",
        say::seconds(took),
        ids.join(", ")
    ));
    if let Some(broker) = live.broker_port() {
        // 1883 is what mosquitto_sub takes by itself.
        let option = if broker == 1883 {
            String::new()
        } else {
            format!("-p {broker} ")
        };
        hint(
            &format!("mosquitto_sub {option}-t 'demo/#' -v"),
            "the counts, once a second",
        );
    }
    let page = format!("http://127.0.0.1:{port}");
    hint(
        &format!("curl {page}/snapshot -o now.jpg"),
        "the newest picture",
    );
    hint(&format!("ffplay {page}/stream"), "the picture, moving");
    hint(&format!("curl {page}/metrics"), "all figures");
    hint(&live.ctl_line("status"), "");
    say::line(format_args!(
        "\nLogs and settings (etc/<service>.d) are in {}. Ctrl-C ends everything.",
        live.folder().display()
    ));
}

/// A line to try, and what comes of it.
pub(super) fn hint(command: &str, gives: &str) {
    say::line(format!("  {command:<50}  {gives}").trim_end());
}

/// Opens the page where there is a screen. It is a kindness: its failure is nobody's problem.
pub(super) fn open(port: u16) {
    let screen = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| env::var_os(name).is_some());
    let Some(program) = places::program("xdg-open").filter(|_| screen) else {
        return;
    };
    let _ = Command::new(program)
        .arg(format!("http://127.0.0.1:{port}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}
