//! A disk in memory that can be full, break, and lose its power: what a power cut leaves is what was
//! synced, as the kernel promises no more.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use vigla_metrics::queue::{Disk, Tape};

#[derive(Debug, Default, Clone)]
struct Bytes {
    live: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Arc<File>>,
    fault: Option<io::ErrorKind>,
    /// Syncs of files so far.
    syncs: usize,
    /// Locked while the disk does not answer.
    gate: Arc<Mutex<()>>,
}

/// See the module. Clones are the same disk.
#[derive(Debug, Default, Clone)]
pub(crate) struct RamDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct File {
    bytes: Mutex<Bytes>,
    disk: RamDisk,
}

impl RamDisk {
    /// From now on each write fails so, after half of it.
    pub(crate) fn fail(&self, fault: Option<io::ErrorKind>) {
        self.0.lock().unwrap().fault = fault;
    }

    /// Every write and sync waits while the guard of this is held.
    pub(crate) fn gate(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.0.lock().unwrap().gate)
    }

    /// What was not synced is gone. Names and removals are kept: worse is not promised, but less
    /// would hide what is not synced.
    pub(crate) fn cut_power(&self) {
        for file in self.0.lock().unwrap().files.values() {
            let mut bytes = file.bytes.lock().unwrap();
            let Bytes { live, synced } = &mut *bytes;
            live.clone_from(synced);
        }
    }

    /// Turns one bit of the byte `at` of all bytes of segments on the disk.
    pub(crate) fn damage(&self, mut at: usize) {
        let state = self.0.lock().unwrap();
        for (_, file) in state
            .files
            .iter()
            .filter(|(name, _)| !name.starts_with("bookmark"))
        {
            let live = &mut file.bytes.lock().unwrap().live;
            if at < live.len() {
                live[at] ^= 4;
                return;
            }
            at -= live.len();
        }
    }

    /// Turns one bit of a file.
    pub(crate) fn damage_file(&self, name: &str) {
        let file = Arc::clone(&self.0.lock().unwrap().files[name]);
        file.bytes.lock().unwrap().live[10] ^= 4;
    }

    /// Bytes of segments.
    pub(crate) fn bytes(&self) -> usize {
        let state = self.0.lock().unwrap();
        let files = state
            .files
            .iter()
            .filter(|(name, _)| !name.starts_with("bookmark"));
        files
            .map(|(_, file)| file.bytes.lock().unwrap().live.len())
            .sum()
    }

    /// How often a file was synced.
    pub(crate) fn syncs(&self) -> usize {
        self.0.lock().unwrap().syncs
    }

    fn fault(&self) -> io::Result<()> {
        drop(self.gate().lock().unwrap());
        self.0
            .lock()
            .unwrap()
            .fault
            .map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Disk for RamDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().files.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn Tape>> {
        let new = || {
            Arc::new(File {
                bytes: Mutex::default(),
                disk: self.clone(),
            })
        };
        let file = Arc::clone(
            self.0
                .lock()
                .unwrap()
                .files
                .entry(name.to_owned())
                .or_insert_with(new),
        );
        Ok(file)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().files.remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Tape for File {
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let fault = self.disk.fault();
        let bytes = if fault.is_err() {
            &bytes[..bytes.len() / 2]
        } else {
            bytes
        };
        let live = &mut self.bytes.lock().unwrap().live;
        let start = usize::try_from(offset).unwrap();
        let end = start + bytes.len();
        live.resize(live.len().max(end), 0);
        live[start..end].copy_from_slice(bytes);
        fault
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let live = &self.bytes.lock().unwrap().live;
        let rest = live
            .get(usize::try_from(offset).unwrap()..)
            .unwrap_or_default();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.fault()?;
        self.disk.0.lock().unwrap().syncs += 1;
        let mut bytes = self.bytes.lock().unwrap();
        let Bytes { live, synced } = &mut *bytes;
        synced.clone_from(live);
        Ok(())
    }
}
