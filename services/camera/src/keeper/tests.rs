use super::*;

#[test]
fn tries_soon_at_first_and_seldom_later() {
    let mut backoff = Backoff::default();
    let pauses: Vec<_> = (0..9)
        .map(|_| backoff.after(Duration::ZERO).as_millis())
        .collect();
    assert_eq!(
        pauses,
        [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]
    );
    assert_eq!(backoff.after(Duration::from_mins(1)).as_millis(), 250);
}

#[test]
fn every_code_is_one_people_can_read() {
    let codes: Vec<_> = vigla_bus::problem::CODES.iter().map(|t| t.code).collect();
    assert!(SOURCE_CODES.iter().all(|code| codes.contains(code)));
    assert!(
        LOOKS
            .iter()
            .all(|look| codes.contains(&look.problem().unwrap()))
    );
}
