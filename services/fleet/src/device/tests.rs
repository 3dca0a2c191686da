use proptest::prelude::*;

use super::*;

const READY: Facts = Facts {
    key: true,
    other_board: false,
    invited: Invited::Claim,
    held: None,
};

fn holding(generation: u64, confirmed: bool) -> Facts {
    let held = Held {
        generation,
        confirmed,
        elsewhere: false,
    };
    Facts {
        held: Some(held),
        ..READY
    }
}

fn stood(phase: Phase, generation: u64) -> Event {
    Event::Stood {
        phase,
        generation,
        enrol_again: false,
    }
}

fn is_between(effect: Effect, least: u64, most: u64) -> bool {
    let range = Duration::from_secs(least)..=Duration::from_secs(most);
    matches!(effect, Effect::Wait(wait) if range.contains(&wait))
}

/// The way without trouble: `(facts, event, step, effect)`.
#[test]
fn the_way_from_no_key_to_confirmed() {
    let claim = true;
    let spent = Facts {
        invited: Invited::Spent,
        ..holding(1, true)
    };
    let none = Facts {
        key: false,
        ..READY
    };
    let progress = Event::Progress;
    let way = [
        (none, Event::Begun, Step::Init, Effect::MakeKey),
        (READY, Event::Written, Step::KeyReady, Effect::Ask { claim }),
        (
            READY,
            progress(Progress::Connected),
            Step::NetReady,
            Effect::Nothing,
        ),
        (
            READY,
            progress(Progress::Secured),
            Step::TimeReady,
            Effect::Nothing,
        ),
        (
            READY,
            progress(Progress::Sent),
            Step::Requested,
            Effect::Nothing,
        ),
        (
            READY,
            Event::Answered(Answered::Grant),
            Step::Granted,
            Effect::Install,
        ),
        (
            holding(1, false),
            Event::Written,
            Step::Installed,
            Effect::Inquire,
        ),
        (
            holding(1, false),
            stood(Phase::Active, 1),
            Step::Joined,
            Effect::Confirm,
        ),
        (
            holding(1, true),
            Event::Written,
            Step::Confirmed,
            Effect::Erase,
        ),
        (
            holding(1, true),
            Event::Written,
            Step::Confirmed,
            Effect::Inquire,
        ),
        (spent, Event::Due, Step::Confirmed, Effect::Inquire),
    ];
    let mut state = State::default();
    for (facts, event, step, effect) in way {
        let decided = decide(&facts, state, event, 0);
        assert_eq!((decided.0.step, decided.1), (step, effect), "{event:?}");
        state = decided.0;
    }
    assert_eq!(state.reason, Reason::None);
}

#[test]
fn whatever_was_forgotten_at_a_power_cut_is_decided_again() {
    for (facts, effect) in [
        (
            Facts {
                key: false,
                ..READY
            },
            Effect::MakeKey,
        ),
        (READY, Effect::Ask { claim: true }),
        (holding(1, false), Effect::Inquire),
        (holding(1, true), Effect::Inquire),
    ] {
        assert_eq!(decide(&facts, State::default(), Event::Due, 0).1, effect);
    }
    // What asks over the network does not do so in step with a thousand others.
    let (_, effect) = decide(&READY, State::default(), Event::Begun, u64::MAX);
    assert!(is_between(effect, 0, 10), "{effect:?}");
}

#[test]
fn what_only_a_person_can_mend_is_said() {
    let other = Facts {
        other_board: true,
        ..holding(1, true)
    };
    let uninvited = Facts {
        invited: Invited::Not,
        ..READY
    };
    let broken = Facts {
        invited: Invited::Unusable,
        ..READY
    };
    for (facts, step, word) in [
        (other, Step::CloneSuspected, "other-board"),
        (uninvited, Step::WaitOperator, "no-claim"),
        (broken, Step::WaitOperator, "bad-file"),
    ] {
        let (state, effect) = decide(&facts, State::default(), Event::Due, 0);
        assert_eq!((state.step, state.reason.word()), (step, word));
        assert_eq!(effect, Effect::Wait(LONGEST));
    }
}

