//! `[placement]`: what a run takes of a node, and which nodes it may go to.

use spear_types::{Constraints, Placement};

use super::node::cores;
use crate::output::size;

/// As a person reads it; `memory` is what is kept for a run where the manifest does not say, if that is known.
pub(crate) fn text(placement: &Placement, memory: Option<u64>) -> String {
    let Placement { cpu, memory: asked, constraints, prefer, avoid, priority, policy } = placement;
    let memory = asked.or(memory).map_or_else(|| "its limit of".to_owned(), size);
    let takes = format!("{} cpu, {memory} memory, priority {}, policy {policy}", cores(*cpu), priority.get());
    let lines = |what: &str, constraints: &Constraints| -> String {
        constraints.iter().map(|constraint| format!("\n  {what} {constraint}")).collect()
    };
    let (needs, prefers, avoids) = (lines("needs", constraints), lines("prefers", prefer), lines("avoids", avoid));
    format!("PLACEMENT\n  {takes}{needs}{prefers}{avoids}")
}
