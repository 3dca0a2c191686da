use vigla_bus::names::GATEWAY;

use super::*;

fn one(service: Service, problems: &[(&str, &str)]) -> Row {
    let problems = problems.iter();
    let problems = problems.map(|(code, subject)| Problem::new(code, *subject));
    let health = Health::Known {
        version: "1".into(),
        problems: problems.collect(),
    };
    row(service, health)
}

#[test]
fn one_sentence_says_it_all() {
    let well = [one(CAMERA, &[]), one(METRICS, &[])];
    let absent = [
        one(CAMERA, &[("no-peer", "vigla-metrics")]),
        row(METRICS, Health::Absent),
    ];
    let hung = [one(CAMERA, &[]), row(METRICS, Health::Silent)];
    let trouble = [one(CAMERA, &[("camera-gone", "front")])];
    let nothing = [row(CAMERA, Health::Absent)];
    for (services, cameras, expected) in [
        (&well[..], Some(1), "All is well: one camera is watched."),
        (&well, Some(0), "All is well: 0 cameras are watched."),
        (&well, None, "All is well."),
        (
            &absent,
            Some(1),
            "Degraded, because `vigla-metrics` is not running.",
        ),
        (
            &hung,
            Some(1),
            "Degraded, because `vigla-metrics` does not answer.",
        ),
        (
            &trouble,
            Some(1),
            "Degraded, because camera `front` is not plugged in.",
        ),
        (&nothing, None, "No service of Vigla is running."),
    ] {
        assert_eq!(summary(services, cameras), expected);
    }
}

#[test]
fn each_step_is_said_once() {
    let services = [
        one(CAMERA, &[("no-peer", "x"), ("from-the-future", "")]),
        one(METRICS, &[("no-peer", "x")]),
        row(METRICS, Health::Silent),
        row(GATEWAY, Health::Absent),
    ];
    let steps = next_steps(&services);
    assert_eq!(
        steps,
        [
            "restart `vigla-metrics`",
            "see its log for the reason",
            "see the log of `vigla-gateway` for the reason",
        ]
    );
}
