//! The one place where a guest's wish meets its grants.

use std::{sync::Arc, time::SystemTime};

use spear_types::{Denial, Granted, Grants, Lacking, Level, LogLine};

use crate::logs::LogBuffer;

/// One instance's grants. Each use is checked, not only the first, and what was denied is remembered and logged.
pub(crate) struct Gate {
    granted: Arc<Granted>,
    log: Arc<LogBuffer>,
    denial: Option<Denial>,
}

impl Gate {
    pub(crate) fn new(granted: &Arc<Granted>, log: &Arc<LogBuffer>) -> Self {
        Self { granted: Arc::clone(granted), log: Arc::clone(log), denial: None }
    }

    /// Asks for something.
    ///
    /// # Errors
    /// What to tell the guest. The task's log has the same, once for a guest that asks again and again.
    pub(crate) fn check(&mut self, ask: impl Fn(&Grants) -> Result<(), Denial>) -> Result<(), String> {
        self.granted.check(ask).map_err(|denial| {
            let text = denial.to_string();
            if self.denial.as_ref() != Some(&denial) {
                self.log.write(line(&denial));
                self.denial = Some(denial);
            }
            text
        })
    }

    /// The last thing that the guest asked for without a grant.
    pub(crate) fn denial(&self) -> Option<&Denial> {
        self.denial.as_ref()
    }

    /// The grants.
    pub(crate) fn granted(&self) -> &Arc<Granted> {
        &self.granted
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
