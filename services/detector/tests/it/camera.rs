//! A camera service for tests: the real contract, and pictures from a script.
//!
//! It is this test program started once more under the camera's user, so that it can be killed
//! like the real one.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use vigla_bus::Error;
use vigla_bus::camera::{CameraState, RingHandles};
use vigla_bus::names::{CAMERA, camera_path};
use vigla_bus::zbus::{self, Variant, connection, fdo::ObjectManager};
use vigla_frames::{Config, Door, Meta, Writer};
use vigla_kit::Clock;
use vigla_testkit::{Child, Rig, Who};

/// What the environment variable `SCRIPT` says.
const SCRIPT: &str = "VIGLA_TEST_SCRIPT";

/// Pictures a second.
const RATE: f64 = 20.0;

/// What the camera shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// [`crate::scene`], with its truth.
    Truth,
    /// The same, and between good frames every kind of broken one.
    Broken,
    /// The street clip, over and over.
    Clip,
    /// One frame of it, for ever.
    Still,
}

impl Script {
    const ALL: [(Self, &str); 4] = [
        (Self::Truth, "truth"),
        (Self::Broken, "broken"),
        (Self::Clip, "clip"),
        (Self::Still, "still"),
    ];

    fn source(self) -> &'static str {
        match self {
            Self::Truth | Self::Broken => "synthetic",
            Self::Clip | Self::Still => "replay",
        }
    }
}

/// Starts the camera service; its one camera is `front`.
pub(crate) fn start(rig: &Rig, script: Script) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(rig.share(&program).unwrap());
    command.args([
        "--exact",
        "camera::plays_a_script",
        "--ignored",
        "--nocapture",
    ]);
    let name = Script::ALL.iter().find(|(known, _)| *known == script);
    command.env(SCRIPT, name.unwrap().1);
    command.env("VIGLA_TEST_CLIP", crate::clip::shared(rig));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    rig.run_as(Who::Service("camera"), &mut command);
    Child::start("camera", &mut command).unwrap()
}

#[test]
#[ignore = "not a test: other tests start it as a process of its own"]
fn plays_a_script() {
    let Some(name) = std::env::var_os(SCRIPT) else {
        return;
    };
    let script = Script::ALL.iter().find(|(_, known)| name == *known);
    let script = script.unwrap().0;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(serve(script)).unwrap();
}

async fn serve(script: Script) -> zbus::Result<()> {
    let config = Config {
        slots: 4,
        slot_bytes: 1 << 20,
    };
    let mut ring = Writer::create("native", config).unwrap();
    let camera = Camera {
        door: ring.door(),
        state: state(script),
    };
    let _connection = connection::Builder::system()
        .serve_at(CAMERA.path, ObjectManager)
        .serve_at(camera_path("front"), camera)
        .name(CAMERA.name)
        .build()
        .await?;
    let mut pace = tokio::time::interval(Duration::from_secs_f64(1.0 / RATE));
    let clock = Clock::system();
    // Unlike the real one it numbers its frames on over restarts, by the clock.
    let next = AtomicU64::new(clock.now_usec() / 50_000);
    let mut clip = (script.source() == "replay").then(crate::clip::frames);
    if script == Script::Still {
        clip.as_mut().unwrap().truncate(1);
    }
    loop {
        pace.tick().await;
        let frame_id = next.fetch_add(1, Ordering::Relaxed);
        let picture = match (script, &clip) {
            (Script::Broken, _) if crate::faults::is_broken(frame_id) => {
                crate::faults::broken(frame_id)
            }
            (_, Some(clip)) => clip[usize::try_from(frame_id).unwrap() % clip.len()].clone(),
            _ => crate::scene::picture(frame_id),
        };
        let meta = Meta {
            frame_id,
            time_usec: clock.now_usec(),
            mono_usec: clock.mono_usec(),
            width: 640,
            height: 272,
            fourcc: *b"MJPG",
            mask_digest: 0,
        };
        let _ = ring.publish(meta, &picture);
    }
}

fn state(script: Script) -> CameraState {
    CameraState {
        id: "front".into(),
        label: "front".into(),
        source: script.source().into(),
        state: "streaming".into(),
        picture: "ok".into(),
        format: "MJPG".into(),
        width: 640,
        height: 272,
        frame_rate: RATE,
        ..CameraState::default()
    }
}

struct Camera {
    door: Door,
    state: CameraState,
}

#[zbus::interface(name = "org.vigla.Camera1.Camera")]
#[allow(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the contract says so"
)]
impl Camera {
    fn open(
        &self,
        encoding: &str,
        options: HashMap<&str, Variant<'_>>,
    ) -> Result<RingHandles, Error> {
        assert_eq!(encoding, "native");
        assert!(options.contains_key("wakeups"));
        let handles = self.door.add_reader(true).unwrap();
        Ok(RingHandles {
            ring: handles.ring.into(),
            leases: handles.leases.into(),
            wakeup: handles.wakeup.into(),
        })
    }

    #[zbus(property)]
    fn id(&self) -> String {
        self.state.id.clone()
    }

    #[zbus(property)]
    fn source(&self) -> String {
        self.state.source.clone()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        self.state.state.clone()
    }
}
