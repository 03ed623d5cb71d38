//! The nodes that may have runs with certain constraints, by what is free on them.

use std::collections::HashMap;

use spear_types::{PlacementPolicy, Resources};

use super::{
    Candidates, NodeId, Room,
    cell::{Cell, Entry},
    class::Class,
    wants::Wants,
};
use crate::fleet::{mix::Mix, node::Standing};

/// How many cells are looked into first, the best of them by their middles.
const BEST: usize = 4;

/// Nodes that are alike to those who ask for the same, in cells.
#[derive(Debug)]
pub(super) struct View {
    pub(super) wants: Wants,
    /// When it was used last, counted in uses of any view.
    pub(super) used: u64,
    /// Short for what it is asked for by.
    pub(super) hash: u64,
    /// How many nodes it has, by how they stand.
    pub(super) standings: [u32; Standing::ALL.len()],
    /// Cells stay where they are once there are any.
    cells: Vec<(Class, Cell)>,
    numbers: HashMap<Class, u32>,
}

/// Where a node is in a view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    cell: u32,
    entry: u32,
}

impl View {
    pub(super) fn new(wants: Wants, hash: u64, used: u64) -> Self {
        Self { wants, used, hash, standings: Default::default(), cells: Vec::new(), numbers: HashMap::new() }
    }

    /// Where the node belongs that has so much room.
    pub(super) fn put(&mut self, node: NodeId, room: &Room) -> Place {
        let class = Class::of(self.wants.policy, room);
        let cell = *self.numbers.entry(class).or_insert_with(|| {
            self.cells.push((class, Cell::default()));
            number(self.cells.len() - 1)
        });
        let entry = self.cells[cell as usize].1.push(Entry { node, free: room.free });
        Place { cell, entry: number(entry) }
    }

    /// Whether the node stays where it is with so much room.
    pub(super) fn keeps(&mut self, place: Place, room: &Room) -> bool {
        let (class, cell) = &mut self.cells[place.cell as usize];
        let stays = *class == Class::of(self.wants.policy, room);
        if stays {
            cell.set(place.entry as usize, room.free);
        }
        stays
    }

    /// Takes a node out, and says which one has its place then.
    pub(super) fn remove(&mut self, place: Place) -> Option<NodeId> {
        self.cells[place.cell as usize].1.remove(place.entry as usize)
    }

    /// Nodes that have room: some of the best, and at least one if there is any.
    pub(super) fn candidates(&self, asked: Resources, mix: &Mix, excluded: &[NodeId], found: &mut Candidates) {
        let worth = |class: Class| match self.wants.policy {
            PlacementPolicy::Spread => -f64::from(class.group()),
            PlacementPolicy::Pack => mix.worth(asked, class.middle(), class.group() > 0),
        };
        let mut best = [(f64::NEG_INFINITY, None); BEST];
        for (class, cell) in self.cells_for(asked) {
            let worth = worth(class);
            let at = best.partition_point(|(other, _)| *other >= worth);
            if at < BEST {
                best[at..].rotate_right(1);
                best[at] = (worth, Some(cell));
            }
        }
        let best = best.into_iter().filter_map(|(_, cell)| cell);
        best.for_each(|cell| found.add(cell.fitting(asked), excluded, Candidates::OF_A_CELL));
        if found.is_empty() {
            self.cells_for(asked).for_each(|(_, cell)| found.add(cell.fitting(asked), excluded, 1));
        }
    }

    /// The cells in which there may be room.
    fn cells_for(&self, asked: Resources) -> impl Iterator<Item = (Class, &Cell)> {
        let cells = self.cells.iter().filter(move |(class, cell)| class.may_fit(asked) && !cell.is_empty());
        cells.map(|(class, cell)| (*class, cell))
    }
}

/// A place in a list, short: there are fewer nodes than 4 billion.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
