//! The rows, one file each: how it is measured stands there.

pub(crate) mod fanout;
pub(crate) mod frames;
pub(crate) mod idle;
pub(crate) mod image;
pub(crate) mod latency;
pub(crate) mod mqtt;
pub(crate) mod queue;
pub(crate) mod scrape;
pub(crate) mod viewers;
pub(crate) mod vision;

use crate::row::Row;

/// Measures some rows of the table.
pub(crate) type Bench = fn() -> anyhow::Result<Vec<Row>>;

/// Every bench, with the ids of its rows.
pub(crate) const ALL: &[(&[&str], Bench)] = &[
    (&["P1", "P2"], vision::rows),
    (&["P4"], fanout::rows),
    (&["P5"], viewers::rows),
    (&["P6"], frames::rows),
    (&["P7", "P10", "P12"], idle::rows),
    (&["P8"], mqtt::rows),
    (&["P9"], queue::rows),
    (&["P11"], scrape::rows),
    (&["P16"], latency::rows),
];

/// The benches of the image, which take boots.
pub(crate) const IMAGE: &[(&[&str], Bench)] =
    &[(&["P13"], image::sizes), (&["P14", "R3"], image::starts)];
