//! The host's figures under node-exporter's names, types and labels, so that stock dashboards work.
//!
//! Nothing is measured until somebody asks: a scrape reads some twenty small files of `/proc` and a few
//! of `/sys` per device, which stay open for the next one. Each module below turns text into series, as pure functions
//! that leave out what they do not understand; [`Probe`] is the edge, and the only one who reads.
//!
//! What is left out, as with Debian's node-exporter: loop devices and partitions, file systems that hold
//! no data, the loopback interface. Ours on top: remote file systems, because asking a dead server for its
//! space never returns.

pub mod cpu;
pub mod disks;
pub mod filesystems;
pub mod kernel;
pub mod memory;
pub mod network;
pub mod page;
pub mod probe;
pub mod sockets;
pub mod warmth;

use std::sync::{Arc, Mutex};

use crate::health::writes;

pub use page::Page;
pub use probe::{Machine, Probe};

/// The host, ready to be asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Host(Arc<Mutex<Box<dyn Probe>>>);

impl Host {
    /// The host behind `probe`.
    #[must_use]
    pub fn new(probe: impl Probe + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(probe))))
    }

    /// All series now. It reads files, so call it where blocking is allowed. `None`: the call before is still
    /// held up, by a disk that does not answer for example; there is no use in a second one.
    #[must_use]
    pub fn page(&self) -> Option<String> {
        self.with(|probe| page(probe).into_text())
    }

    /// Lets `look` ask the probe, unless somebody else is held up in it.
    pub fn with<T>(&self, look: impl FnOnce(&dyn Probe) -> T) -> Option<T> {
        let probe = match self.0.try_lock() {
            Ok(probe) => probe,
            Err(std::sync::TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(std::sync::TryLockError::WouldBlock) => return None,
        };
        let seen = look(&**probe);
        probe.rest();
        Some(seen)
    }
}

/// All series that `probe` gives.
#[must_use]
pub fn page(probe: &dyn Probe) -> Page {
    let mut page = Page::with_capacity(48 << 10);
    cpu::write(probe, &mut page);
    memory::write(probe, &mut page);
    disks::write(probe, &mut page);
    filesystems::write(probe, &mut page);
    network::write(probe, &mut page);
    sockets::write(probe, &mut page);
    warmth::write(probe, &mut page);
    writes::write(probe, &mut page);
    kernel::write(probe, &mut page);
    page
}
