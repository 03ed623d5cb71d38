//! A component's imports against a manifest's grants.

use serde::Serialize;
use spear_types::{Code, Cut, Granted, Lacking, Refusal};

use crate::{
    component::{Component, Item},
    exports::{self, Entry, NEEDED},
    provided::{self, Kind, Need},
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
    /// How it is called; the first is what a call without a function's name goes to. One without any was made for
    /// another host.
    pub entries: Vec<Entry>,
    /// Grants that no import can make use of, as lines of `spear.toml`: worth a warning.
    pub unused: Vec<String>,
    /// What is asked for and not allowed by the operator, in part or at all.
    pub cut: Vec<Cut>,
}

/// One import against the grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReview {
    /// Its name: `spear:hostcalls/objects@0.1.0`.
    pub name: String,
    /// What it needs, in words; nothing where every function has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<&'static str>,
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
        /// The grants in force, as lines of `spear.toml`.
        by: Vec<String>,
    },
    /// It is there, and refuses everything until something is granted.
    Closed {
        /// The lines that would open it.
        add: String,
        /// Where they are lacking.
        lacking: Lacking,
    },
    /// It needs a grant and has none.
    Missing {
        /// The lines to add.
        add: String,
        /// Where they are lacking.
        lacking: Lacking,
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
        let imports: Vec<_> = self.imports.iter().map(|import| ImportReview::new(import, granted)).collect();
        Review {
            unused: unused(&imports, granted.effective.lines()),
            imports,
            exports: self.exports().map(str::to_owned).collect(),
            entries: exports::entries(&self.exports),
            cut: granted.cuts(),
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
        let no_entry = self.entries.is_empty().then(|| self.no_entry());
        let problems: Vec<_> =
            no_entry.into_iter().chain(self.imports.iter().filter_map(ImportReview::problem)).collect();
        if problems.is_empty() {
            return Ok(());
        }
        let missing = |import: &ImportReview| matches!(import.verdict, Verdict::Missing { .. });
        let code = if self.imports.iter().any(missing) { Code::NotGranted } else { Code::InvalidComponent };
        let refusal = Refusal::new(code, listed(&problems, "\n"));
        Err(self.help().into_iter().fold(refusal, Refusal::help))
    }

    fn missing(&self, whose: Lacking) -> Vec<&str> {
        let missing =
            |import: &'_ ImportReview| matches!(&import.verdict, Verdict::Missing { lacking, .. } if *lacking == whose);
        let mut lines: Vec<&str> =
            self.imports.iter().filter(|import| missing(import)).filter_map(ImportReview::add).collect();
        lines.dedup();
        lines
    }

    fn no_entry(&self) -> String {
        let exports = if self.exports.is_empty() { "nothing".to_owned() } else { listed(&self.exports, ", ") };
        format!("it exports {exports}; {NEEDED}")
    }

    fn help(&self) -> Option<String> {
        let mut help = Vec::new();
        if self.entries.is_empty() {
            help.push("`spear new` starts a function that exports the handler".to_owned());
        }
        for (whose, file) in
            [(Lacking::Manifest, "add to spear.toml"), (Lacking::Policy, "the operator's policy would have to say")]
        {
            let lines = self.missing(whose);
            if !lines.is_empty() {
                help.push(format!("{file}:\n{}", merged(&lines)));
            }
        }
        (!help.is_empty()).then(|| help.join("\n"))
    }
}

impl ImportReview {
    fn new(import: &Item, granted: &Granted) -> Self {
        let (needs, verdict) = match provided::need(import) {
            Ok(Need::Nothing) => (None, Verdict::Provided),
            Ok(Need::Grant(kind)) => {
                let missing = |(add, lacking)| Verdict::Missing { add, lacking };
                (Some(kind.words()), granted_or(kind, granted, || missing(lacking(import, kind, granted))))
            }
            Ok(Need::Use(kind)) => {
                let closed = |(add, lacking)| Verdict::Closed { add, lacking };
                (Some(kind.words()), granted_or(kind, granted, || closed(lacking(import, kind, granted))))
            }
            Err(reason) => (None, Verdict::Unavailable { reason }),
        };
        Self { name: import.name.clone(), needs, verdict }
    }

    fn add(&self) -> Option<&str> {
        match &self.verdict {
            Verdict::Missing { add, .. } | Verdict::Closed { add, .. } => Some(add),
            Verdict::Provided | Verdict::Granted { .. } | Verdict::Unavailable { .. } => None,
        }
    }

    fn problem(&self) -> Option<String> {
        match &self.verdict {
            Verdict::Provided | Verdict::Granted { .. } | Verdict::Closed { .. } => None,
            Verdict::Missing { lacking: Lacking::Manifest, .. } => {
                Some(format!("{} is imported and not granted", self.name))
            }
            Verdict::Missing { lacking: Lacking::Policy, .. } => Some(format!(
                "{} is imported, and the operator allows nothing of what spear.toml asks for it",
                self.name
            )),
            Verdict::Unavailable { reason } => Some(format!("{} is imported and cannot be had: {reason}", self.name)),
        }
    }
}

fn granted_or(kind: Kind, granted: &Granted, otherwise: impl FnOnce() -> Verdict) -> Verdict {
    match of_kind(kind, granted.effective.lines()) {
        by if by.is_empty() => otherwise(),
        by => Verdict::Granted { by },
    }
}

/// The lines to add to `spear.toml`; where they are in it already, the operator's to allow.
fn lacking(import: &Item, kind: Kind, granted: &Granted) -> (String, Lacking) {
    match of_kind(kind, granted.asked.lines()) {
        asked if asked.is_empty() => (kind.lines(import), Lacking::Manifest),
        asked => (asked.join("\n"), Lacking::Policy),
    }
}

/// The lines of this kind; none where what is left opens nothing by itself.
fn of_kind(kind: Kind, lines: Vec<String>) -> Vec<String> {
    let [main, ..] = kind.prefixes() else { return Vec::new() };
    if !lines.iter().any(|line| line.starts_with(main)) {
        return Vec::new();
    }
    lines.into_iter().filter(|line| kind.prefixes().iter().any(|prefix| line.starts_with(prefix))).collect()
}

/// The lines with each table's header once, so that they can be put into a file as they are.
fn merged(texts: &[&str]) -> String {
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for text in texts {
        let (header, body) = text.split_once('\n').filter(|(header, _)| header.starts_with('[')).unwrap_or(("", text));
        match tables.iter_mut().find(|(known, _)| *known == header) {
            Some((_, bodies)) if bodies.contains(&body) => {}
            Some((_, bodies)) => bodies.push(body),
            None => tables.push((header, vec![body])),
        }
    }
    let table = |(header, bodies): &(&str, Vec<&str>)| {
        let bodies = bodies.join("\n");
        if header.is_empty() { bodies } else { format!("{header}\n{bodies}") }
    };
    tables.iter().map(table).collect::<Vec<_>>().join("\n")
}

/// The grants that no import uses.
fn unused(imports: &[ImportReview], lines: Vec<String>) -> Vec<String> {
    let used = |line: &String| {
        imports.iter().any(|import| matches!(&import.verdict, Verdict::Granted { by } if by.contains(line)))
    };
    lines.into_iter().filter(|line| !used(line)).collect()
}

fn listed(texts: &[String], between: &str) -> String {
    let shown = texts[..texts.len().min(SHOWN)].join(between);
    match texts.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}{between}and {more} more"),
    }
}
