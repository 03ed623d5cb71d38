//! What finds a few good nodes without a look at all of them.
//!
//! ```text
//! constraints, agent, policy ─▶ View ─▶ cells of nodes that are alike ─▶ candidates ─▶ exact scores
//! ```
//!
//! There is a view for each set of constraints that is asked for, made at the first such ask and kept as long as there are
//! not too many. Nodes that get nothing (link, duty, penalty, no slot) are in no cell. A change of a node costs a little in
//! each view that it is in.

mod cell;
mod class;
mod view;
mod wants;

use std::collections::HashMap;

use spear_types::Resources;

use self::{
    view::{Place, View},
    wants::Key,
};
use super::{
    NodeId,
    mix::Mix,
    node::{Node, Standing},
    nodes::Nodes,
};
use crate::Ask;

/// In how many views a node is on the average, at the most: a bound on memory (12 bytes each) and on what a change of a
/// node costs. Views of few nodes are many then: a thousand tenants with nodes of their own fit.
const VIEWS_PER_NODE: usize = 64;

/// The most views; each has a few kilobytes of cells.
const VIEWS: usize = 4_096;

/// The views of a fleet.
#[derive(Debug, Default)]
pub(super) struct Index {
    views: Vec<Option<View>>,
    /// Views by the hash of what they are asked for by. Of two with one hash the later stays.
    by_hash: HashMap<u64, u32>,
    /// By place of the node, in the order of the views: the views that have it.
    seats: Vec<Vec<Seat>>,
    seated: usize,
    uses: u64,
}

/// A node in a view.
#[derive(Debug, Clone, Copy)]
struct Seat {
    view: u32,
    standing: Standing,
    /// None where it gets nothing.
    place: Option<Place>,
}

/// What is free on a node that may have runs.
#[derive(Debug, Clone, Copy)]
struct Room {
    free: Resources,
    /// The share of what is used most, 0 to 1.
    used: f64,
    /// It has no run.
    empty: bool,
}

/// A few nodes that have room.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    nodes: [Option<NodeId>; Self::MOST],
    len: usize,
}

impl Index {
    /// Looks up some of the best nodes for a run: of those that it would rather have, and where none of them has room, of
    /// all.
    pub(super) fn candidates(&mut self, nodes: &Nodes, ask: &Ask, mix: &Mix, excluded: &[NodeId]) -> Candidates {
        let mut found = Candidates::default();
        if let Some(liked) = Key::liked(ask) {
            self.view(nodes, liked).candidates(ask.resources, mix, excluded, &mut found);
        }
        if found.is_empty() {
            self.view(nodes, Key::all(ask)).candidates(ask.resources, mix, excluded, &mut found);
        }
        found
    }

    /// How the nodes stand that have what is asked for.
    pub(super) fn standings(&mut self, nodes: &Nodes, ask: &Ask) -> [u32; Standing::ALL.len()] {
        self.view(nodes, Key::all(ask)).standings
    }

    /// A node came, or says something else of itself than before.
    pub(super) fn joined(&mut self, id: NodeId, node: &Node) {
        self.forgot(id);
        if self.seats.len() <= id.slot() {
            self.seats.resize_with(id.slot() + 1, Vec::new);
        }
        for number in 0..self.views.len() {
            self.seat(number, id, node);
        }
    }

    /// A node went.
    pub(super) fn forgot(&mut self, id: NodeId) {
        let Some(seats) = self.seats.get_mut(id.slot()) else { return };
        let seats = std::mem::take(seats);
        self.seated -= seats.len();
        for seat in seats {
            let Some(view) = self.views.get_mut(seat.view as usize).and_then(Option::as_mut) else { continue };
            view.standings[seat.standing as usize] -= 1;
            if let Some(place) = seat.place {
                let moved = view.remove(place);
                self.moved(moved, seat.view, place);
            }
        }
    }

    /// A node has other runs, or another link, duty or penalty.
    pub(super) fn changed(&mut self, id: NodeId, node: &Node) {
        let (standing, room) = (node.standing(), Room::of(node));
        for at in 0..self.seats.get(id.slot()).map_or(0, Vec::len) {
            let seat = self.seats[id.slot()][at];
            let Some(view) = self.views.get_mut(seat.view as usize).and_then(Option::as_mut) else { continue };
            view.standings[seat.standing as usize] -= 1;
            view.standings[standing as usize] += 1;
            let open = standing == Standing::Open;
            let kept = seat.place.filter(|place| open && view.keeps(*place, &room));
            let moved = seat.place.filter(|_| kept.is_none()).map(|place| (view.remove(place), place));
            let place = kept.or_else(|| open.then(|| view.put(id, &room)));
            self.seats[id.slot()][at] = Seat { standing, place, ..seat };
            if let Some((moved, place)) = moved {
                self.moved(moved, seat.view, place);
            }
        }
    }

