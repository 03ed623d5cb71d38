//! The one place where a guest's wish meets its grants.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use spear_types::{Denial, Granted, Grants, Lacking, Level, LogLine};

use crate::logs::LogBuffer;

/// One instance's grants; a cheap clone, so that what goes on beside the guest asks here too. Each use is checked, not
/// only the first, and what was denied is remembered and logged with the call that is under way.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    granted: Arc<Granted>,
    call: Mutex<OfCall>,
}

/// What is the call's and not the instance's.
#[derive(Default)]
struct OfCall {
    /// Between two calls there is none.
    log: Option<Arc<LogBuffer>>,
    denial: Option<Denial>,
}

impl Gate {
    pub(crate) fn new(granted: &Arc<Granted>, log: &Arc<LogBuffer>) -> Self {
        let gate = Self(Arc::new(Shared { granted: Arc::clone(granted), call: Mutex::default() }));
        gate.begin(log);
        gate
    }

    /// A call begins: what was denied before is not its own.
    pub(crate) fn begin(&self, log: &Arc<LogBuffer>) {
        *self.call() = OfCall { log: Some(Arc::clone(log)), denial: None };
    }

    /// A call is over: what still goes on beside the guest is checked as before, and what it is denied is nobody's.
    pub(crate) fn end(&self) {
        *self.call() = OfCall::default();
    }

    /// Asks for something.
    ///
    /// # Errors
    /// What to tell the guest. The task's log has the same, once for a guest that asks again and again.
    pub(crate) fn check(&self, ask: impl Fn(&Grants) -> Result<(), Denial>) -> Result<(), String> {
        self.0.granted.check(ask).map_err(|denial| {
            let text = denial.to_string();
            let mut call = self.call();
            if let Some(log) = call.log.clone()
                && call.denial.as_ref() != Some(&denial)
            {
                log.write(line(&denial));
                call.denial = Some(denial);
            }
            text
        })
    }

    /// The last thing that the guest asked for without a grant.
    pub(crate) fn denial(&self) -> Option<Denial> {
        self.call().denial.clone()
    }

    /// The grants.
    pub(crate) fn granted(&self) -> &Arc<Granted> {
        &self.0.granted
    }

    fn call(&self) -> MutexGuard<'_, OfCall> {
        // Its parts are replaced whole, so a poisoned one is still sound.
        self.0.call.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_call_was_denied_is_neither_the_next_ones_nor_anybodys_between_them() {
        let log = || Arc::new(LogBuffer::new(1 << 20));
        let (first, second) = (log(), log());
        let gate = Gate::new(&Arc::new(Granted::all(Grants::default())), &first);
        let ask = || gate.check(|_| Err(Denial::new("this".to_owned(), "a grant".to_owned())));
        assert!(ask().is_err() && gate.denial().is_some());
        gate.end();
        assert!(ask().is_err() && gate.denial().is_none());
        gate.begin(&second);
        assert!(gate.denial().is_none());
        assert!(ask().is_err() && gate.denial().is_some());
        assert_eq!((first.take().lines.len(), second.take().lines.len()), (1, 1));
    }
}
