//! The script of the street: who is where at which second. Pure, endless, the same at every start.
//!
//! Four lanes, each with one direction and one speed, so nobody overtakes or hides anybody: the
//! truth of a frame is unambiguous. Actors follow each other at irregular distances made from a
//! hash of their number. Cars of the near lane stop at a red light now and then.
//!
//! Coordinates are those of a picture of 1280 x 720, whatever the real size.

/// Width of the coordinate space.
pub const WIDTH: f64 = 1280.0;
/// Height of the coordinate space.
pub const HEIGHT: f64 = 720.0;

/// Seconds from one red light to the next, and how many of them it is red.
const LIGHT: (f64, f64) = (36.0, 7.0);

/// What an actor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A car.
    Car,
    /// A person.
    Person,
}

impl Kind {
    /// The label that a model would give.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Person => "person",
        }
    }
}

/// Somebody in the picture, maybe only in part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Actor {
    /// What it is.
    pub kind: Kind,
    /// Lane and number in it: the same actor has the same identity in every frame.
    pub identity: (usize, u64),
    /// Whether it moves to the right.
    pub rightwards: bool,
    /// Left, top, right, bottom in scene coordinates; may reach out of the picture.
    pub bounds: [f64; 4],
    /// How far it has come, scene units: turns wheels and swings legs.
    pub travelled: f64,
}

impl Actor {
    /// The part inside the picture as shares, if at least half of the actor is inside.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "shares need no more than f32"
    )]
    pub fn visible_bounds(&self) -> Option<[f32; 4]> {
        let [left, top, right, bottom] = self.bounds;
        let (inside_left, inside_right) = (left.max(0.0), right.min(WIDTH));
        if inside_right - inside_left < (right - left) / 2.0 {
            return None;
        }
        let share = |value: f64, whole: f64| (value / whole) as f32;
        Some([
            share(inside_left, WIDTH),
            share(top, HEIGHT),
            share(inside_right, WIDTH),
            share(bottom, HEIGHT),
        ])
    }
}

struct Lane {
    kind: Kind,
    rightwards: bool,
    /// Scene units per second.
    speed: f64,
    /// Where wheels or feet touch the ground.
    ground: f64,
    size: (f64, f64),
    /// Mean distance from one to the next.
    gap: f64,
    /// One in so many places stays empty.
    sparse: u64,
    obeys_light: bool,
}

/// Far to near, the order in which they are drawn.
const LANES: [Lane; 4] = [
    Lane {
        kind: Kind::Person,
        rightwards: false,
        speed: 52.0,
        ground: 408.0,
        size: (30.0, 78.0),
        gap: 330.0,
        sparse: 4,
        obeys_light: false,
    },
    Lane {
        kind: Kind::Car,
        rightwards: false,
        speed: 210.0,
        ground: 478.0,
        size: (170.0, 64.0),
        gap: 680.0,
        sparse: 4,
        obeys_light: false,
    },
    Lane {
        kind: Kind::Car,
        rightwards: true,
        speed: 250.0,
        ground: 577.0,
        size: (226.0, 84.0),
        gap: 760.0,
        sparse: 3,
        obeys_light: true,
    },
    Lane {
        kind: Kind::Person,
        rightwards: true,
        speed: 78.0,
        ground: 708.0,
        size: (46.0, 120.0),
        gap: 520.0,
        sparse: 3,
        obeys_light: false,
    },
];

/// Whether the light for the near lane is red at `seconds`.
pub fn is_red(seconds: f64) -> bool {
    seconds.rem_euclid(LIGHT.0) >= LIGHT.0 - LIGHT.1
}

/// Everybody who is in the picture at `seconds`, at least by a pixel, far ones first.
pub fn at(seconds: f64) -> Vec<Actor> {
    let lanes = LANES.iter().enumerate();
    lanes
        .flat_map(|(index, lane)| lane.actors(index, seconds))
        .collect()
}

impl Lane {
    fn actors(&self, index: usize, seconds: f64) -> Vec<Actor> {
        let (length, height) = self.size;
        let path = self.path(seconds);
        // Head starts: the street is not empty at second 0.
        let path = path + WIDTH * 0.8;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 0"
        )]
        let newest = (path / self.gap).max(0.0) as u64;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive"
        )]
        let reach = ((WIDTH + length) / self.gap).ceil() as u64 + 1;
        (newest.saturating_sub(reach)..=newest)
            .filter(|&number| !hash(index, number).is_multiple_of(self.sparse))
            .filter_map(|number| {
                let front = path - self.offset(index, number);
                if front <= 0.0 || front - length >= WIDTH {
                    return None;
                }
                let (left, right) = if self.rightwards {
                    (front - length, front)
                } else {
                    (WIDTH - front, WIDTH - front + length)
                };
                Some(Actor {
                    kind: self.kind,
                    identity: (index, number),
                    rightwards: self.rightwards,
                    bounds: [left, self.ground - height, right, self.ground],
                    travelled: front,
                })
            })
            .collect()
    }

    /// How far the lane has moved since second 0, red lights taken off.
    fn path(&self, seconds: f64) -> f64 {
        if !self.obeys_light {
            return self.speed * seconds;
        }
        let (cycle, red) = LIGHT;
        let whole = (seconds / cycle).floor();
        let green = (seconds - whole * cycle).min(cycle - red);
        self.speed * (whole * (cycle - red) + green)
    }

    /// Where the actor stands in the line; never closer to the one before than its length and a bit.
    #[allow(clippy::cast_precision_loss, reason = "numbers stay far below 2^52")]
    fn offset(&self, index: usize, number: u64) -> f64 {
        let free = self.gap - self.size.0 * 1.4;
        let jitter = (hash(index, number) >> 8 & 0xff) as f64 / 256.0;
        number as f64 * self.gap + jitter * free
    }
}

/// A number that looks random and is the same everywhere (the finaliser of `MurmurHash3`).
pub fn hash(lane: usize, number: u64) -> u64 {
    let mut x = number ^ (lane as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d;
    x = (x ^ x >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ x >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}

#[cfg(test)]
mod tests;
