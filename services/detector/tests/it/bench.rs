//! A private bus with a scripted camera and the real detector on it, and a client.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use vigla_bus::Problem;
use vigla_bus::daemon::DaemonProxy;
use vigla_bus::detector::{DetectorProxy, FrameDetections};
use vigla_bus::names::DETECTOR;
use vigla_bus::zbus::{self, connection};
use vigla_frames::{Reader, Wait};
use vigla_testkit::{Child, Daemon, Rig};

use crate::camera::{self, Script};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that runs. Fields end in this order: the detector before the bus.
pub(crate) struct Bench {
    pub(crate) detector: DetectorProxy<'static>,
    pub(crate) daemon: Daemon,
    pub(crate) camera: Child,
    pub(crate) connection: zbus::Connection,
    pub(crate) rig: Rig,
}

impl Bench {
    /// Starts the camera with `script`, and the detector with library and models of the
    /// repository and `settings` on top.
    pub(crate) async fn start(script: Script, settings: &str) -> Self {
        let rig = rig();
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let settings = usual(&rig, &models) + settings;
        Self::start_on(rig, script, &settings).await
    }

    /// The same on a bus that is there, with no other settings than `settings`.
    pub(crate) async fn start_on(rig: Rig, script: Script, settings: &str) -> Self {
        let camera = camera::start(&rig, script);
        let daemon = rig.daemon("detector").settings(settings).start().unwrap();
        let address = rig.address();
        let connection = connection::Builder::address(address.as_str());
        let connection = connection.build().await.unwrap();
        let detector = DetectorProxy::builder(&connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
            .unwrap();
        Self {
            detector,
            daemon,
            camera,
            connection,
            rig,
        }
    }

    /// Waits for something, but not for ever.
    pub(crate) async fn soon<T>(&self, event: impl Future<Output = T>) -> T {
        let in_time = tokio::time::timeout(PATIENCE, event).await.ok();
        let Some(value) = in_time else {
            panic!("not in time; the detector says:\n{}", self.daemon.log());
        };
        value
    }

    /// What the daemon says is wrong.
    pub(crate) async fn problems(&self) -> Vec<Problem> {
        let daemon = DaemonProxy::of(&self.connection, DETECTOR).await.unwrap();
        daemon.problems().await.unwrap()
    }

    /// Waits until the daemon has a problem with `code`, or none at all for the empty code.
    pub(crate) async fn problem(&self, code: &str) {
        let there = async {
            loop {
                let problems = self.problems().await;
                let found = problems.iter().any(|problem| problem.code == code);
                if found || code.is_empty() && problems.is_empty() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        self.soon(there).await;
    }

    /// The records of the camera, from now on.
    pub(crate) async fn records(&self) -> Records {
        let open = async {
            loop {
                let options = std::collections::HashMap::new();
                match self.detector.open("front", options).await {
                    Ok(handles) => return handles,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let handles = self.soon(open).await;
        let (ring, leases) = (handles.ring.into(), handles.leases.into());
        Records {
            reader: Reader::open(ring, leases, handles.wakeup.into()).unwrap(),
        }
    }
}

/// A bus with the shipped policy of the detector, and one of our own for the scripted camera:
/// this crate is tested without any other daemon's files.
pub(crate) fn rig() -> Rig {
    static REPOSITORY: OnceLock<PathBuf> = OnceLock::new();
    let repository = REPOSITORY.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let repository = Path::new(env!("CARGO_TARGET_TMPDIR")).join("detector");
        let services = repository.join("services");
        copy(&here.join("dist"), &services.join("detector/dist"));
        copy(&here.join("tests/camera"), &services.join("camera/dist"));
        repository
    });
    Rig::start_for(repository).unwrap()
}

/// Settings that name library and models, readable for the detector's user.
pub(crate) fn usual(rig: &Rig, models: &Path) -> String {
    let library = rig.share(&crate::clip::library()).unwrap();
    let models = share_tree(rig, models);
    let mut settings = String::new();
    let _ = writeln!(settings, "library = {:?}", library.display().to_string());
    let _ = writeln!(
        settings,
        "model_dirs = [{:?}]",
        models.display().to_string()
    );
    settings
}

/// A copy of a folder of models in the rig.
fn share_tree(rig: &Rig, from: &Path) -> PathBuf {
    let to = rig.dir().join("models");
    copy(from, &to);
    to
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A reader of the detection ring.
#[derive(Debug)]
pub(crate) struct Records {
    reader: Reader,
}

impl Records {
    /// The next record.
    pub(crate) async fn next(&mut self) -> FrameDetections {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // A short wait: the runtime of the test has one thread.
            match self.reader.wait(Duration::from_millis(5)).unwrap() {
                Wait::Frame => {}
                Wait::Timeout => {
                    assert!(tokio::time::Instant::now() < deadline, "no record in time");
                    tokio::task::yield_now().await;
                    continue;
                }
                Wait::WriterGone => panic!("the detection ring is gone"),
            }
            if let Some(lease) = self.reader.latest() {
                assert_eq!(&lease.meta().fourcc, b"JSON");
                let record: FrameDetections = serde_json::from_slice(lease.bytes()).unwrap();
                assert_eq!(record.frame_id, lease.meta().frame_id);
                return record;
            }
        }
    }

    /// The next `count` records that were seen.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<FrameDetections> {
        let mut records = Vec::with_capacity(count);
        while records.len() < count {
            records.push(self.next().await);
        }
        records
    }

    /// The first record that is `wanted`.
    pub(crate) async fn find(
        &mut self,
        wanted: impl Fn(&FrameDetections) -> bool,
    ) -> FrameDetections {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let record = self.next().await;
            if wanted(&record) {
                return record;
            }
            let late = tokio::time::Instant::now() > deadline;
            assert!(!late, "no such record in time; the last was {record:?}");
        }
    }
}
