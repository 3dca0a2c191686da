//! The stand-in of the metrics service: a node id, one sink whose account adds up, and the last second before a
//! crash.

use vigla_bus::metrics::Sink;

/// The object.
pub(super) struct Served;

#[allow(clippy::unused_self, reason = "the shapes that the interface asks for")]
#[zbus::interface(name = "org.vigla.Metrics1")]
impl Served {
    #[zbus(property)]
    fn node_id(&self) -> &'static str {
        "vigla-0123456789ab"
    }

    fn black_box(&self) -> String {
        String::from(
            r#"{"ended":"machine","seconds":[{"notes":["problem source-denied rtsp://me:hunter2hunter2@10.0.0.8/x"]}]}"#,
        )
    }

    #[zbus(property)]
    fn sinks(&self) -> Vec<Sink> {
        vec![Sink {
            name: "mqtt".to_owned(),
            state: "connected".to_owned(),
            accepted: 9,
            sent: 6,
            stored: 2,
            dropped: 1,
            dropped_by: [("full", 1), ("old", 0)]
                .map(|(reason, count)| (reason.to_owned(), count))
                .into(),
            bytes: 4096,
            oldest_secs: 75,
            in_memory: 1,
            trouble: String::new(),
        }]
    }
}
