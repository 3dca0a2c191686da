//! The model's own test: parts of the protocol taken away, and loom must find the hole.

use super::*;

/// A reader with its own, wrong, way to lease; loom must find what is wrong with it.
fn explore_wrong(lease: fn(&AtomicU64, &AtomicU64) -> Option<Ticket>) {
    explore(4, move || {
        let ring = Ring::new();
        let word = ring.admit();
        let reader = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                for _ in 0..2 {
                    if let Some(ticket) = lease(&ring.newest, &word) {
                        ring.read(ticket);
                        release(&word);
                    }
                }
            })
        };
        ring.write(4, Learn::AfterTheFence);
        reader.join().unwrap();
    });
}

/// The whole of `lease`, one look, with a choice of what to leave out.
fn lease_with(
    newest: &AtomicU64,
    word: &AtomicU64,
    fenced: bool,
    store: Ordering,
) -> Option<Ticket> {
    let wanted = look(newest)?;
    word.store(u64::from(wanted.slot()) + 1, store);
    if fenced {
        fence(Ordering::SeqCst);
    }
    let now = Ticket::from_word(newest.load(Ordering::Acquire));
    if now == Some(wanted) {
        return now;
    }
    release(word);
    None
}

#[test]
fn the_model_passes_the_right_way() {
    explore_wrong(|newest, word| lease_with(newest, word, true, Ordering::Release));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn the_fences_are_needed() {
    explore_wrong(|newest, word| lease_with(newest, word, false, Ordering::Release));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn the_word_must_be_stored_with_release() {
    explore_wrong(|newest, word| lease_with(newest, word, true, Ordering::Relaxed));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn new_readers_must_be_learned_of_after_the_fence() {
    join_while_writing(Learn::BeforeTheFence);
}
