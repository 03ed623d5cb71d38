//! The newest version of each function here whose instances wait for calls: those before it keep none ahead.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use spear_engine::Owner;
use spear_types::FunctionName;

use super::Ready;

/// Of each function the number of a version, and what runs it.
#[derive(Default)]
pub(super) struct Newest(Mutex<HashMap<FunctionName, (u32, Weak<Ready>)>>);

impl Newest {
    /// A version was made ready: it, or the one that was the newest up to now, is not the newest.
    pub(super) fn came(&self, owner: &Owner, ready: &Arc<Ready>) {
        // Each entry is replaced whole.
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.retain(|_, (_, ready)| ready.strong_count() > 0);
        match newest.get(&owner.function) {
            Some((version, _)) if *version > owner.version => return ready.prepared.retire(),
            // Also where the same version has other terms now.
            Some((_, before)) => drop(before.upgrade().inspect(|before| before.prepared.retire())),
            None => {}
        }
        newest.insert(owner.function.clone(), (owner.version, Arc::downgrade(ready)));
    }
}
