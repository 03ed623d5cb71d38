//! Which nodes hold which artifact.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Bound,
};

use spear_types::Digest;

use super::NodeId;

/// The holders of each artifact that any node holds.
#[derive(Debug, Default)]
pub(super) struct Holders(HashMap<Digest, BTreeSet<NodeId>>);

impl Holders {
    pub(super) fn add(&mut self, node: NodeId, artifact: Digest) {
        self.0.entry(artifact).or_default().insert(node);
    }

    pub(super) fn remove(&mut self, node: NodeId, artifact: &Digest) {
        let Some(nodes) = self.0.get_mut(artifact) else { return };
        nodes.remove(&node);
        if nodes.is_empty() {
            self.0.remove(artifact);
        }
    }

    /// The holders of an artifact, those after `last` first.
    pub(super) fn after(&self, last: Option<NodeId>, artifact: &Digest) -> impl Iterator<Item = NodeId> + Clone {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let nodes = self.0.get(artifact).into_iter();
        nodes.flat_map(move |nodes| nodes.range((from, Bound::Unbounded)).chain(nodes)).copied()
    }
}
