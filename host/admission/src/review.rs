//! A component's imports against a manifest's grants.

use serde::Serialize;
use spear_types::{Code, Granted, Refusal};

use crate::{
    component::{Component, Item},
    provided::{self, HANDLER, Need},
};

/// The most problems that one refusal names: it travels in a header.
const SHOWN: usize = 20;

/// A component against grants: everything that is right or wrong with it, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Review {
    /// What it imports, in its order.
    pub imports: Vec<ImportReview>,
    /// What it exports, in its order.
    pub exports: Vec<String>,
    /// Whether it exports the handler. One that does not was made for another world and has nothing to call.
    pub handler: bool,
    /// Grants that no import can make use of, as lines of `spear.toml`: worth a warning.
    pub unused: Vec<String>,
}

/// One import against the grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReview {
    /// Its name: `spear:hostcalls/objects@0.1.0`.
    pub name: String,
    /// Whether it can be had.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Whether an import can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Every function has it; no grant is needed.
    Provided,
    /// Grants cover it.
    Granted {
        /// The grants, as lines of `spear.toml`.
        by: Vec<String>,
    },
    /// It needs a grant and has none.
    Missing {
        /// The lines to add to `spear.toml`.
        add: String,
    },
    /// SPEAR does not have it: no grant helps.
    Unavailable {
        /// Why.
        reason: String,
    },
}

impl Component {
    /// Holds the imports against `grants` and the exports against what a function must have.
    #[must_use]
    pub fn review(&self, granted: &Granted) -> Review {
        let lines = granted.effective.lines();
        let imports: Vec<_> = self.imports.iter().map(|import| ImportReview::new(import, &lines)).collect();
        let used = imports.iter().any(|import| matches!(import.verdict, Verdict::Granted { .. }));
        Review {
            imports,
            exports: self.exports().map(str::to_owned).collect(),
            handler: self.exports.iter().any(provided::is_handler),
            unused: if used { Vec::new() } else { lines },
        }
    }
}

impl Review {
    /// Whether the component may run.
    ///
    /// # Errors
    /// One refusal for everything: [`Code::NotGranted`] where grants are missing, with the lines to add, else
    /// [`Code::InvalidComponent`]. It names at most 20 problems and counts the others.
    pub fn admit(&self) -> Result<(), Refusal> {
        let no_handler = (!self.handler).then(|| self.no_handler());
        let problems: Vec<_> =
            no_handler.into_iter().chain(self.imports.iter().filter_map(ImportReview::problem)).collect();
        if problems.is_empty() {
            return Ok(());
        }
        let code = if self.missing().next().is_some() { Code::NotGranted } else { Code::InvalidComponent };
        let refusal = Refusal::new(code, listed(&problems, "\n"));
        Err(self.help().into_iter().fold(refusal, Refusal::help))
    }

    fn missing(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().filter_map(|import| match &import.verdict {
            Verdict::Missing { add } => Some(add.as_str()),
            Verdict::Provided | Verdict::Granted { .. } | Verdict::Unavailable { .. } => None,
        })
    }

    fn no_handler(&self) -> String {
        let exports = if self.exports.is_empty() { "nothing".to_owned() } else { listed(&self.exports, ", ") };
        format!("it exports {exports}; {HANDLER} with the function `handle` is needed")
    }

    fn help(&self) -> Option<String> {
        let mut help = Vec::new();
        if !self.handler {
            help.push("`spear new` starts a function that exports the handler".to_owned());
        }
        let mut missing: Vec<_> = self.missing().collect();
        missing.dedup();
        if !missing.is_empty() {
            help.push(format!("add to spear.toml:\n{}", missing.join("\n")));
        }
        (!help.is_empty()).then(|| help.join("\n"))
    }
}

impl ImportReview {
    fn new(import: &Item, grants: &[String]) -> Self {
        let verdict = match provided::need(import) {
            Ok(Need::Nothing) => Verdict::Provided,
            Ok(Need::Bucket) if grants.is_empty() => {
                Verdict::Missing { add: format!("[grants.objects]\n<bucket> = \"{}\"", provided::access(import)) }
            }
            Ok(Need::Bucket) => Verdict::Granted { by: grants.to_vec() },
            Err(reason) => Verdict::Unavailable { reason },
        };
        Self { name: import.name.clone(), verdict }
    }

    fn problem(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Provided | Verdict::Granted { .. } => None,
            Verdict::Missing { .. } => Some(format!("{} is imported and not granted", self.name)),
            Verdict::Unavailable { reason } => Some(format!("{} is imported and cannot be had: {reason}", self.name)),
        }
    }
}

fn listed(texts: &[String], between: &str) -> String {
    let shown = texts[..texts.len().min(SHOWN)].join(between);
    match texts.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}{between}and {more} more"),
    }
}
