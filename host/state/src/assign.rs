//! Room for those that wait.
//!
//! Whose turn it is: the first group for which there may be room at all, or the first blocked one for which there is
//! room on a node that has more of it than before, whichever comes first in the queue.

use std::collections::BTreeSet;

use spear_placement::NodeId;
use spear_types::{TaskId, Timestamp};

use crate::{
    State,
    functions::Terms,
    pass::Pass,
    queue::{GroupKey, Next},
    retry::timed_out,
    tasks::{Place, Queued, Task},
};

impl State {
    /// Gives tasks that wait the room that there is.
    pub(crate) fn assign(&mut self, pass: &mut Pass<'_>) {
        let mut tried = BTreeSet::new();
        while let Some(next) = self.next_in_turn(&tried, pass) {
            if !self.assign_one(&next, pass) {
                self.queue.block(next.group);
                tried.insert(next.group);
            }
        }
    }

    /// False where there is no room for its group.
    fn assign_one(&mut self, next: &Next, pass: &mut Pass<'_>) -> bool {
        let Some(task) = self.tasks.get_mut(next.task) else { return false };
        if task.is_late(pass.now) {
            let outcome = timed_out(task);
            self.end(next.task, outcome, pass);
            return true;
        }
        let refused_by = refused_by(task, pass.now);
        match self.nodes.fleet.place_and_explain(&next.terms.ask, &refused_by, pass.now) {
            (Some(node), decision) => {
                self.queue.rotate(next.group);
                self.give(next.task, node, decision, pass)
            }
            (None, _) => self.hold_back(next.task),
        }
    }

    /// One that only nodes have room for which refused it waits until one of them may be asked again, and keeps nobody
    /// waiting meanwhile. False where no node refused it.
    fn hold_back(&mut self, id: TaskId) -> bool {
        let Some(task) = self.tasks.get(id) else { return false };
        let Some(until) = task.refused_by.iter().map(|(_, until)| *until).min() else { return false };
        let Place::Queued(queued) = task.place else { return false };
        task.group().into_iter().for_each(|group| self.queue.remove(group, id));
        self.tasks.put(id, Place::Queued(Queued { wakes: Some(until), ..queued }));
        self.enqueue(id);
        true
    }

    fn next_in_turn(&self, tried: &BTreeSet<GroupKey>, pass: &mut Pass<'_>) -> Option<Next> {
        let open = self.queue.first_open();
        if !self.queue.has_blocked() {
            return open;
        }
        pass.room.retain(|node| self.nodes.has_slots(*node));
        if pass.room.is_empty() {
            return open;
        }
        let fits = |terms: &Terms| pass.room.iter().any(|node| self.nodes.fleet.fits(*node, &terms.ask, pass.now));
        let blocked = self.queue.first_blocked(|group, terms| !tried.contains(&group) && fits(terms));
        [open, blocked].into_iter().flatten().min_by_key(|next| next.turn)
    }

    /// A task that waited for a time waits for room.
    pub(crate) fn wake(&mut self, id: TaskId) {
        if let Some(Task { place: Place::Queued(queued), .. }) = self.tasks.get(id)
            && queued.wakes.is_some()
        {
            let ready = Queued { wakes: None, ..*queued };
            self.tasks.put(id, Place::Queued(ready));
            self.enqueue(id);
        }
    }
}

/// The nodes that are not to be asked now; what is over is forgotten.
pub(crate) fn refused_by(task: &mut Task, now: Timestamp) -> Vec<NodeId> {
    task.refused_by.retain(|(_, until)| *until > now);
    task.refused_by.iter().map(|(node, _)| *node).collect()
}
