//! Why a task runs where it runs, as the SMS tells it.

use spear_proto::v1::{self, considered};
use spear_types::{Cpu, Timestamp};
use spear_wire::{Decode as _, required};

use super::Answer;

/// One decision about where a task runs.
pub(crate) struct Decision {
    pub(crate) at: Timestamp,
    /// The node that was chosen; none: it waits.
    pub(crate) node: Option<String>,
    /// A sentence.
    pub(crate) summary: String,
    pub(crate) cpu: Cpu,
    pub(crate) memory: u64,
    pub(crate) constraints: Vec<String>,
    pub(crate) prefer: Vec<String>,
    pub(crate) avoid: Vec<String>,
    pub(crate) policy: String,
    pub(crate) nodes: Vec<Considered>,
    pub(crate) others: Vec<PassedOver>,
}

/// A node that was looked at.
pub(crate) struct Considered {
    pub(crate) node: String,
    pub(crate) verdict: Verdict,
}

/// What came of looking at a node.
pub(crate) enum Verdict {
    /// The sum of the terms, each with its name.
    Scored { score: f64, terms: Vec<(String, f64)> },
    /// The filter that it did not pass, and why.
    Rejected { filter: String, reason: String },
}

/// Nodes that were not looked at.
pub(crate) struct PassedOver {
    pub(crate) nodes: u32,
    pub(crate) reason: String,
}

pub(super) fn decode(message: v1::Decision) -> Answer<Decision> {
    let v1::Decision { at, node, summary, cpu_millis, memory_bytes, constraints, policy, nodes, others, prefer, avoid } =
        message;
    let passed_over = |v1::PassedOver { nodes, reason }| PassedOver { nodes, reason };
    Ok(Decision {
        at: Timestamp::decode(at)?,
        node,
        summary,
        cpu: Cpu::decode(cpu_millis)?,
        memory: memory_bytes,
        constraints,
        prefer,
        avoid,
        policy,
        nodes: nodes.into_iter().map(considered).collect::<Answer<_>>()?,
        others: others.into_iter().map(passed_over).collect(),
    })
}

fn considered(message: v1::Considered) -> Answer<Considered> {
    let v1::Considered { node, verdict } = message;
    let verdict = match required(verdict, "considered.verdict")? {
        considered::Verdict::Scored(considered::Scored { terms, score }) => {
            Verdict::Scored { score, terms: terms.into_iter().map(|term| (term.name, term.value)).collect() }
        }
        considered::Verdict::Rejected(considered::Rejected { filter, reason }) => Verdict::Rejected { filter, reason },
    };
    Ok(Considered { node, verdict })
}
