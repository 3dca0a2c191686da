//! Files and network cameras through ffmpeg.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vigla_testkit::{Daemon, until};

use crate::stage::{SOON, Stage, frame, metrics};

/// A short video of moving bars, made by ffmpeg itself; `None` without ffmpeg.
pub(crate) fn video(folder: &Path) -> Option<PathBuf> {
    let path = folder.join("bars.mp4");
    let status = Command::new("ffmpeg")
        .args([
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=320x180:rate=10:duration=1",
        ])
        .args(["-c:v", "mpeg4", "-y"])
        .arg(&path)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) => {
            assert!(status.success());
            Some(path)
        }
        Err(error) => {
            vigla_testkit::skip(&format!("no ffmpeg here: {error}"));
            None
        }
    }
}

/// The children of the daemon, by name.
fn children(daemon: &mut Daemon, name: &str) -> Vec<i32> {
    let parent = daemon.child().pid().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((head, tail)) = stat.rsplit_once(')') else {
            continue;
        };
        if head.ends_with(&format!("({name}")) && tail.split_whitespace().nth(1) == Some(&parent) {
            found.push(entry.file_name().to_string_lossy().parse().unwrap());
        }
    }
    found
}

fn is_gone(pid: i32) -> bool {
    // A zombie is gone as well: its parent has only not been told yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| {
        stat.rsplit_once(')')
            .is_some_and(|(_, tail)| tail.starts_with(" Z"))
    })
}

#[tokio::test]
async fn a_video_loops_and_its_child_is_started_again_and_never_left_behind() {
    let stage = Stage::new();
    let Some(path) = video(stage.kernel.root()) else {
        return;
    };
    let source = path.display();
    let mut daemon = stage.start(&format!("[camera.clip]\nsource = \"{source}\""));
    let client = stage.client().await;
    let mut reader = client.reader("clip", "native").await;
    let first = frame(&mut reader).0;
    assert_eq!((first.width, first.height), (320, 180));
    // More than the video has: it goes round.
    let mut last = first;
    while last.mono_usec < first.mono_usec + 1_500_000 {
        last = frame(&mut reader).0;
    }
    let child = until("a child", SOON, || children(&mut daemon, "ffmpeg").pop()).unwrap();
    let pid = nix::unistd::Pid::from_raw(child);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let other = until("another child", SOON, || {
        children(&mut daemon, "ffmpeg")
            .pop()
            .filter(|&pid| pid != child)
    });
    let other = other.unwrap();
    let seen = frame(&mut reader).0.frame_id;
    assert!(seen > last.frame_id);
    daemon.kill().unwrap();
    until("the child is gone", SOON, || is_gone(other).then_some(())).unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_tried_again() {
    let stage = Stage::new();
    let path = stage.kernel.root().join("later.mjpeg");
    let _daemon = stage.start(&format!("[camera.clip]\nsource = \"{}\"", path.display()));
    let client = stage.client().await;
    client.state("clip", "failed").await;
    client.problem("source-failed", "clip", true).await;
    let frames = stage.kernel.root().join("frames/320x240");
    std::fs::copy(frames.join("1.jpg"), &path).unwrap();
    client.state("clip", "streaming").await;
    client.problem("source-failed", "clip", false).await;
}

#[tokio::test]
async fn a_file_without_video_is_told_from_one_that_is_not_there() {
    let stage = Stage::new();
    if video(stage.kernel.root()).is_none() {
        return;
    }
    let folder = stage.kernel.root();
    let (notes, letters) = (folder.join("notes.mp4"), folder.join("letters.txt"));
    let silent = folder.join("silent.mjpeg");
    #[allow(clippy::disallowed_methods, reason = "files of a test")]
    {
        std::fs::write(&notes, "buy milk\n").unwrap();
        std::fs::write(&letters, "buy milk\n".repeat(1000)).unwrap();
        std::fs::write(&silent, "buy milk\n").unwrap();
    }
    let camera =
        |(name, path): (&str, &Path)| format!("[camera.{name}]\nsource = \"{}\"\n", path.display());
    let closed = folder.join("closed.mp4");
    std::fs::copy(&notes, &closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    let none = folder.join("none.mp4");
    let cameras = [
        ("notes", &*notes),
        ("letters", &*letters),
        ("silent", &*silent),
        ("closed", &*closed),
        ("none", &*none),
    ];
    let daemon = stage.start(&cameras.map(camera).concat());
    let client = stage.client().await;
    client.problem("source-no-video", "notes", true).await;
    client.problem("source-no-video", "letters", true).await;
    client.problem("source-no-video", "silent", true).await;
    client.problem("source-failed", "none", true).await;
    // Root may read everything, and is no daemon's user.
    if stage.rig.separate_users() || std::fs::File::open(&closed).is_err() {
        let code = "source-no-permission";
        client.problem(code, "closed", true).await;
    }
    let cause = "Invalid data found when processing input";
    assert!(daemon.log().contains(cause), "{}", daemon.log());
}

#[tokio::test]
async fn pictures_that_claim_to_be_huge_or_are_noise_do_no_harm() {
    let stage = Stage::new();
    let folder = stage.kernel.root();
    let good = std::fs::read(folder.join("frames/320x240/1.jpg")).unwrap();
    let at = good
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    let mut huge = good.clone();
    huge[at + 5..at + 9].fill(0xff);
    let noise: Vec<u8> = (0..50_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0])
        .collect();
    let mut bad = good.clone();
    bad.truncate(good.len() / 2);
    bad.extend(&noise);
    let (first, second) = (folder.join("huge.mjpeg"), folder.join("mixed.mjpeg"));
    #[allow(clippy::disallowed_methods, reason = "files of a test")]
    {
        std::fs::write(&first, &huge).unwrap();
        std::fs::write(&second, [huge, noise, bad, good].concat()).unwrap();
    }
    let _daemon = stage.start(&format!(
        "[camera.huge]\nsource = \"{}\"\n[camera.mixed]\nsource = \"{}\"",
        first.display(),
        second.display()
    ));
    let client = stage.client().await;
    let mut reader = client.reader("mixed", "jpeg").await;
    assert_eq!(frame(&mut reader).0.width, 320);
    client.until("torn", |c| c["huge"].picture == "torn").await;
    assert_eq!(client.cameras().await["huge"].state, "starting");
}

#[tokio::test]
async fn credentials_of_a_network_camera_are_seen_nowhere() {
    let stage = Stage::new();
    if video(stage.kernel.root()).is_none() {
        return;
    }
    let secret = stage.kernel.root().join("gate.credentials");
    #[allow(clippy::disallowed_methods, reason = "a file of a test")]
    std::fs::write(&secret, "admin:hunter2-very-secret\n").unwrap();
    let port = vigla_testkit::free_port().unwrap();
    let mut daemon = stage.start(&format!(
        "[camera.gate]\nsource = \"rtsp://127.0.0.1:{port}/live\"\ncredentials = \"{}\"",
        secret.display()
    ));
    let client = stage.client().await;
    let lines = until("a child", SOON, || {
        let pid = children(&mut daemon, "ffmpeg").pop()?;
        std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .ok()
            .filter(|line| line.contains("ffconcat") || line.contains("concat"))
    });
    assert!(!lines.unwrap().contains("hunter2"));
    let gate = client.state("gate", "failed").await;
    client.problem("source-unreachable", "gate", true).await;
    assert_eq!(gate.location, format!("rtsp://127.0.0.1:{port}/live"));
    for text in [daemon.log(), metrics(&stage.rig), format!("{gate:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(
        daemon.log().contains("Connection refused"),
        "{}",
        daemon.log()
    );
}
