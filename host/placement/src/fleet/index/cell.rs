//! Nodes that are alike: what is free on each, in blocks whose largest are known, so that a cell without a node that fits
//! costs a look at each block and not at each node.

use spear_types::Resources;

use super::NodeId;

/// Nodes of one block: as long to look through as a cell of a middling fleet.
const BLOCK: usize = 64;

/// The nodes of a cell.
#[derive(Debug, Default)]
pub(super) struct Cell {
    entries: Vec<Entry>,
    /// The most that is free on any node of a block, for each resource alone.
    most: Vec<Resources>,
}

/// A node of a cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) node: NodeId,
    pub(super) free: Resources,
}

impl Cell {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts a node in, and says where it is.
    pub(super) fn push(&mut self, entry: Entry) -> usize {
        let at = self.entries.len();
        self.entries.push(entry);
        match self.most.get_mut(at / BLOCK) {
            Some(most) => *most = larger(*most, entry.free),
            None => self.most.push(entry.free),
        }
        at
    }

    /// Takes note of what is free on a node.
    pub(super) fn set(&mut self, at: usize, free: Resources) {
        let before = std::mem::replace(&mut self.entries[at].free, free);
        let most = self.most[at / BLOCK];
        let (cpu, memory) = (before.cpu == most.cpu && free.cpu < most.cpu, before.memory == most.memory);
        if cpu || (memory && free.memory < most.memory) {
            self.measure(at / BLOCK);
        } else {
            self.most[at / BLOCK] = larger(most, free);
        }
    }

    /// Takes a node out, and says which one has its place then.
    pub(super) fn remove(&mut self, at: usize) -> Option<NodeId> {
        self.entries.swap_remove(at);
        self.most.truncate(self.entries.len().div_ceil(BLOCK));
        let moved = self.entries.get(at).map(|entry| entry.node);
        // The last block lost its last node, the node's own block has that in its place.
        let (own, last) = (at / BLOCK, self.entries.len() / BLOCK);
        self.measure(own);
        if last != own {
            self.measure(last);
        }
        moved
    }

    /// The nodes on which that much is free.
    pub(super) fn fitting(&self, asked: Resources) -> impl Iterator<Item = NodeId> {
        let blocks = self.entries.chunks(BLOCK).zip(&self.most).filter(move |(_, most)| fits(asked, **most));
        blocks.flat_map(|(entries, _)| entries).filter(move |entry| fits(asked, entry.free)).map(|entry| entry.node)
    }

    fn measure(&mut self, block: usize) {
        if let Some(most) = self.most.get_mut(block) {
            let entries = self.entries.chunks(BLOCK).nth(block).unwrap_or_default();
            *most = entries.iter().fold(Resources::default(), |most, entry| larger(most, entry.free));
        }
    }
}

fn fits(asked: Resources, free: Resources) -> bool {
    asked.cpu <= free.cpu && asked.memory <= free.memory
}

fn larger(one: Resources, other: Resources) -> Resources {
    Resources { cpu: one.cpu.max(other.cpu), memory: one.memory.max(other.memory) }
}
