//! Every name Vigla owns on the bus, once. Nothing else in the workspace spells one out.

use std::fmt::Write;

/// What a daemon is called, everywhere: see `docs/bus.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The noun: folder, configuration folder and metrics prefix (`camera`).
    pub noun: &'static str,
    /// Binary, unit and user (`vigla-camera`).
    pub binary: &'static str,
    /// Well-known bus name and root interface (`org.vigla.Camera1`).
    pub name: &'static str,
    /// Path of the root object (`/org/vigla/Camera1`).
    pub path: &'static str,
    /// The fixed user id of the daemon on the device, in every builder and in tests.
    pub uid: u32,
}

/// Owns the video devices and the frame rings.
pub const CAMERA: Service = Service {
    noun: "camera",
    binary: "vigla-camera",
    name: "org.vigla.Camera1",
    path: "/org/vigla/Camera1",
    uid: 961,
};

/// Owns the vision model and decides what counts as an event.
pub const DETECTOR: Service = Service {
    noun: "detector",
    binary: "vigla-detector",
    name: "org.vigla.Detector1",
    path: "/org/vigla/Detector1",
    uid: 962,
};

/// Owns what leaves the device: counts, health, host figures.
pub const METRICS: Service = Service {
    noun: "metrics",
    binary: "vigla-metrics",
    name: "org.vigla.Metrics1",
    path: "/org/vigla/Metrics1",
    uid: 963,
};

/// Owns the page, the streams and the HTTP interface.
pub const GATEWAY: Service = Service {
    noun: "gateway",
    binary: "vigla-gateway",
    name: "org.vigla.Gateway1",
    path: "/org/vigla/Gateway1",
    uid: 964,
};

/// Owns slots, bundles, and the one job that writes them.
pub const UPDATER: Service = Service {
    noun: "updater",
    binary: "vigla-updater",
    name: "org.vigla.Updater1",
    path: "/org/vigla/Updater1",
    uid: 965,
};

/// Owns the node's key, and its way into a fleet.
pub const ENROLMENT: Service = Service {
    noun: "enrolment",
    binary: "vigla-enrolment",
    name: "org.vigla.Enrolment1",
    path: "/org/vigla/Enrolment1",
    uid: 966,
};

/// The daemons that sense, count and show, in the order in which `cargo xtask run` starts them (any
/// order works). They run on a laptop too.
pub const SERVICES: [Service; 4] = [CAMERA, DETECTOR, METRICS, GATEWAY];

/// The daemons that only a device has: a laptop has no slots, and joins no fleet unless it is told to. Who asks all daemons asks these where
/// they are there, and misses them nowhere else.
pub const DEVICE: [Service; 2] = [UPDATER, ENROLMENT];

/// Group that may read the metrics socket of each daemon.
pub const METRICS_GROUP: (&str, u32) = ("vigla-metrics", METRICS.uid);

/// The group of people and programs that may ask for state with `viglactl` (`vigla-operator`).
pub const OPERATOR_GROUP: (&str, u32) = ("vigla-operator", 960);

/// Path of the object of one camera: `id` with everything outside `[A-Za-z0-9]` as `_xx` (hex).
#[must_use]
pub fn camera_path(id: &str) -> String {
    let mut path = format!("{}/camera/", CAMERA.path);
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() {
            path.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(path, "_{byte:02x}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn camera_paths_are_valid_and_distinct() {
        for (id, end) in [
            ("front", "front"),
            ("usb-1.2", "usb_2d1_2e2"),
            ("a_b", "a_5fb"),
        ] {
            let path = camera_path(id);
            assert!(path.ends_with(end), "{path}");
            zbus::ObjectPath::try_from(path).unwrap();
        }
    }

    #[test]
    fn every_service_follows_the_one_name_rule() {
        for service in SERVICES.into_iter().chain(DEVICE) {
            assert_eq!(service.binary, format!("vigla-{}", service.noun));
            assert_eq!(service.path, format!("/{}", service.name.replace('.', "/")));
            assert!(service.name.to_lowercase().contains(service.noun));
        }
    }
}
