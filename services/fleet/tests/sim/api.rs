//! The API server: objects with a version each, and nothing but creating, replacing and deleting.

use std::collections::{BTreeMap, BTreeSet};

use vigla_fleet::wire::Phase;

/// A resource `Device`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Device {
    pub(crate) version: u64,
    pub(crate) phase: Phase,
    /// Which use of the claim it took.
    pub(crate) taken: Option<u32>,
    /// Of the last grant, and when it was made.
    pub(crate) granted: i64,
    pub(crate) granted_at: u64,
    /// Of the grant that the device showed to hold.
    pub(crate) held: i64,
    pub(crate) board: String,
    pub(crate) boot: String,
    /// The public half of the token of the last grant; 0: it was deleted.
    pub(crate) token: u64,
}

/// Somebody else was faster.
#[derive(Debug)]
pub(crate) struct Conflict;

#[derive(Debug, Default)]
pub(crate) struct Api {
    devices: BTreeMap<u64, Device>,
    /// Which key has which use: created and deleted, never replaced.
    uses: BTreeMap<u32, u64>,
    nodes: BTreeSet<u64>,
    /// When each was made.
    tokens: BTreeMap<u64, u64>,
}

impl Api {
    pub(crate) fn device(&self, key: u64) -> Option<&Device> {
        self.devices.get(&key)
    }

    pub(crate) fn devices(&self) -> &BTreeMap<u64, Device> {
        &self.devices
    }

    pub(crate) fn uses(&self) -> &BTreeMap<u32, u64> {
        &self.uses
    }

    pub(crate) fn nodes(&mut self) -> &mut BTreeSet<u64> {
        &mut self.nodes
    }

    pub(crate) fn has_node(&self, key: u64) -> bool {
        self.nodes.contains(&key)
    }

    pub(crate) fn tokens(&mut self) -> &mut BTreeMap<u64, u64> {
        &mut self.tokens
    }

    pub(crate) fn create(&mut self, key: u64) -> Result<Device, Conflict> {
        if self.devices.contains_key(&key) {
            return Err(Conflict);
        }
        let device = Device {
            version: 1,
            phase: Phase::Pending,
            taken: None,
            granted: 0,
            granted_at: 0,
            held: 0,
            board: String::new(),
            boot: String::new(),
            token: 0,
        };
        self.devices.insert(key, device.clone());
        Ok(device)
    }

    pub(crate) fn replace(&mut self, key: u64, mut device: Device) -> Result<Device, Conflict> {
        let now = self.devices.get_mut(&key).ok_or(Conflict)?;
        if now.version != device.version {
            return Err(Conflict);
        }
        device.version += 1;
        *now = device.clone();
        Ok(device)
    }

    pub(crate) fn take(&mut self, number: u32, key: u64) -> Result<(), Conflict> {
        match *self.uses.entry(number).or_insert(key) {
            owner if owner == key => Ok(()),
            _ => Err(Conflict),
        }
    }

    pub(crate) fn give_back(&mut self, number: u32, key: u64) {
        if self.uses.get(&number) == Some(&key) {
            self.uses.remove(&number);
        }
    }
}