#[test]
fn each_refusal_means_what_it_says() {
    for word in Refusal::ALL {
        let after = None;
        let event = Event::Answered(Answered::Refused { word, after });
        let (state, effect) = decide(&READY, State::default(), event, 0);
        assert_eq!(state.reason.word(), word.word());
        let (step, least) = match word.meaning() {
            Meaning::Later => (Step::KeyReady, 5),
            Meaning::Person => (Step::WaitOperator, 600),
            Meaning::Clone => (Step::CloneSuspected, 600),
        };
        assert_eq!(state.step, step, "{word}");
        assert!(is_between(effect, least, 660), "{word}: {effect:?}");
    }
}

#[test]
fn a_device_that_joined_asks_again_when_it_has_to() {
    let facts = Facts {
        invited: Invited::Spent,
        ..holding(3, true)
    };
    let again = Event::Stood {
        phase: Phase::Active,
        generation: 3,
        enrol_again: true,
    };
    for event in [again, stood(Phase::Granted, 4)] {
        let (state, effect) = decide(&facts, State::default(), event, 0);
        assert_eq!(
            (state.step, effect),
            (Step::Reenrol, Effect::Ask { claim: false })
        );
        // A failure on the way does not make it forget what it is about.
        let (state, _) = decide(&facts, state, Event::Failed(Fault::NoRoute), 0);
        let (state, effect) = decide(&facts, state, Event::Due, 0);
        assert_eq!(effect, Effect::Ask { claim: false });
        let (state, _) = decide(&facts, state, Event::Answered(Answered::Grant), 0);
        let (state, effect) = decide(&holding(4, false), state, Event::Written, 0);
        assert_eq!((state.step, effect), (Step::Installed, Effect::Inquire));
    }
    // A card with a claim for another fleet takes it there.
    let held = Some(Held {
        elsewhere: true,
        ..holding(3, true).held.unwrap()
    });
    let (_, effect) = decide(&Facts { held, ..READY }, State::default(), Event::Due, 0);
    assert_eq!(effect, Effect::Ask { claim: true });
}

#[test]
fn who_was_stopped_is_not_called_well_while_it_asks() {
    let facts = Facts {
        invited: Invited::Spent,
        ..holding(3, true)
    };
    for (phase, step) in [
        (Phase::Suspended, Step::WaitOperator),
        (Phase::CloneSuspected, Step::CloneSuspected),
    ] {
        let (state, _) = decide(&facts, State::default(), stood(phase, 3), 0);
        let (asks, effect) = decide(&facts, state, Event::Due, 0);
        assert_eq!(
            (asks.step, asks.reason, effect),
            (step, state.reason, Effect::Inquire)
        );
        let (well, _) = decide(&facts, asks, stood(Phase::Active, 3), 0);
        assert_eq!((well.step, well.reason), (Step::Confirmed, Reason::None));
    }
}

#[test]
fn who_was_forgotten_comes_back_only_with_a_claim() {
    let spent = Facts {
        invited: Invited::Spent,
        ..holding(3, true)
    };
    let (state, _) = decide(&spent, State::default(), stood(Phase::Forgotten, 3), 0);
    assert_eq!(state.reason, Reason::Forgotten);
    assert_eq!(decide(&spent, state, Event::Due, 0).1, Effect::Inquire);
    let facts = holding(3, true);
    let refused = |word| Event::Answered(Answered::Refused { word, after: None });
    for event in [
        stood(Phase::Forgotten, 3),
        refused(Refusal::Forgotten),
        refused(Refusal::ClaimNeeded),
    ] {
        let (state, effect) = decide(&facts, State::default(), event, 0);
        assert_eq!(effect, Effect::Ask { claim: true }, "{event:?}");
        // Refused with that claim too, it waits like everybody else.
        let (_, effect) = decide(&facts, state, event, 0);
        assert!(is_between(effect, 540, 660), "{event:?}: {effect:?}");
    }
}

