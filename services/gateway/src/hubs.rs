//! All cameras that the gateway knows, in the order of their ids.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::hub::Hub;

/// All cameras, by id. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hubs(Arc<Mutex<BTreeMap<String, Arc<Hub>>>>);

impl Hubs {
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Hub>> {
        self.lock().get(id).cloned()
    }

    /// The first camera by id: what `/stream` means.
    pub(crate) fn first(&self) -> Option<Arc<Hub>> {
        self.lock().values().next().cloned()
    }

    /// The camera at `index` (from 0), in the order of ids.
    pub(crate) fn at(&self, index: usize) -> Option<Arc<Hub>> {
        self.lock().values().nth(index).cloned()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Adds a camera; `None` when it is there already.
    pub(crate) fn add(&self, id: &str) -> Option<Arc<Hub>> {
        let mut hubs = self.lock();
        if hubs.contains_key(id) {
            return None;
        }
        let hub = Arc::new(Hub::new(id));
        hubs.insert(id.to_owned(), Arc::clone(&hub));
        Some(hub)
    }

    /// Removes a camera that the roster no longer has.
    pub(crate) fn remove(&self, id: &str) {
        if let Some(hub) = self.lock().remove(id) {
            hub.gone.cancel();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Hub>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_have_an_order() {
        let hubs = Hubs::default();
        hubs.add("yard").unwrap();
        hubs.add("door").unwrap();
        assert!(hubs.add("door").is_none());
        assert_eq!(hubs.ids(), ["door", "yard"]);
        assert_eq!(hubs.first().unwrap().id, "door");
        assert_eq!(hubs.at(1).unwrap().id, "yard");
        hubs.remove("door");
        assert!(hubs.at(1).is_none());
    }
}
