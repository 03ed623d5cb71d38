//! Nodes that open a link: the first time, or again.

use std::{collections::BTreeSet, sync::Arc};

use spear_placement::{Link, NodeId};
use spear_types::{AttemptId, Code, NodeName, Refusal, TaskId};

use crate::{
    Answer, Effect, Incarnation, Joining, State,
    moves::function_gone,
    nodes::{Node, Presence},
    pass::Pass,
    retry::{after_loss, after_nothing},
    tasks::{Holder, Holding, Place, Stop},
    timers::Timer,
};

/// Why the attempts of a node's earlier program are over.
const STARTED_AGAIN: &str = "its program was started again";

impl State {
    pub(crate) fn join(&mut self, joining: Joining, pass: &mut Pass<'_>) -> Result<Answer, Refusal> {
        let Joining { spec, address, spear_version, incarnation, held } = joining;
        let name = spec.name.clone();
        self.check_name(&name, &address, incarnation)?;
        let id = self.nodes.fleet.join(spec);
        self.nodes.generation += 1;
        self.nodes.fleet.set_link(id, Link::Open);
        self.nodes.fleet.set_duty(id, self.nodes.duty(&name));
        self.await_drain_end(id);
        self.close_before(id, incarnation, pass);
        let session = self.open(id, &name, address, spear_version, incarnation, pass);
        self.adopt(id, &name, incarnation, &held, pass);
        self.recall(id, pass);
        self.reconcile(id, held, pass);
        self.drained(id, pass);
        pass.more_room(id);
        Ok(Answer::Joined(id, session))
    }

    fn check_name(&self, name: &NodeName, address: &str, incarnation: Incarnation) -> Result<(), Refusal> {
        let Some(known) = self.nodes.fleet.find(name).and_then(|id| self.nodes.known.get(&id)) else { return Ok(()) };
        let is_live = matches!(known.presence, Presence::Live { .. });
        if !is_live || known.address == address || known.holder.incarnation == incarnation {
            return Ok(());
        }
        let message = format!("the name {name} belongs to the live node at {}", known.address);
        Err(Refusal::new(Code::NameTaken, message).help("give the node another name with `--name`"))
    }

    /// Ends the link before, and what the node's earlier program had.
    fn close_before(&mut self, id: NodeId, incarnation: Incarnation, pass: &mut Pass<'_>) {
        let Some(node) = self.nodes.known.get(&id) else { return };
        if let Presence::Live { session } = node.presence {
            pass.then(Effect::Close { node: id, session });
        }
        if node.holder.incarnation != incarnation {
            self.lose_tasks(id, STARTED_AGAIN, pass);
        }
    }

    /// Takes note of the link; its number.
    fn open(
        &mut self,
        id: NodeId,
        name: &NodeName,
        address: String,
        spear_version: String,
        incarnation: Incarnation,
        pass: &Pass<'_>,
    ) -> u64 {
        self.nodes.sessions += 1;
        let (session, lease) = (self.nodes.sessions, pass.now.after(self.config.lease));
        let before = self.nodes.known.remove(&id);
        if let Some(before) = &before {
            self.timers.remove(before.lease, Timer::Lease(id));
            if let Presence::Lost { at, .. } = before.presence {
                self.timers.remove(at.after(self.config.forget_nodes_after), Timer::ForgetNode(id));
            }
        }
        let (tasks, calls) = before.map(|node| (node.tasks, node.calls)).unwrap_or_default();
        let node = Node {
            holder: Arc::new(Holder { node: name.clone(), incarnation, id: Some(id) }),
            address,
            spear_version,
            presence: Presence::Live { session },
            last_heard: pass.now,
            lease,
            tasks,
            calls,
        };
        self.nodes.known.insert(id, node);
        self.timers.set(lease, Timer::Lease(id));
        session
    }

    /// What was remembered of the node: its program has it still, or it is lost with the program before.
    fn adopt(
        &mut self,
        id: NodeId,
        name: &NodeName,
        incarnation: Incarnation,
        held: &[AttemptId],
        pass: &mut Pass<'_>,
    ) {
        let held: BTreeSet<AttemptId> = held.iter().copied().collect();
        let of_it = |key: &&(NodeName, Incarnation)| key.0 == *name;
        let keys: Vec<(NodeName, Incarnation)> = self.nodes.absent.keys().filter(of_it).cloned().collect();
        for key in keys {
            let Some(absent) = self.nodes.absent.remove(&key) else { continue };
            for task in absent.tasks {
                if key.1 == incarnation {
                    self.adopt_task(id, task, &held, pass);
                } else {
                    self.lose_attempt(task, STARTED_AGAIN, pass);
                }
            }
        }
    }

    fn adopt_task(&mut self, node: NodeId, id: TaskId, held: &BTreeSet<AttemptId>, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        if let Some(terms) = &task.terms {
            self.nodes.fleet.reserve(node, &terms.ask);
        }
        let Some(holder) = self.nodes.take(node, id) else { return };
        let Some(holding) = task.holding_mut() else { return };
        holding.by = holder;
        let (attempt, holding) = (task.attempt_id(), task.holding().cloned());
        // That it runs was not remembered, and a node need not say twice what was acknowledged.
        if let Some(holding) = holding.filter(|_| held.contains(&attempt)) {
            self.tasks.move_to(id, Place::Running(holding, pass.now), pass.now);
            self.tell(id, pass);
        }
    }

    /// The node gets what it should have and has not, and is told to stop what it has and should not.
    fn reconcile(&mut self, node: NodeId, held: Vec<AttemptId>, pass: &mut Pass<'_>) {
        let mut surplus: BTreeSet<AttemptId> = held.into_iter().collect();
        for id in self.tasks_of(node) {
            let Some(task) = self.tasks.get(id) else { continue };
            let (attempt, stop) = (task.attempt_id(), task.holding().and_then(|holding| holding.stop));
            match (surplus.remove(&attempt), stop) {
                (true, None) => {}
                (true, Some(_)) => pass.then(Effect::Cancel { node, attempt }),
                (false, _) => self.give_again(id, node, pass),
            }
        }
        for attempt in surplus {
            pass.then(Effect::Cancel { node, attempt });
        }
    }

    /// The node lacks an attempt. One that had started it gave up: whoever was away for a lease does. One that had not may
    /// never have got it, and gets it once more, unless it is not to run.
    fn give_again(&mut self, id: TaskId, node: NodeId, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get(id) else { return };
        let after = match &task.place {
            Place::Assigned(Holding { stop: None, .. }) if function_gone(task).is_none() => {
                return self.order(id, node, pass);
            }
            Place::Assigned(_) | Place::Queued(_) => after_nothing(task),
            Place::Running(..) => after_loss(task, "it gave the attempt up", pass.now),
        };
        self.take_back(id, pass);
        self.follow(id, after, pass);
    }

    /// Has a node stop what it need not finish, where it is drained.
    pub(crate) fn recall(&mut self, node: NodeId, pass: &mut Pass<'_>) {
        if !self.is_draining(node) {
            return;
        }
        let over = self.drain_end(node).is_some_and(|until| until <= pass.now);
        for id in self.tasks_of(node) {
            let Some(task) = self.tasks.get_mut(id) else { continue };
            let leaves = over || matches!(task.place, Place::Assigned(_));
            if leaves && task.holding().is_some_and(|holding| holding.stop.is_none()) {
                self.stop(id, Stop::Moved, pass);
            }
        }
    }
}
