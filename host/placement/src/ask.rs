//! What a run asks of a node.

use spear_types::{Agents, Constraints, Digest, FunctionName, FunctionVersion, PlacementPolicy, Resources};

/// What the runs of one version of a function ask of a node: made once, shared by all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The function: its runs are kept apart where it spreads.
    pub function: FunctionName,
    /// What one run takes.
    pub resources: Resources,
    /// What a node's labels have to be.
    pub constraints: Constraints,
    /// What they had better be.
    pub prefer: Constraints,
    /// What they had better not be.
    pub avoid: Constraints,
    /// How runs lie on the nodes.
    pub policy: PlacementPolicy,
    /// What its implementations are run by: a node has to have one of them.
    pub agents: Agents,
    /// The first artifact: a node that holds it need not fetch it.
    pub artifact: Option<Digest>,
}

impl Ask {
    /// What the runs of this version ask.
    #[must_use]
    pub fn of(function: &FunctionVersion) -> Self {
        let placement = &function.placement;
        Self {
            function: function.name.clone(),
            resources: placement.resources(&function.limits),
            constraints: placement.constraints.clone(),
            prefer: placement.prefer.clone(),
            avoid: placement.avoid.clone(),
            policy: placement.policy,
            agents: function.agents(),
            artifact: function.artifacts().next().map(|artifact| artifact.digest),
        }
    }
}
