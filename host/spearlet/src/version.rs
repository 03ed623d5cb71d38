//! A version of a function, taken apart once for all of its attempts on a link.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, Weak,
    atomic::{AtomicBool, Ordering},
};

use spear_proto::v1;
use spear_types::{FunctionName, Refusal};

use crate::{
    components::{Key, Ready},
    door::{Asked, Door},
};

/// What attempts run.
pub(crate) struct Version {
    /// The function.
    pub(crate) function: FunctionName,
    /// Its version.
    pub(crate) number: u32,
    /// What its component is found by.
    pub(crate) key: Key,
    /// The component, while the node keeps it: an attempt must not pay for finding it by all of its terms.
    prepared: Mutex<Weak<Ready>>,
    preparing: AtomicBool,
}

impl Version {
    pub(crate) fn new(function: FunctionName, number: u32, key: Key) -> Self {
        Self { function, number, key, prepared: Mutex::default(), preparing: AtomicBool::new(false) }
    }

    /// The number that attempts name it by, and what it says.
    ///
    /// # Errors
    /// When it is malformed, or asks for more than the node gives. That is each of its attempts' answer.
    pub(crate) fn decode(terms: v1::Terms, door: &Door) -> (u32, Result<Self, Refusal>) {
        let v1::Terms { id, function, version, implementations, limits, grants, settings } = terms;
        let version = door
            .key(Asked { function, version, implementations, limits, grants, settings })
            .map(|(function, key)| Self::new(function, version, key));
        (id, version)
    }

    /// The component, where it is ready.
    pub(crate) fn prepared(&self) -> Option<Arc<Ready>> {
        self.lock().upgrade()
    }

    /// Whether the one who asks has to prepare it: nobody else does.
    pub(crate) fn prepare(&self) -> bool {
        !self.preparing.swap(true, Ordering::AcqRel)
    }

    /// The component is ready, or could not be made ready and will be tried again.
    pub(crate) fn done(&self, prepared: Option<&Arc<Ready>>) {
        if let Some(prepared) = prepared {
            *self.lock() = Arc::downgrade(prepared);
        }
        self.preparing.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Weak<Ready>> {
        // It is replaced whole, so a poisoned one is still a component or none.
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.function, self.number)
    }
}