    /// The view of a key; made where there is none.
    fn view(&mut self, nodes: &Nodes, key: Key<'_>) -> &View {
        self.uses += 1;
        let hash = key.hash();
        let known = self
            .by_hash
            .get(&hash)
            .copied()
            .filter(|number| self.views[*number as usize].as_ref().is_some_and(|view| key.is(&view.wants)));
        let number = known.unwrap_or_else(|| self.make(nodes, key, hash)) as usize;
        let uses = self.uses;
        let view = self.views[number].get_or_insert_with(|| View::new(key.wants(), hash, uses));
        view.used = uses;
        view
    }

    fn make(&mut self, nodes: &Nodes, key: Key<'_>, hash: u64) -> u32 {
        if let Some(other) = self.by_hash.get(&hash).copied() {
            self.drop_view(other);
        }
        while self.by_hash.len() >= VIEWS || self.seated > VIEWS_PER_NODE.saturating_sub(1) * nodes.len() {
            let Some(oldest) = self.oldest() else { break };
            self.drop_view(oldest);
        }
        let number = self.views.iter().position(Option::is_none).unwrap_or(self.views.len());
        let view = Some(View::new(key.wants(), hash, self.uses));
        if number == self.views.len() {
            self.views.push(view);
        } else {
            self.views[number] = view;
        }
        // There are at most `VIEWS`.
        let short = u32::try_from(number).unwrap_or(u32::MAX);
        self.by_hash.insert(hash, short);
        for (id, node) in nodes.iter() {
            self.seat(number, id, node);
        }
        short
    }

    /// Puts a node into a view, if it is one of its.
    fn seat(&mut self, number: usize, id: NodeId, node: &Node) {
        let Some(view) = self.views[number].as_mut().filter(|view| view.wants.hold(node)) else { return };
        let standing = node.standing();
        view.standings[standing as usize] += 1;
        let place = (standing == Standing::Open).then(|| view.put(id, &Room::of(node)));
        if self.seats.len() <= id.slot() {
            self.seats.resize_with(id.slot() + 1, Vec::new);
        }
        let view = u32::try_from(number).unwrap_or(u32::MAX);
        let seats = &mut self.seats[id.slot()];
        let at = seats.partition_point(|seat| seat.view < view);
        seats.insert(at, Seat { view, standing, place });
        self.seated += 1;
    }

    /// A node has another's place in a view.
    fn moved(&mut self, node: Option<NodeId>, view: u32, place: Place) {
        let Some(seats) = node.and_then(|node| self.seats.get_mut(node.slot())) else { return };
        if let Ok(at) = seats.binary_search_by_key(&view, |seat| seat.view) {
            seats[at].place = Some(place);
        }
    }

    fn oldest(&self) -> Option<u32> {
        let views = self.by_hash.values().copied();
        views.min_by_key(|number| self.views[*number as usize].as_ref().map_or(0, |view| view.used))
    }

    fn drop_view(&mut self, number: u32) {
        let Some(view) = self.views.get_mut(number as usize).and_then(Option::take) else { return };
        self.by_hash.remove(&view.hash);
        for seats in &mut self.seats {
            if let Ok(at) = seats.binary_search_by_key(&number, |seat| seat.view) {
                seats.remove(at);
                self.seated -= 1;
            }
        }
    }
}

impl Room {
    fn of(node: &Node) -> Self {
        let free = node.free();
        let free = Resources { cpu: free.cpu, memory: free.memory };
        Self { free, used: node.used(), empty: node.reserved.slots == 0 }
    }
}

impl Candidates {
    /// So many are scored exactly, at the most: those of the best cells, and a few that hold the artifact.
    const MOST: usize = 20;
    /// So many of one cell.
    const OF_A_CELL: usize = 4;

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().copied().flatten()
    }

    /// Takes up to so many more.
    pub(super) fn add(&mut self, nodes: impl Iterator<Item = NodeId>, excluded: &[NodeId], most: usize) {
        let free = &mut self.nodes[self.len..];
        let nodes = nodes.filter(|node| !excluded.contains(node)).take(most);
        let added = free.iter_mut().zip(nodes).map(|(place, node)| *place = Some(node)).count();
        self.len += added;
    }
}