/// One after the other, each wait is asked for by its end.
#[test]
fn who_waits_for_others_asks_less_and_less_often() {
    let spent = holding(1, false);
    let approval = Event::Answered(Answered::Wait {
        after: Duration::from_secs(30),
        reason: Waiting::Approval,
    });
    let joining = stood(Phase::Joining, 1);
    for (facts, event, waits) in [
        (spent, joining, [15, 30, 60, 120, 240, 300, 300]),
        (READY, approval, [30, 60, 120, 240, 300, 300, 300]),
    ] {
        let mut state = State::default();
        for (at, seconds) in waits.into_iter().enumerate() {
            let (after, effect) = decide(&facts, state, event, 0);
            let least = seconds * 9 / 10;
            assert!(is_between(effect, least, seconds), "{at}: {effect:?}");
            (state, _) = decide(&facts, after, Event::Due, 0);
        }
        // A person who asks, and something else that happens, begin anew.
        let (asked, _) = decide(&facts, state, Event::Asked, 0);
        let (_, effect) = decide(&facts, asked, event, 0);
        assert!(is_between(effect, 0, waits[1]), "{effect:?}");
        let (failed, _) = decide(&facts, state, Event::Failed(Fault::NoRoute), 0);
        let (_, effect) = decide(&facts, failed, event, 0);
        assert!(is_between(effect, 0, waits[0]), "{effect:?}");
    }
}

#[test]
fn a_claim_is_erased_only_when_the_registrar_knows_the_device() {
    let facts = holding(3, true);
    let (state, effect) = decide(&facts, State::default(), Event::Due, 0);
    assert_eq!(effect, Effect::Inquire);
    let (state, effect) = decide(&facts, state, stood(Phase::Active, 3), 0);
    assert_eq!(effect, Effect::Erase);
    let (state, effect) = decide(&facts, state, Event::Written, 0);
    assert_eq!(effect, Effect::Inquire);
    let (_, effect) = decide(&facts, state, stood(Phase::Active, 3), 0);
    assert!(is_between(effect, 5 * 3600, 7 * 3600), "{effect:?}");
}

#[test]
fn offline_is_no_matter_for_a_device_that_joined() {
    let facts = Facts {
        invited: Invited::Spent,
        ..holding(1, true)
    };
    let (state, _) = decide(&facts, State::default(), Event::Failed(Fault::NoName), 0);
    assert_eq!(state.step, Step::Confirmed);
    let progress = Event::Progress(Progress::Connected);
    assert_eq!(decide(&facts, state, progress, 0).0.step, Step::Confirmed);
}

#[test]
fn a_full_or_read_only_disk_is_no_storm() {
    for (why, word) in [
        (Unwritable::Full, "no-room"),
        (Unwritable::ReadOnly, "read-only"),
    ] {
        let none = Facts {
            key: false,
            ..READY
        };
        let (state, effect) = decide(&none, State::default(), Event::Unwritable(why), 0);
        assert_eq!(
            (state.step, state.reason.word()),
            (Step::WaitOperator, word)
        );
        assert!(is_between(effect, 540, 660), "{effect:?}");
        assert_eq!(decide(&none, state, Event::Due, 0).1, Effect::MakeKey);
    }
}

fn event() -> impl Strategy<Value = Event> {
    let after = proptest::option::of((0_u64..1 << 40).prop_map(Duration::from_secs));
    let word = (0..Refusal::ALL.len()).prop_map(|at| Refusal::ALL[at]);
    prop_oneof![
        Just(Event::Begun),
        Just(Event::Due),
        Just(Event::Written),
        Just(Event::Unwritable(Unwritable::Full)),
        Just(Event::Answered(Answered::Grant)),
        (word, after.clone())
            .prop_map(|(word, after)| Event::Answered(Answered::Refused { word, after })),
        after.prop_map(|after| Event::Failed(Fault::Busy { after })),
        (0_u64..5, any::<bool>()).prop_map(|(generation, enrol_again)| Event::Stood {
            phase: Phase::Joining,
            generation,
            enrol_again,
        }),
    ]
}

proptest! {
    #[test]
    fn no_wait_is_shorter_than_five_seconds_or_longer_than_told(
        events in proptest::collection::vec((event(), any::<u64>()), 1..40),
        held in proptest::option::of((0_u64..3, any::<bool>())),
    ) {
        let facts = held.map_or(READY, |(generation, confirmed)| holding(generation, confirmed));
        let mut state = State::default();
        for (event, random) in events {
            let (next, effect) = decide(&facts, state, event, random);
            if let Effect::Wait(wait) = effect {
                let most = Duration::from_hours(7);
                prop_assert!(wait <= most, "{event:?}: {wait:?}");
                let least = if event == Event::Begun { 0 } else { 5 };
                prop_assert!(wait >= Duration::from_secs(least), "{event:?}: {wait:?}");
            }
            state = next;
        }
    }
}
