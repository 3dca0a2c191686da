//! The zones and counting lines of one camera, with what they must remember.

use vigla_vision::track::Track;
use vigla_vision::zone::{LineCounter, Polygon};

use crate::config::Camera;
use crate::policy::Crossing;

/// Where objects are, and which lines they have gone over.
#[derive(Debug)]
pub(crate) struct Shapes {
    zones: Vec<(String, Polygon)>,
    lines: Vec<(String, LineCounter)>,
}

impl Shapes {
    pub(crate) fn new(camera: &Camera) -> Self {
        let zones = camera.zones.iter();
        let lines = camera.lines.iter();
        Self {
            zones: zones.map(|(n, zone)| (n.clone(), zone.clone())).collect(),
            lines: lines
                .map(|(n, line)| (n.clone(), LineCounter::new(*line)))
                .collect(),
        }
    }

    /// Names of the zones that hold a foot point.
    pub(crate) fn zones(&self, foot: (f32, f32)) -> Vec<String> {
        let holding = self.zones.iter().filter(|(_, zone)| zone.contains(foot));
        holding.map(|(name, _)| name.clone()).collect()
    }

    /// The lines that `tracks` have just gone over.
    pub(crate) fn step(&mut self, tracks: &[Track]) -> Vec<Crossing> {
        let mut crossings = Vec::new();
        for (name, line) in &mut self.lines {
            for track in tracks {
                if let Some(way) = line.observe(track.id, track.bounds.foot()) {
                    crossings.push(Crossing {
                        track: track.id,
                        line: name.clone(),
                        way: way.name(),
                    });
                }
            }
        }
        crossings
    }

    /// Forgets tracks that are gone for good.
    pub(crate) fn forget(&mut self, gone: &[Track]) {
        for (_, line) in &mut self.lines {
            line.retain(|id| gone.iter().all(|track| track.id != id));
        }
    }
}
