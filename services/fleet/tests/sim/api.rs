//! The API server: objects with a version each, and nothing but creating and replacing.

use std::collections::BTreeMap;

use vigla_fleet::wire::Phase;

/// A resource `Device`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Device {
    pub(crate) version: u64,
    pub(crate) phase: Phase,
    /// Which use of the claim it took.
    pub(crate) taken: Option<u64>,
    /// Of the last grant.
    pub(crate) granted: u64,
    /// Of the grant that the device showed to hold.
    pub(crate) held: u64,
    pub(crate) board: u64,
    pub(crate) node: bool,
    /// Its node was deleted.
    pub(crate) lost: bool,
}

/// Somebody else was faster.
#[derive(Debug)]
pub(crate) struct Conflict;

#[derive(Debug, Default)]
pub(crate) struct Api {
    devices: BTreeMap<u64, Device>,
    /// Which key has which use: created, never replaced.
    uses: BTreeMap<u64, u64>,
}

impl Api {
    pub(crate) fn device(&self, key: u64) -> Option<Device> {
        self.devices.get(&key).copied()
    }

    pub(crate) fn devices(&self) -> &BTreeMap<u64, Device> {
        &self.devices
    }

    pub(crate) fn uses(&self) -> &BTreeMap<u64, u64> {
        &self.uses
    }

    pub(crate) fn create(&mut self, key: u64, board: u64) -> Result<(), Conflict> {
        if self.devices.contains_key(&key) {
            return Err(Conflict);
        }
        let device = Device {
            version: 1,
            phase: Phase::Pending,
            taken: None,
            granted: 0,
            held: 0,
            board,
            node: false,
            lost: false,
        };
        self.devices.insert(key, device);
        Ok(())
    }

    pub(crate) fn replace(&mut self, key: u64, mut device: Device) -> Result<(), Conflict> {
        let now = self.devices.get_mut(&key).ok_or(Conflict)?;
        if now.version != device.version {
            return Err(Conflict);
        }
        device.version += 1;
        *now = device;
        Ok(())
    }

    pub(crate) fn take(&mut self, number: u64, key: u64) -> Result<(), Conflict> {
        match *self.uses.entry(number).or_insert(key) {
            owner if owner == key => Ok(()),
            _ => Err(Conflict),
        }
    }
}
