//! The best pairing of rows with columns: shortest augmenting paths, O(rows² · columns).
//!
//! Taking the nearest pair first goes wrong when two people pass each other; the sum over all
//! pairs does not.

/// A pair that must not be. Large against any sum of real costs, small enough to be added.
pub(super) const NEVER: f64 = 1e6;

/// Pairs `(row, column)` of the least total cost; every row and column at most once, no pair that
/// costs [`NEVER`]. `cost(row, column)` must be finite, real costs 0..=1.
pub(super) fn assign(
    rows: usize,
    columns: usize,
    cost: impl Fn(usize, usize) -> f64,
) -> Vec<(usize, usize)> {
    if rows > columns {
        let turned = solve(columns, rows, |row, column| cost(column, row));
        let pairs = turned.into_iter().map(|(column, row)| (row, column));
        let mut pairs: Vec<_> = pairs.filter(|(r, c)| cost(*r, *c) < NEVER).collect();
        pairs.sort_unstable();
        return pairs;
    }
    let mut pairs = solve(rows, columns, &cost);
    pairs.retain(|(row, column)| cost(*row, *column) < NEVER);
    pairs
}

/// The Hungarian method with potentials, for `rows <= columns`. Indices are one higher inside:
/// row and column 0 stand for "none yet".
fn solve(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<(usize, usize)> {
    let mut row_potential = vec![0.0_f64; rows + 1];
    let mut column_potential = vec![0.0_f64; columns + 1];
    let mut row_of = vec![0_usize; columns + 1];
    let mut previous = vec![0_usize; columns + 1];
    let mut shortest = vec![0.0_f64; columns + 1];
    let mut visited = vec![false; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut here = 0;
        shortest.fill(f64::INFINITY);
        visited.fill(false);
        while row_of[here] != 0 {
            visited[here] = true;
            let from = row_of[here];
            let (mut step, mut next) = (f64::INFINITY, 0);
            for column in 1..=columns {
                if visited[column] {
                    continue;
                }
                let reduced =
                    cost(from - 1, column - 1) - row_potential[from] - column_potential[column];
                if reduced < shortest[column] {
                    (shortest[column], previous[column]) = (reduced, here);
                }
                if shortest[column] < step {
                    (step, next) = (shortest[column], column);
                }
            }
            for column in 0..=columns {
                if visited[column] {
                    row_potential[row_of[column]] += step;
                    column_potential[column] -= step;
                } else {
                    shortest[column] -= step;
                }
            }
            here = next;
        }
        while here != 0 {
            row_of[here] = row_of[previous[here]];
            here = previous[here];
        }
    }
    let mut pairs: Vec<_> = (1..=columns)
        .filter(|column| row_of[*column] != 0)
        .map(|column| (row_of[column] - 1, column - 1))
        .collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The least cost by trying everything: each row takes a free column or none.
    fn brute(costs: &[Vec<f64>], row: usize, taken: &mut Vec<bool>) -> (usize, f64) {
        if row == costs.len() {
            return (0, 0.0);
        }
        let mut best = brute(costs, row + 1, taken);
        for column in 0..taken.len() {
            if taken[column] || costs[row][column] >= NEVER {
                continue;
            }
            taken[column] = true;
            let (pairs, cost) = brute(costs, row + 1, taken);
            taken[column] = false;
            let found = (pairs + 1, cost + costs[row][column]);
            if found.0 > best.0 || (found.0 == best.0 && found.1 < best.1) {
                best = found;
            }
        }
        best
    }

    fn costs() -> impl Strategy<Value = Vec<Vec<f64>>> {
        let cell = prop_oneof![3 => 0.0..1.0_f64, 1 => Just(NEVER)];
        (0..5_usize, 1..5_usize).prop_flat_map(move |(rows, columns)| {
            prop::collection::vec(prop::collection::vec(cell.clone(), columns), rows)
        })
    }

    proptest! {
        #[test]
        fn is_as_good_as_trying_everything(costs in costs()) {
            let columns = costs.first().map_or(0, Vec::len);
            let pairs = assign(costs.len(), columns, |row, column| costs[row][column]);
            let total: f64 = pairs.iter().map(|(row, column)| costs[*row][*column]).sum();
            let (count, best) = brute(&costs, 0, &mut vec![false; columns]);
            prop_assert_eq!(pairs.len(), count);
            prop_assert!(total <= best + 1e-6, "{} {}", total, best);
            for (index, (row, column)) in pairs.iter().enumerate() {
                for (other_row, other_column) in &pairs[index + 1..] {
                    prop_assert!(row != other_row && column != other_column);
                }
            }
        }
    }
}
