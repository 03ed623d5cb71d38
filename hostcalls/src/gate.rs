//! The one place where a guest's wish meets its grants.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use spear_types::{Denial, Granted, Grants, Lacking, Level, LogLine};

use crate::logs::LogBuffer;

/// One instance's grants; a cheap clone, so that what goes on beside the guest asks here too. Each use is checked, not
/// only the first, and what was denied is remembered and logged.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    granted: Arc<Granted>,
    log: Arc<LogBuffer>,
    denial: Mutex<Option<Denial>>,
}

impl Gate {
    pub(crate) fn new(granted: &Arc<Granted>, log: &Arc<LogBuffer>) -> Self {
        Self(Arc::new(Shared { granted: Arc::clone(granted), log: Arc::clone(log), denial: Mutex::default() }))
    }

    /// Asks for something.
    ///
    /// # Errors
    /// What to tell the guest. The task's log has the same, once for a guest that asks again and again.
    pub(crate) fn check(&self, ask: impl Fn(&Grants) -> Result<(), Denial>) -> Result<(), String> {
        self.0.granted.check(ask).map_err(|denial| {
            let text = denial.to_string();
            let mut last = self.last();
            if last.as_ref() != Some(&denial) {
                self.0.log.write(line(&denial));
                *last = Some(denial);
            }
            text
        })
    }

    /// The last thing that the guest asked for without a grant.
    pub(crate) fn denial(&self) -> Option<Denial> {
        self.last().clone()
    }

    /// The grants.
    pub(crate) fn granted(&self) -> &Arc<Granted> {
        &self.0.granted
    }

    fn last(&self) -> MutexGuard<'_, Option<Denial>> {
        // It is replaced whole, so a poisoned one is still a denial.
        self.0.denial.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(denial: &Denial) -> LogLine {
    let lacking = match denial.lacking {
        Lacking::Manifest => "spear.toml",
        Lacking::Policy => "the operator's policy",
    };
    let fields = vec![("grant".to_owned(), denial.grant.clone()), ("lacking-in".to_owned(), lacking.to_owned())];
    LogLine { time: SystemTime::now(), level: Level::Warn, message: format!("denied: {}", denial.what), fields }
}
