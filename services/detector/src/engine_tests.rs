//! Engine and loader together: models are swapped while pictures flow.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use vigla_kit::Problems;
use vigla_vision::canned::see;
use vigla_vision::catalogue::FindError;
use vigla_vision::engine::ModelError;
use vigla_vision::manifest::Digest;
use vigla_vision::{Canned, Manifest};

use super::*;
use crate::loader::{Desk, Loader, Refusal, desk};
use crate::metrics::Metrics;
use crate::roster::Need;
use crate::shelf::{LoadError, Shelf};

const MANIFEST: &str = r#"
name = "NAME"
version = 1
description = "plays a script"
licence = "Apache-2.0"
digest = "sha256:bca023daa7e7de2bfd985b3b9e9e8b7215d070380f1c39f82c83d52cc4997b80"
decoder = "coco-ssd"
[input]
tensor = "image"
width = 64
height = 48
layout = "nhwc"
colour = "rgb"
fit = "stretch"
"#;

pub(crate) fn manifest(name: &str) -> Manifest {
    let text = MANIFEST.replace("NAME", name);
    Manifest::parse(Path::new("/m"), &text, "person\ncar\ntruck\n").unwrap()
}

/// A model that always sees one `label`.
pub(crate) fn seeing(name: &str, label: &'static str) -> Box<dyn Model> {
    let manifest = manifest(name);
    let answer = see(&manifest, label, 0.9, [0.4, 0.4, 0.6, 0.6]).unwrap();
    Box::new(Canned::new(manifest, move |_| Ok(vec![answer.clone()])))
}

fn failing(name: &str) -> Box<dyn Model> {
    let error = InferError::Run {
        model: name.to_owned(),
        message: "out of luck".to_owned(),
    };
    let manifest = manifest(name);
    Box::new(Canned::new(manifest, move |_| Err(error.clone())))
}

type Maker = Box<dyn Fn() -> Result<Box<dyn Model>, LoadError> + Send>;

/// A shelf whose content tests change.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<BTreeMap<String, Maker>>>);

impl Script {
    fn put(
        &self,
        name: &str,
        maker: impl Fn() -> Result<Box<dyn Model>, LoadError> + Send + 'static,
    ) {
        let mut models = self.0.lock().unwrap();
        models.insert(name.to_owned(), Box::new(maker));
    }
}

impl Shelf for Script {
    fn load(&self, name: &str, _: &str) -> Result<Box<dyn Model>, LoadError> {
        let models = self.0.lock().unwrap();
        let known = models.keys().cloned().collect();
        let name = name.to_owned();
        match models.get(&name) {
            Some(maker) => maker(),
            None => Err(LoadError::Find(FindError::Name { name, known })),
        }
    }

    fn fingerprint(&self) -> u64 {
        self.0.lock().unwrap().len() as u64
    }
}

fn damaged() -> LoadError {
    LoadError::Open(ModelError::Digest {
        path: "/m/model.onnx".into(),
        expected: Digest::of(b"whole"),
        found: Digest::of(b"half"),
    })
}

/// Engine and loader on their threads; they end when it is dropped.
struct Bench {
    door: Door,
    desk: Desk,
    problems: Problems,
    stop: Arc<AtomicBool>,
    _needed: watch::Sender<Need>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn bench(script: &Script, wanted: &str) -> Bench {
    let (engine, door) = Engine::new();
    let stop = Arc::new(AtomicBool::new(false));
    let (desk, requests) = desk();
    let (needed, is_needed) = watch::channel(Need::Model);
    let problems = Problems::default();
    let loader = Loader {
        shelf: Box::new(script.clone()),
        door: door.clone(),
        problems: problems.clone(),
        metrics: Metrics::new(&prometheus::Registry::new()).unwrap(),
        wanted: (wanted.to_owned(), String::new()),
        needed: is_needed,
        loaded: false,
    };
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || engine.run(|| {}, || stopped.load(Ordering::Relaxed)));
    let stopped = Arc::clone(&stop);
    std::thread::spawn(move || loader.run(&requests, || stopped.load(Ordering::Relaxed)));
    Bench {
        door,
        desk,
        problems,
        stop,
        _needed: needed,
    }
}

