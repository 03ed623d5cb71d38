//! What was looked at, and what came of it.

use std::{fmt, sync::Arc};

use bytesize::ByteSize;
use spear_types::{Cpu, Duty, NodeName, Timestamp};

use crate::{Ask, NodeId};

/// One decision about where a run goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// What was asked for.
    pub ask: Arc<Ask>,
    /// The node; none where no node had room.
    pub node: Option<NodeName>,
    /// The nodes that were looked at.
    pub considered: Vec<Considered>,
    /// The others, counted by why they were not looked at.
    pub others: Vec<PassedOver>,
}

/// A node that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Considered {
    /// The node.
    pub node: NodeId,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of looking at a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It could take the run; its score is the sum of the terms.
    Scored(Vec<Term>),
    /// It could not.
    Rejected(Filter),
}

/// One term of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Term {
    /// Which.
    pub name: TermName,
    /// What it adds.
    pub value: f64,
}

/// The terms of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TermName {
    /// How full the node would be: the fuller the better where runs are packed, the emptier where they are spread.
    Fit,
    /// It holds the artifact.
    Artifact,
    /// How few runs of the same function it has.
    Spread,
    /// Its labels are preferred ones.
    Prefer,
    /// Its labels are ones to avoid.
    Avoid,
    /// It failed lately.
    Failures,
}

/// The filters, in their order, with why a node did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// It refused this very run before.
    Excluded,
    /// Its link is not open.
    Link,
    /// It stops: it ends what it has.
    Stopping,
    /// It is cordoned, draining or drained.
    Duty(Duty),
    /// It is avoided for its failures until then; where that is over, until the one run has ended that tries it again.
    Penalty(Timestamp),
    /// The first constraint that does not hold.
    Constraint(String),
    /// It has no agent for any of the implementations, or those that it has can run nothing now, and why.
    Agent(Option<String>),
    /// All of so many slots are taken, but for so many that are kept for calls.
    Slots(u32, u32),
    /// Thousandths of a core: asked, free.
    Cpu(u32, u32),
    /// Bytes: asked, free.
    Memory(u64, u64),
}

/// Nodes that were not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// How many.
    pub nodes: u32,
    /// Why.
    pub reason: &'static str,
}

impl Verdict {
    /// The sum of the terms, where there is one.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        match self {
            Self::Scored(terms) => Some(terms.iter().map(|term| term.value).sum()),
            Self::Rejected(_) => None,
        }
    }
}

impl Filter {
    /// What nodes that it keeps away are: so many `without a free slot`.
    #[must_use]
    pub fn nodes_are(&self) -> &'static str {
        match self {
            Self::Excluded => "that refused this run",
            Self::Link => "disconnected or lost",
            Self::Stopping => "stopping",
            Self::Duty(Duty::Cordoned) => "cordoned",
            Self::Duty(Duty::Drained) => "drained",
            Self::Duty(Duty::Draining { .. } | Duty::Open) => "draining",
            Self::Penalty(_) => "avoided for their failures",
            Self::Constraint(_) => "without the labels",
            Self::Agent(_) => "without an agent for it",
            Self::Slots(..) => "without a free slot",
            Self::Cpu(..) => "with too little cpu",
            Self::Memory(..) => "with too little memory",
        }
    }

    /// Its name: `link`, `slots`, ….
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Excluded => "excluded",
            Self::Link => "link",
            Self::Stopping => "stopping",
            Self::Duty(_) => "duty",
            Self::Penalty(_) => "penalty",
            Self::Constraint(_) => "constraints",
            Self::Agent(_) => "agent",
            Self::Slots(..) => "slots",
            Self::Cpu(..) => "cpu",
            Self::Memory(..) => "memory",
        }
    }
}

/// Why the node did not pass.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = |millis: &u32| Cpu::from_millis(*millis);
        let iec = |bytes: &u64| ByteSize(*bytes).display().iec();
        match self {
            Self::Excluded => f.write_str("it refused this run"),
            Self::Link => f.write_str("its link is not open"),
            Self::Stopping => f.write_str("it stops"),
            Self::Duty(duty) => duty.fmt(f),
            Self::Penalty(until) => {
                write!(f, "it failed, and is avoided until {until} or until a run that tries it ends")
            }
            Self::Constraint(constraint) => write!(f, "its labels are not {constraint}"),
            Self::Agent(None) => f.write_str("it has no agent for it"),
            Self::Agent(Some(why)) => f.write_str(why),
            Self::Slots(slots, 0) => write!(f, "all {slots} slots are taken"),
            Self::Slots(slots, kept) => {
                write!(f, "{} of {slots} slots are taken, the rest is kept for calls", slots - kept)
            }
            Self::Cpu(asked, free) => write!(f, "{} cores are asked, {} are free", cores(asked), cores(free)),
            Self::Memory(asked, free) => write!(f, "{} of memory are asked, {} are free", iec(asked), iec(free)),
        }
    }
}

impl fmt::Display for TermName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fit => "fit",
            Self::Artifact => "artifact",
            Self::Spread => "spread",
            Self::Prefer => "prefer",
            Self::Avoid => "avoid",
            Self::Failures => "failures",
        })
    }
}
