//! Devices, two registrars and their API server over a network that loses, doubles and delays, with power cuts, killed
//! registrars, clocks that jump and copied cards: by a seed, so that every run can be run again.
//!
//! The devices decide with [`vigla_fleet::device`], the registrars with [`vigla_fleet::admission`], as the real ones do;
//! the API server is changed one object at a time; keys and proofs are numbers. Never may a claim be used more often
//! than it allows, a generation be granted to two keys, or two boards belong to the fleet by one key; and once nothing
//! goes wrong any more, every device that has a claim belongs to it.
//!
//! `VIGLA_SEEDS` says how many seeds are tried, `VIGLA_SEED` is the one to try alone, with its trace.
#![allow(missing_docs, reason = "a test binary")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod api;
mod chance;
mod node;
mod registrar;
mod world;

use world::World;

/// In the usual run: within two minutes on two slow cores.
const SEEDS: u64 = 10_000;

#[test]
#[allow(clippy::disallowed_methods, reason = "switches of a test")]
fn every_seed_ends_well() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    if let Some(seed) = number("VIGLA_SEED") {
        let mut world = World::new(seed, true);
        let ended = world.run();
        eprintln!("{}", world.trace().join("\n"));
        ended.unwrap();
        return;
    }
    let seeds = number("VIGLA_SEEDS").unwrap_or(SEEDS);
    let mut seen = world::Seen::default();
    for seed in 0..seeds {
        let mut world = World::new(seed, false);
        if let Err(why) = world.run() {
            let mut again = World::new(seed, true);
            let _ = again.run();
            let trace = again.trace().join("\n");
            panic!("{trace}\nseed {seed}: {why}; VIGLA_SEED={seed} runs it alone");
        }
        seen.add(world.seen());
    }
    eprintln!("{seeds} seeds: {seen:?}");
    // A simulation in which nothing goes wrong shows nothing.
    if seeds >= 100 {
        seen.is_of_everything();
    }
}

#[test]
fn a_seed_runs_the_same_way_twice() {
    for seed in 0..20 {
        let run = || {
            let mut world = World::new(seed, true);
            world.run().unwrap();
            world.trace().to_vec()
        };
        assert_eq!(run(), run());
    }
}
