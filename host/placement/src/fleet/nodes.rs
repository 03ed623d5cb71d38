//! The nodes by number and by name.

use std::collections::BTreeMap;

use spear_types::{Capacity, NodeName};

use super::{Node, NodeSpec};

/// A node's number in its fleet; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The place in the list of nodes; given again once its node is forgotten.
    slot: u32,
    /// How many nodes had the place before.
    generation: u32,
}

impl NodeId {
    /// The place in the list of nodes.
    pub(super) fn slot(self) -> usize {
        self.slot as usize
    }
}

/// Every node, in a place of its own.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    places: Vec<Place>,
    free: Vec<u32>,
    names: BTreeMap<NodeName, NodeId>,
}

#[derive(Debug)]
struct Place {
    generation: u32,
    node: Option<Box<Node>>,
}

impl Nodes {
    /// Lets a node in, or changes what a known one says of itself.
    pub(super) fn join(&mut self, spec: NodeSpec) -> NodeId {
        if let Some(known) = self.find(&spec.name) {
            if let Some(node) = self.get_mut(known) {
                node.rejoin(spec);
            }
            return known;
        }
        let id = self.free_place();
        self.names.insert(spec.name.clone(), id);
        self.places[id.slot as usize].node = Some(Box::new(Node::new(spec)));
        id
    }

    pub(super) fn remove(&mut self, id: NodeId) -> Option<Node> {
        self.get(id)?;
        let place = &mut self.places[id.slot as usize];
        let node = place.node.take()?;
        // The number after the last one is never given: a place that had 4 billion nodes stays empty.
        if let Some(next) = place.generation.checked_add(1) {
            place.generation = next;
            self.free.push(id.slot);
        }
        self.names.remove(&node.spec.name);
        Some(*node)
    }

    pub(super) fn find(&self, name: &NodeName) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    pub(super) fn get(&self, id: NodeId) -> Option<&Node> {
        let place = self.places.get(id.slot as usize)?;
        place.node.as_deref().filter(|_| place.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        let place = self.places.get_mut(id.slot as usize)?;
        place.node.as_deref_mut().filter(|_| place.generation == id.generation)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Every number, by name.
    pub(super) fn by_name(&self) -> impl Iterator<Item = NodeId> {
        self.names.values().copied()
    }

    /// Every node, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.by_name().filter_map(|id| Some((id, self.get(id)?)))
    }

    /// The most of each that a node has.
    pub(super) fn largest(&self) -> Capacity {
        self.iter().fold(Capacity::default(), |most, (_, node)| larger(most, node.spec.capacity))
    }

    fn free_place(&mut self) -> NodeId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { generation: 0, node: None });
            // More than 4 billion nodes do not fit into memory.
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        NodeId { slot, generation: self.places[slot as usize].generation }
    }
}

pub(super) fn larger(one: Capacity, other: Capacity) -> Capacity {
    Capacity { slots: one.slots.max(other.slots), cpu: one.cpu.max(other.cpu), memory: one.memory.max(other.memory) }
}
