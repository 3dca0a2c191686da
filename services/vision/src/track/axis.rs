//! One number that moves: a Kalman filter of constant velocity.
//!
//! A track has four: centre x and y, width and height. They are kept apart because the noise of
//! one says nothing about another; that leaves a filter of two states and no matrices.

/// How far a measurement is off, as a share of the object's size.
const MEASUREMENT: f32 = 0.06;
/// How fast the velocity may change: sizes per second, per square root of a second.
const AGILITY: f32 = 2.0;
/// How little is known of the velocity of something new: sizes per second.
const UNKNOWN_VELOCITY: f32 = 3.0;
/// A coasting track loses its velocity with this time constant, in seconds.
const DAMPING: f32 = 0.8;

/// A position with its velocity, and how sure both are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) position: f32,
    pub(super) velocity: f32,
    /// Covariance: position, position with velocity, velocity.
    covariance: [f32; 3],
}

impl Axis {
    /// At rest at `position`; `size` is the object's extent along this axis.
    pub(super) fn new(position: f32, size: f32) -> Self {
        let (near, fast) = (MEASUREMENT * size, UNKNOWN_VELOCITY * size);
        Self {
            position,
            velocity: 0.0,
            covariance: [near * near, 0.0, fast * fast],
        }
    }

    /// Moves on by `seconds`.
    pub(super) fn predict(&mut self, seconds: f32, size: f32) {
        let [position, both, velocity] = self.covariance;
        let agility = AGILITY * size;
        let noise = agility * agility;
        self.position += self.velocity * seconds;
        self.covariance = [
            position + seconds * (2.0 * both + seconds * velocity) + noise * seconds.powi(3) / 3.0,
            both + seconds * velocity + noise * seconds.powi(2) / 2.0,
            velocity + noise * seconds,
        ];
    }

    /// Takes in where it was measured to be.
    pub(super) fn correct(&mut self, measured: f32, size: f32) {
        let [position, both, velocity] = self.covariance;
        let noise = (MEASUREMENT * size).powi(2).max(1e-10);
        let (gain, gain_velocity) = (position / (position + noise), both / (position + noise));
        let surprise = measured - self.position;
        self.position += gain * surprise;
        self.velocity += gain_velocity * surprise;
        self.covariance = [
            (1.0 - gain) * position,
            (1.0 - gain) * both,
            velocity - gain_velocity * both,
        ];
    }

    /// How surprising a measurement would be, in standard deviations.
    pub(super) fn surprise(&self, measured: f32, size: f32) -> f32 {
        let variance = self.covariance[0] + (MEASUREMENT * size).powi(2);
        (measured - self.position).abs() / variance.max(1e-10).sqrt()
    }

    /// Slows down: what is not seen is not trusted to go on for ever.
    pub(super) fn damp(&mut self, seconds: f32) {
        self.velocity *= (-seconds / DAMPING).exp();
    }

    /// Stands still from now on.
    pub(super) fn rest(&mut self) {
        self.velocity = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_a_velocity_and_predicts_with_it() {
        let mut axis = Axis::new(0.1, 0.1);
        for step in 1..=20_u8 {
            axis.predict(0.1, 0.1);
            axis.correct(0.1 + 0.02 * f32::from(step), 0.1);
        }
        assert!((axis.velocity - 0.2).abs() < 0.01, "{}", axis.velocity);
        axis.predict(0.5, 0.1);
        assert!((axis.position - 0.6).abs() < 0.02, "{}", axis.position);
    }

    #[test]
    fn noise_around_a_place_does_not_become_motion() {
        let mut axis = Axis::new(0.5, 0.1);
        for step in 0..100 {
            axis.predict(0.1, 0.1);
            axis.correct(if step % 2 == 0 { 0.503 } else { 0.497 }, 0.1);
        }
        assert!((axis.position - 0.5).abs() < 0.004);
        assert!(axis.velocity.abs() < 0.05);
    }
}
