use proptest::prelude::*;

use super::*;

fn polygon(points: &[(f64, f64)]) -> Result<Polygon, ShapeError> {
    let points: Result<Vec<_>, _> = points.iter().map(|(x, y)| Point::new(*x, *y)).collect();
    Polygon::try_from(points?)
}

fn line(from: (f64, f64), to: (f64, f64)) -> Line {
    Line::new(from.try_into().unwrap(), to.try_into().unwrap()).unwrap()
}

#[test]
fn holds_what_stands_in_it() {
    let corner = polygon(&[
        (0.0, 0.0),
        (0.8, 0.0),
        (0.8, 0.2),
        (0.2, 0.2),
        (0.2, 0.8),
        (0.0, 0.8),
    ]);
    let corner = corner.unwrap();
    assert!(corner.contains((0.1, 0.7)) && corner.contains((0.7, 0.1)));
    assert!(!corner.contains((0.5, 0.5)) && !corner.contains((0.9, 0.1)));
}

#[test]
fn refuses_what_is_not_a_zone_and_says_why() {
    let text = |points: &[(f64, f64)]| polygon(points).unwrap_err().to_string();
    assert!(text(&[(0.1, 0.1), (0.2, 0.2)]).contains("at least 3 corners, found 2"));
    assert!(text(&[(0.1, 1.1), (0.2, 0.2), (0.3, 0.1)]).contains("[0.1, 1.1]"));
    assert!(text(&[(0.1, f64::NAN), (0.2, 0.2), (0.3, 0.1)]).contains("0 to 1"));
    assert!(text(&[(0.1, 0.1), (0.2, 0.2), (0.3, 0.3)]).contains("no area"));
    let bow = text(&[(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.8)]);
    assert!(bow.contains("from corner 1 and from corner 3"), "{bow}");
    assert!(text(&[(0.5, 0.5); 65]).contains("at most 64"));
}

#[test]
fn is_written_as_plain_points() {
    let zone: Polygon = serde_json::from_str("[[0, 0], [1, 0], [0.5, 1]]").unwrap();
    assert_eq!(
        serde_json::to_string(&zone).unwrap(),
        "[[0.0,0.0],[1.0,0.0],[0.5,1.0]]"
    );
    let line: Line = serde_json::from_str("[[0, 0.5], [1, 0.5]]").unwrap();
    assert_eq!(line.ends()[1].x(), 1.0);
    for wrong in [
        "[[0, 0]]",
        "[[0, 0], [0, 0]]",
        "[[0, 0], [1, 1], [0, 1]]",
        "[[0, 2], [1, 1]]",
    ] {
        assert!(serde_json::from_str::<Line>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_line_knows_its_directions() {
    // From left to right across the picture: its right hand is the lower half.
    let line = line((0.0, 0.5), (1.0, 0.5));
    let point = |x, y| Point::new(x, y).unwrap();
    assert_eq!(
        line.crossed(point(0.5, 0.2), point(0.5, 0.8)),
        Some(Direction::In)
    );
    assert_eq!(
        line.crossed(point(0.5, 0.8), point(0.6, 0.2)),
        Some(Direction::Out)
    );
    assert_eq!(line.crossed(point(0.5, 0.6), point(0.5, 0.8)), None);
    let short = self::line((0.4, 0.5), (0.6, 0.5));
    assert_eq!(short.crossed(point(0.9, 0.2), point(0.9, 0.8)), None);
}

#[test]
fn who_trembles_on_the_line_is_counted_once() {
    let mut counter = LineCounter::new(line((0.0, 0.5), (1.0, 0.5)));
    let feet = [
        0.3, 0.4, 0.497, 0.503, 0.499, 0.507, 0.52, 0.505, 0.494, 0.53, 0.7,
    ];
    let crossed: Vec<_> = feet
        .iter()
        .filter_map(|y| counter.observe(7, (0.5, *y)))
        .collect();
    assert_eq!(crossed, [Direction::In]);
    assert_eq!(counter.observe(8, (0.5, 0.8)), None);
    assert_eq!(counter.observe(8, (0.5, 0.2)), Some(Direction::Out));
    counter.retain(|track| track == 7);
    assert_eq!(counter.observe(8, (0.5, 0.8)), None);
}

proptest! {
    #[test]
    fn ways_in_and_out_of_a_closed_fence_alternate(
        steps in prop::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 2..40),
    ) {
        let corners = [(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7)];
        let zone = polygon(&corners).unwrap();
        let fence: Vec<_> = (0..4).map(|at| line(corners[at], corners[(at + 1) % 4])).collect();
        let points: Vec<Point> = steps.iter().map(|step| (*step).try_into().unwrap()).collect();
        for way in points.windows(2) {
            let crossings = fence.iter().filter_map(|line| line.crossed(way[0], way[1]));
            let balance: i32 = crossings
                .map(|direction| if direction == Direction::In { 1 } else { -1 })
                .sum();
            let inside = |point| i32::from(zone.contains(point));
            prop_assert_eq!(balance, inside(way[1]) - inside(way[0]));
        }
    }

    #[test]
    fn no_numbers_make_it_panic(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..8)) {
        let _ = polygon(&points);
    }
}
