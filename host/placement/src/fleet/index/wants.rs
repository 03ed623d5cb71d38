//! What tells one view from another: what is asked of a node that does not change with its runs.

use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use spear_types::{Agents, Constraint, Constraints, PlacementPolicy};

use super::Node;
use crate::Ask;

/// What the nodes of a view have to be.
#[derive(Debug)]
pub(super) struct Wants {
    agents: Agents,
    pub(super) policy: PlacementPolicy,
    constraints: Constraints,
    /// What is preferred and avoided, where the view is of the nodes that have the one and nothing of the other.
    tastes: Option<(Constraints, Constraints)>,
}

/// An ask as the key of a view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    ask: &'a Ask,
    /// Whether the view is of the nodes that have all that is preferred and nothing that is avoided.
    liked: bool,
}

impl<'a> Key<'a> {
    /// Of the nodes that may have the run.
    pub(super) fn all(ask: &'a Ask) -> Self {
        Self { ask, liked: false }
    }

    /// Of those that the run would rather have, where it says so.
    pub(super) fn liked(ask: &'a Ask) -> Option<Self> {
        (!ask.prefer.is_empty() || !ask.avoid.is_empty()).then_some(Self { ask, liked: true })
    }

    /// Short for the key; not unique.
    pub(super) fn hash(self) -> u64 {
        let Ask { constraints, agents, policy, .. } = self.ask;
        BuildHasherDefault::<DefaultHasher>::default().hash_one((constraints, agents, policy, self.tastes()))
    }

    pub(super) fn is(self, wants: &Wants) -> bool {
        let Ask { constraints, agents, policy, .. } = self.ask;
        let tastes = wants.tastes.as_ref().map(|(prefer, avoid)| (prefer, avoid));
        (*agents, *policy, constraints, self.tastes()) == (wants.agents, wants.policy, &wants.constraints, tastes)
    }

    pub(super) fn wants(self) -> Wants {
        Wants {
            agents: self.ask.agents,
            policy: self.ask.policy,
            constraints: self.ask.constraints.clone(),
            tastes: self.tastes().map(|(prefer, avoid)| (prefer.clone(), avoid.clone())),
        }
    }

    fn tastes(self) -> Option<(&'a Constraints, &'a Constraints)> {
        self.liked.then_some((&self.ask.prefer, &self.ask.avoid))
    }
}

impl Wants {
    /// Whether a node is one of the view's.
    pub(super) fn hold(&self, node: &Node) -> bool {
        let holds = |constraint: &Constraint| node.holds(constraint);
        let liked =
            self.tastes.as_ref().is_none_or(|(prefer, avoid)| prefer.iter().all(holds) && !avoid.iter().any(holds));
        liked && node.agents().meets(self.agents) && self.constraints.iter().all(holds)
    }
}
