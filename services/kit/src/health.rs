//! `org.vigla.Daemon1` on the root object of every daemon: version and problems.

use vigla_bus::Problem;

use crate::Problems;

pub(crate) struct Health {
    pub(crate) version: &'static str,
    pub(crate) problems: Problems,
}

#[zbus::interface(name = "org.vigla.Daemon1")]
impl Health {
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> &str {
        self.version
    }

    #[zbus(property)]
    fn problems(&self) -> Vec<Problem> {
        self.problems.list()
    }
}
