use super::*;

fn sample(y: u8, print: u64) -> Sample {
    Sample {
        mean: y,
        high: y,
        print,
        damaged: false,
    }
}

/// Looks a second apart.
fn judge(samples: impl IntoIterator<Item = Sample>) -> Look {
    let mut judge = Judge::new(5_000_000);
    let looks = (0..)
        .zip(samples)
        .map(|(i, s)| judge.weigh(s, i * 1_000_000));
    looks.last().unwrap()
}

#[test]
fn light_is_believed_after_three_looks() {
    for (y, look) in [(3, Look::Black), (30, Look::Dark), (120, Look::Ok)] {
        assert_eq!(judge((0..3).map(|i| sample(y, i))), look);
        assert_eq!(judge((0..2).map(|i| sample(y, i))), Look::Ok);
    }
    // A hand before the lens is not the night.
    let hand = [120, 120, 120, 3, 3, 120].into_iter().zip(0..);
    assert_eq!(judge(hand.map(|(y, i)| sample(y, i))), Look::Ok);
}

#[test]
fn a_night_with_lamps_is_dark_and_no_light_at_all_is_black() {
    let mut night = vec![12; 1000];
    night[..10].fill(255);
    assert_eq!(
        Sample::of(&night, None, false).unwrap().light(),
        Look::Black
    );
    night[..60].fill(100);
    assert_eq!(Sample::of(&night, None, false).unwrap().light(), Look::Dark);
    night[..60].fill(255);
    assert_eq!(Sample::of(&night, None, false).unwrap().light(), Look::Ok);
}

#[test]
fn frozen_is_told_after_a_while_and_taken_back_at_once() {
    assert_eq!(judge((0..5).map(|_| sample(120, 7))), Look::Ok);
    assert_eq!(judge((0..6).map(|_| sample(120, 7))), Look::Frozen);
    assert_eq!(judge((0..7).map(|i| sample(120, 7 + i / 6))), Look::Ok);
    assert_eq!(judge((0..9).map(|_| sample(2, 7))), Look::Black);
    let mut never = Judge::new(0);
    assert!((0..99).all(|i| never.weigh(sample(120, 7), i * 1_000_000) == Look::Ok));
}

#[test]
fn torn_needs_more_than_one_bad_frame() {
    let torn = |bad: &[u64]| {
        judge((0..10).map(|i| Sample {
            damaged: bad.contains(&i),
            ..sample(120, i)
        }))
    };
    assert_eq!(torn(&[2, 5]), Look::Ok);
    assert_eq!(torn(&[2, 5, 9]), Look::Torn);
}

#[test]
fn what_is_masked_is_not_judged() {
    let luma = [255, 255, 4, 4];
    let sample = Sample::of(&luma, Some(&[true, true, false, false]), false).unwrap();
    assert_eq!((sample.mean, sample.high), (4, 4));
    assert_eq!(Sample::of(&luma, Some(&[true; 4]), false), None);
}
