//! How what a component exports is called.

use serde::Serialize;

use crate::{
    component::{Item, Kind},
    provided::{HANDLER, split},
};

/// A way to call a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// With a body and headers: it exports `spear:hostcalls/handler`.
    Handler,
    /// With an HTTP request: it exports `wasi:http/incoming-handler`.
    Http,
    /// With arguments and standard input: it exports `wasi:cli/run`.
    Command,
    /// By a function's name: it exports functions of its own.
    Functions,
}

/// What a component has to export to be called, in words.
pub(crate) const NEEDED: &str = "a function that can be called is needed: that of spear:hostcalls/handler@0.1.0, \
                                 wasi:http/incoming-handler@0.2 or wasi:cli/run@0.2, or one of its own";

/// Packages whose other exports are for other hosts.
const STANDARD: [&str; 2] = ["spear:hostcalls/", "wasi:"];

/// How the component can be called: the first is what a call without a function's name goes to. The types are for the
/// engine to check, against the ones it calls with.
pub(crate) fn entries(exports: &[Item]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = exports.iter().filter_map(entry).collect();
    entries.sort_unstable();
    entries.dedup();
    entries
}

fn entry(export: &Item) -> Option<Entry> {
    let Kind::Interface(functions) = &export.kind else {
        return (export.kind == Kind::Other("function")).then_some(Entry::Functions);
    };
    let has = |function: &str| functions.iter().any(|name| name == function);
    match split(&export.name) {
        interface if interface == split(HANDLER) => has("handle").then_some(Entry::Handler),
        Some(("wasi:http", "incoming-handler", Some("0.2"))) => has("handle").then_some(Entry::Http),
        Some(("wasi:cli", "run", Some("0.2"))) => has("run").then_some(Entry::Command),
        _ if STANDARD.iter().any(|package| export.name.starts_with(package)) => None,
        // What is of a resource cannot be called by anybody who does not hold one.
        _ => functions.iter().any(|name| !name.starts_with('[')).then_some(Entry::Functions),
    }
}
