//! P5: what a viewer on a bad network costs one on a good network, and us.

use std::time::Duration;

use vigla_system_tests::{Scene, Site, http};

use crate::film;
use crate::gauge::pause;
use crate::process::anonymous;
use crate::row::{Goal, Row};
use crate::viewer::{Seen, Viewer};

const ALONE: u32 = 10;
const BESIDE: u32 = 30;
/// After the slow one has come, until everything between us and it is full.
const FILL: Duration = Duration::from_secs(5);
/// Of the slow one, bytes a second.
const SLOW: usize = 200_000;

pub(crate) fn rows() -> anyhow::Result<Vec<Row>> {
    let mut site = Site::start(Scene::Passthrough)?;
    let _film = show_noise(&mut site)?;
    site.wait("pictures", Duration::from_secs(30), |state| {
        state["cameras"][0]["state"] == "streaming"
    })?;
    let gateway = site.daemon("gateway")?.child().pid();
    let picture = http::get(site.port, "/snapshot")?.bytes()?.len();

    let fast = Viewer::fast(site.port)?;
    pause(FILL);
    let (alone, before) = watch(&fast, gateway, ALONE)?;
    let slow = Viewer::slow(site.port, SLOW)?;
    pause(FILL);
    let sips = slow.seen();
    let (beside, after) = watch(&fast, gateway, BESIDE)?;
    let sips = slow.seen().pictures - sips.pictures;
    let grown = after.saturating_sub(before);
    let note = format!(
        "% of the frames that were captured, for {BESIDE} s; alone {alone:.2}; 720p JPEG of about {} kB at \
         10 fps, of which the slow one got {:.1} a second",
        picture / 1000,
        sips as f64 / f64::from(BESIDE)
    );
    Ok(vec![
        Row::limit(
            "P5",
            "frames of one client beside one at 200 kB/s",
            beside,
            Goal::AtLeast(99.5),
            note,
        ),
        Row::limit(
            "P5",
            "memory of the gateway for it, frames",
            grown as f64 / picture as f64,
            Goal::AtMost(1.0),
            format!(
                "{grown} bytes; anonymous memory at its highest with both, less the same with one: the picture on its \
                 way (1), 16 kB of the end of the one before ({:.2}), 9 kB of the connection, and for the rest holes \
                 between the allocator's blocks, which a second slow client uses again; the kernel's socket buffer is not in it",
                f64::from(16 << 10) / picture as f64
            ),
        ),
    ])
}

/// Has the camera show pictures as large as those of a camera. Gives the folder that they are in.
#[allow(clippy::disallowed_methods, reason = "a file of a temporary folder")]
fn show_noise(site: &mut Site) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("noise.mjpeg");
    std::fs::write(&file, film::noisy()?.concat())?;
    let shown = site.rig.share(&file)?;
    site.change("camera", |_| {
        format!(
            "auto = \"never\"\n[camera.street]\nsource = \"{}\"\nrate = 10.0\n",
            shown.display()
        )
    })?;
    Ok(folder)
}

/// The share of captured frames that `viewer` gets, in percent, and the most memory meanwhile.
fn watch(viewer: &Viewer, gateway: u32, seconds: u32) -> anyhow::Result<(f64, u64)> {
    let start = viewer.seen();
    let mut most = 0;
    for _ in 0..seconds * 4 {
        pause(Duration::from_millis(250));
        most = most.max(anonymous(gateway)?);
    }
    let Seen { pictures, frame } = viewer.seen();
    anyhow::ensure!(pictures > start.pictures, "the stream has ended");
    let share = (pictures - start.pictures) as f64 / (frame - start.frame) as f64;
    Ok((share * 100.0, most))
}