async fn running(bench: &Bench, name: &str) {
    let mut running = bench.door.running().clone();
    let there = running.wait_for(|now| now.as_ref().is_some_and(|now| now.model.name == name));
    tokio::time::timeout(Duration::from_secs(10), there)
        .await
        .expect("the model runs in time")
        .unwrap();
}

async fn problem(bench: &Bench, code: &str) {
    let mut changed = bench.problems.changed();
    let there = changed.wait_for(|all| all.iter().any(|problem| problem.code == code));
    tokio::time::timeout(Duration::from_secs(10), there)
        .await
        .unwrap_or_else(|_| panic!("problem `{code}` in time"))
        .unwrap();
}

fn label(door: &Door) -> Result<String, NoAnswer> {
    let answer = door.look(Picture::new(64, 48));
    assert_eq!(
        answer.picture.rgb.len(),
        64 * 48 * 3,
        "the buffer comes back"
    );
    Ok(answer.detections?[0].label.to_string())
}

#[tokio::test]
async fn a_good_model_takes_over_and_a_bad_one_changes_nothing() {
    let script = Script::default();
    script.put("old", || Ok(seeing("old", "car")));
    script.put("new", || Ok(seeing("new", "person")));
    script.put("torn", || Err(damaged()));
    let bench = bench(&script, "old");
    running(&bench, "old").await;
    assert_eq!(label(&bench.door).unwrap(), "car");

    let refusal = bench.desk.load("torn", "").await.unwrap_err();
    let Refusal::Failed(error) = refusal else {
        panic!("{refusal:?}");
    };
    assert!(matches!(
        error.bus_error(),
        vigla_bus::Error::InvalidArgument(_)
    ));
    assert_eq!(label(&bench.door).unwrap(), "car");
    problem(&bench, "model-rejected").await;

    assert_eq!(bench.desk.load("new", "1").await.unwrap().name, "new");
    assert_eq!(label(&bench.door).unwrap(), "person");
    assert_eq!(bench.problems.list(), []);
}

#[tokio::test]
async fn without_a_model_it_says_so_and_takes_the_first_that_appears() {
    let script = Script::default();
    let bench = bench(&script, "late");
    problem(&bench, "no-model").await;
    assert!(matches!(label(&bench.door), Err(NoAnswer::NoModel)));
    script.put("late", || Ok(seeing("late", "truck")));
    running(&bench, "late").await;
    let mut changed = bench.problems.changed();
    changed.wait_for(BTreeSet::is_empty).await.unwrap();
}

#[tokio::test]
async fn a_model_that_stops_answering_is_given_up() {
    let script = Script::default();
    script.put("moody", || Ok(failing("moody")));
    let bench = bench(&script, "moody");
    running(&bench, "moody").await;
    for _ in 0..PATIENCE {
        assert!(matches!(label(&bench.door), Err(NoAnswer::Infer(_))));
    }
    let mut running = bench.door.running().clone();
    running.wait_for(Option::is_none).await.unwrap();
    problem(&bench, "model-failed").await;
}

#[tokio::test]
async fn one_load_at_a_time() {
    let script = Script::default();
    let (entered, enter) = std::sync::mpsc::channel();
    let (leave, left) = std::sync::mpsc::channel::<()>();
    let left = Mutex::new(left);
    script.put("slow", move || {
        let _ = entered.send(());
        let _ = left.lock().unwrap().recv();
        Ok(seeing("slow", "car"))
    });
    let bench = bench(&script, "slow");
    enter.recv().unwrap();
    // The loader still has the first load in hand; one request waits, another is refused.
    let first = bench.desk.load("slow", "");
    let second = async {
        let second = bench.desk.load("slow", "").await;
        assert!(matches!(second, Err(Refusal::Busy)));
        drop(leave);
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.unwrap().name, "slow");
}
