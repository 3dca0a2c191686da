//! What a damaged disk or somebody on the network may hand in is survived.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair};
use vigla_testkit::fuzz;
use vigla_updater::feed::{Trust, believe, keys};
use vigla_updater::store::Store;

use super::rauc::put;

#[test]
fn any_damage_to_the_state_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    fuzz(env!("CARGO_MANIFEST_DIR"), "state", |bytes| {
        put(&folder.path().join("state.json"), bytes);
        let read = store.read().unwrap();
        let kept = store.change(|state| state.feed_serial = state.feed_serial.max(1));
        kept.unwrap();
        assert_eq!(store.read().unwrap().floor, read.floor);
    });
}

/// Also one that is signed: the key may be in the wrong hands.
#[test]
fn any_damage_to_a_feed_is_survived() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let trusted = [pair.public_key().as_ref().try_into().unwrap()];
    let folder = tempfile::tempdir().unwrap();
    fuzz(env!("CARGO_MANIFEST_DIR"), "feed", |bytes| {
        let trust = Trust {
            keys: &trusted,
            seen: 0,
            now: None,
        };
        let signature = STANDARD.encode(pair.sign(bytes));
        assert!(believe(bytes, signature.as_bytes(), trust).map_or(true, |feed| feed.schema == 1));
        assert!(believe(bytes, bytes, trust).is_err());
        put(&folder.path().join("x.pub"), bytes);
        assert!(keys(folder.path()).map_or(true, |keys| keys.len() == 1));
    });
}
