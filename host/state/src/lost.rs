//! Nodes that fall silent: first their links go, then their leases are over, at last nobody asks for them.

use std::time::Duration;

use spear_placement::{Link, NodeId};
use spear_types::{Duty, Refusal, TaskId, Timestamp};

use crate::{
    Effect, State,
    nodes::Presence,
    pass::Pass,
    retry::{after_loss, after_nothing},
    timers::Timer,
};

impl State {
    /// A link broke: the node keeps what it has and gets nothing new.
    pub(crate) fn disconnected(&mut self, node: NodeId, session: u64, reason: String) -> Result<(), Refusal> {
        self.nodes.linked(node, session)?.presence = Presence::Disconnected { reason };
        self.nodes.set_link(node, Link::Gone);
        Ok(())
    }

    /// A node stops and has nothing left; what it has all the same did not start, or was stopped.
    pub(crate) fn left(&mut self, node: NodeId, session: u64, pass: &mut Pass<'_>) -> Result<(), Refusal> {
        self.nodes.linked(node, session)?;
        self.give_up(node, "it left".to_owned(), true, pass);
        for id in self.tasks_of(node) {
            self.take_back(id, pass);
            let after = self.tasks.get(id).map(after_nothing);
            after.into_iter().for_each(|after| self.follow(id, after, pass));
        }
        Ok(())
    }

    /// A lease may be over.
    pub(crate) fn lease(&mut self, id: NodeId, pass: &mut Pass<'_>) {
        let lease = self.config.lease;
        let Some(node) = self.nodes.known.get_mut(&id) else { return };
        let reason = match &node.presence {
            Presence::Lost { .. } => return,
            Presence::Live { .. } => format!("it was silent for {lease:?}"),
            Presence::Disconnected { reason } => reason.clone(),
        };
        let over = node.last_heard.after(lease);
        if over > pass.now {
            node.lease = over;
            self.timers.set(over, Timer::Lease(id));
            return;
        }
        // Whoever had nothing failed nobody.
        let failed = !node.is_vacant();
        self.give_up(id, reason.clone(), false, pass);
        if failed {
            self.fails(id, pass);
        }
        self.lose_tasks(id, &reason, pass);
    }

    /// The clock was set forward: for so long no node was silent.
    pub(crate) fn skipped(&mut self, skipped: Duration, pass: &Pass<'_>) {
        for node in self.nodes.known.values_mut() {
            node.last_heard = node.last_heard.after(skipped).min(pass.now);
        }
    }

    /// The clock was set back: leases are not as much longer.
    pub(crate) fn shorten_leases(&mut self, now: Timestamp) {
        let over = now.after(self.config.lease);
        for (id, node) in self.nodes.known.iter_mut().filter(|(_, node)| node.lease > over) {
            node.last_heard = node.last_heard.min(now);
            if !matches!(node.presence, Presence::Lost { .. }) {
                self.timers.remove(node.lease, Timer::Lease(*id));
                self.timers.set(over, Timer::Lease(*id));
                node.lease = over;
            }
        }
        if !self.nodes.absent.is_empty() {
            self.timers.set(over, Timer::Absent);
        }
    }

    /// Every attempt of a node is lost.
    pub(crate) fn lose_tasks(&mut self, node: NodeId, reason: &str, pass: &mut Pass<'_>) {
        self.tasks_of(node).into_iter().for_each(|id| self.lose_attempt(id, reason, pass));
    }

    pub(crate) fn lose_attempt(&mut self, id: TaskId, reason: &str, pass: &mut Pass<'_>) {
        self.take_back(id, pass);
        let Some(task) = self.tasks.get(id) else { return };
        let after = after_loss(task, reason, pass.now);
        self.follow(id, after, pass);
    }

    /// An attempt is the node's no more. An order to run it that is still on its way may yet come by the node's next link:
    /// this one comes after it.
    pub(crate) fn take_back(&self, id: TaskId, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get(id) else { return };
        if let Some(node) = task.holding().and_then(|holding| holding.by.id) {
            pass.then(Effect::Cancel { node, attempt: task.attempt_id() });
        }
    }

    /// Nodes that were remembered and have not come back are lost.
    pub(crate) fn lose_absent(&mut self, pass: &mut Pass<'_>) {
        let reason = "it did not come back after the SMS was started again";
        for absent in std::mem::take(&mut self.nodes.absent).into_values() {
            absent.tasks.into_iter().for_each(|id| self.lose_attempt(id, reason, pass));
        }
    }

    /// It is avoided for a while.
    pub(crate) fn fails(&mut self, node: NodeId, pass: &Pass<'_>) {
        self.nodes.fleet.failed(node, pass.now);
        self.await_penalty_end(pass.now);
    }

    /// What was blocked by penalties alone may go when one ends.
    pub(crate) fn await_penalty_end(&mut self, now: Timestamp) {
        if let Some(end) = self.nodes.fleet.next_penalty_end(now) {
            self.timers.set(end, Timer::PenaltyEnd);
        }
    }

    fn give_up(&mut self, id: NodeId, reason: String, left: bool, pass: &mut Pass<'_>) {
        let Some(node) = self.nodes.known.get_mut(&id) else { return };
        self.timers.remove(node.lease, Timer::Lease(id));
        self.timers.set(pass.now.after(self.config.forget_nodes_after), Timer::ForgetNode(id));
        let before = std::mem::replace(&mut node.presence, Presence::Lost { reason, at: pass.now, left });
        if let Presence::Live { session } = before {
            pass.then(Effect::Close { node: id, session });
        }
        self.nodes.set_link(id, Link::Gone);
    }

    /// A node that was lost for long and has nothing left is not shown any more.
    pub(crate) fn forget_node(&mut self, id: NodeId, pass: &Pass<'_>) {
        let Some(node) = self.nodes.known.get(&id) else { return };
        let Presence::Lost { at, .. } = node.presence else { return };
        if at.after(self.config.forget_nodes_after) <= pass.now && node.is_vacant() {
            self.nodes.known.remove(&id);
            self.nodes.fleet.forget(id);
            self.nodes.generation += 1;
        }
    }

    pub(crate) fn tasks_of(&self, node: NodeId) -> Vec<TaskId> {
        self.nodes.known.get(&node).map(|node| node.tasks.iter().copied().collect()).unwrap_or_default()
    }

    /// Whether a node's runs have to move.
    pub(crate) fn is_draining(&self, node: NodeId) -> bool {
        matches!(self.nodes.fleet.duty(node), Duty::Draining { .. })
    }
}
