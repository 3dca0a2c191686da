//! Sides, crossings and areas.

use super::Point;

/// Twice the area of the triangle: positive when `point` is to the right of someone who looks
/// from `from` to `to` in a picture whose y axis points down.
pub(super) fn side(from: Point, to: Point, point: Point) -> f64 {
    (to.x - from.x) * (point.y - from.y) - (to.y - from.y) * (point.x - from.x)
}

/// Whether two straight ways meet. Touching counts for the start of the second, not for its end,
/// so that a way in two pieces crosses once.
pub(super) fn crosses(a: Point, b: Point, from: Point, to: Point) -> bool {
    let (start, end) = (side(a, b, from), side(a, b, to));
    let (first, second) = (side(from, to, a), side(from, to, b));
    (start < 0.0) != (end < 0.0) && (first < 0.0) != (second < 0.0)
}

/// Twice the enclosed area.
pub(super) fn area(corners: &[Point]) -> f64 {
    let twice: f64 = edges(corners)
        .map(|(from, to)| from.x * to.y - to.x * from.y)
        .sum();
    twice.abs()
}

/// Two edges that cross and do not share a corner, by their first corners.
pub(super) fn crossing_edges(corners: &[Point]) -> Option<(usize, usize)> {
    let edges: Vec<_> = edges(corners).collect();
    let count = edges.len();
    for one in 0..count {
        for other in one + 2..count {
            let neighbours = one == 0 && other == count - 1;
            let ((a, b), (c, d)) = (edges[one], edges[other]);
            if !neighbours && properly_cross(a, b, c, d) {
                return Some((one, other));
            }
        }
    }
    None
}

fn properly_cross(a: Point, b: Point, c: Point, d: Point) -> bool {
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

/// Even-odd rule. A point on a left or upper edge is inside, on a right or lower edge it is not:
/// two zones that share an edge never both hold a point.
pub(super) fn contains(corners: &[Point], point: Point) -> bool {
    let mut inside = false;
    for (from, to) in edges(corners) {
        if (from.y > point.y) != (to.y > point.y) {
            let share = (point.y - from.y) / (to.y - from.y);
            if point.x < from.x + share * (to.x - from.x) {
                inside = !inside;
            }
        }
    }
    inside
}

fn edges(corners: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    let next = corners.iter().cycle().skip(1);
    corners.iter().copied().zip(next.copied())
}
