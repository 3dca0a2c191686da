//! The node as the JSON interface shows it: put together from what the services say.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use vigla_bus::{
    Problem,
    camera::CameraState,
    detector::{Model, Shape},
    metrics::Sink,
};

use crate::{
    counts::{Counts, InView},
    sentence::{Sentence, anonymous, rank, sentence},
};

/// What was last heard from the services. Numbers that move with every frame are elsewhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Node {
    pub(crate) id: String,
    /// Presence of each service, in the order of `vigla_bus::names::SERVICES`.
    pub(crate) services: Vec<ServiceState>,
    /// Problems by the noun of the service that reports them.
    pub(crate) problems: Vec<(&'static str, Problem)>,
    pub(crate) model: Model,
    pub(crate) shapes: HashMap<String, Vec<Shape>>,
    pub(crate) cameras: BTreeMap<String, CameraState>,
    pub(crate) sinks: Vec<Sink>,
}

impl Node {
    /// The same without numbers that change all the time: what is worth an update at once.
    pub(crate) fn outline(&self) -> Self {
        let mut outline = self.clone();
        for camera in outline.cameras.values_mut() {
            camera.frame_rate = 0.0;
        }
        for sink in &mut outline.sinks {
            let (name, state) = (
                std::mem::take(&mut sink.name),
                std::mem::take(&mut sink.state),
            );
            *sink = Sink {
                name,
                state,
                ..Sink::default()
            };
        }
        outline
    }

    /// Whether `service` was there when we last looked.
    pub(crate) fn present(&self, noun: &str) -> bool {
        self.services.iter().any(|s| s.noun == noun && s.present)
    }

    /// The problems, each once, whoever reports it; the one that makes the sentence first.
    fn distinct(&self) -> Vec<(&'static str, &Problem)> {
        let mut distinct: Vec<(&'static str, &Problem)> = Vec::new();
        for (noun, problem) in &self.problems {
            if !distinct.iter().any(|(_, known)| *known == problem) {
                distinct.push((noun, problem));
            }
        }
        distinct.sort_by_key(|(_, problem)| rank(problem));
        distinct
    }

    pub(crate) fn sentence(&self) -> Sentence {
        self.sentence_of(Problem::clone)
    }

    /// The same for who has not logged in: it names no address, file or camera.
    pub(crate) fn public_sentence(&self) -> Sentence {
        self.sentence_of(anonymous)
    }

    fn sentence_of(&self, told: impl Fn(&Problem) -> Problem) -> Sentence {
        let distinct = self.distinct().into_iter();
        let problems: Vec<_> = distinct.map(|(_, problem)| told(problem)).collect();
        sentence(&problems, self.cameras.len())
    }

    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let tell = |(service, problem): (&'static str, &Problem)| Trouble {
            service,
            code: problem.code.clone(),
            subject: problem.subject.clone(),
            what: problem.what(),
            fix: problem.fix(),
        };
        self.distinct().into_iter().map(tell).collect()
    }

    /// The cameras, with what is in view now.
    pub(crate) fn cameras(&self, counts: &Counts) -> Vec<Camera> {
        self.cameras
            .values()
            .map(|camera| Camera {
                facts: camera.into(),
                in_view: counts.of(&camera.id),
                shapes: self.shapes.get(&camera.id).cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// Everything, for `/api/v1/state`.
    pub(crate) fn state(&self, counts: &Counts) -> State {
        State {
            node_id: self.id.clone(),
            version: env!("CARGO_PKG_VERSION"),
            sentence: self.sentence(),
            problems: self.troubles(),
            services: self.services.clone(),
            model: self.model.clone(),
            cameras: self.cameras(counts),
            sinks: self.sinks.clone(),
        }
    }
}

/// `/api/v1/state`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct State {
    node_id: String,
    version: &'static str,
    pub(crate) sentence: Sentence,
    pub(crate) problems: Vec<Trouble>,
    services: Vec<ServiceState>,
    model: Model,
    cameras: Vec<Camera>,
    sinks: Vec<Sink>,
}

/// A service and whether it is on the bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ServiceState {
    pub(crate) noun: &'static str,
    pub(crate) present: bool,
}

/// A problem in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Trouble {
    service: &'static str,
    code: String,
    subject: String,
    what: String,
    fix: String,
}

/// A camera: what it is, what is in view, and the shapes to draw over it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Camera {
    #[serde(flatten)]
    facts: Facts,
    #[serde(flatten)]
    in_view: InView,
    shapes: Vec<Shape>,
}

#[derive(Debug, Clone, Serialize)]
struct Facts {
    id: String,
    label: String,
    source: String,
    location: String,
    state: String,
    picture: String,
    format: String,
    width: u32,
    height: u32,
    frame_rate: f64,
    masks: u32,
}

impl Camera {
    pub(crate) fn id(&self) -> &str {
        &self.facts.id
    }
}

impl From<&CameraState> for Facts {
    fn from(camera: &CameraState) -> Self {
        Self {
            id: camera.id.clone(),
            label: camera.label.clone(),
            source: camera.source.clone(),
            location: camera.location.clone(),
            state: camera.state.clone(),
            picture: camera.picture.clone(),
            format: camera.format.clone(),
            width: camera.width,
            height: camera.height,
            frame_rate: (camera.frame_rate * 10.0).round() / 10.0,
            masks: camera.masks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_that_two_services_report_is_told_once() {
        let gone = Problem::new("no-peer", "vigla-camera");
        let node = Node {
            problems: vec![("detector", gone.clone()), ("gateway", gone)],
            ..Node::default()
        };
        assert_eq!(node.troubles().len(), 1);
        assert!(node.sentence().text.ends_with("is not running."));
    }

    #[test]
    fn a_stranger_is_told_how_it_is_and_no_address() {
        let node = Node {
            problems: vec![("metrics", Problem::new("no-broker", "10.9.8.7:1883"))],
            ..Node::default()
        };
        assert!(node.sentence().text.contains("10.9.8.7"));
        let said = node.public_sentence();
        assert_eq!(said.state, "degraded");
        assert!(!said.text.contains("10.9.8.7"), "{}", said.text);
    }

    #[test]
    fn the_outline_ignores_numbers_that_move() {
        let sink = |sent, state: &str| Sink {
            name: "mqtt".to_owned(),
            state: state.to_owned(),
            sent,
            ..Sink::default()
        };
        let node = |sent, state| Node {
            sinks: vec![sink(sent, state)],
            ..Node::default()
        };
        assert_eq!(
            node(1, "connected").outline(),
            node(2, "connected").outline()
        );
        assert_ne!(node(1, "connected").outline(), node(1, "refused").outline());
    }
}
