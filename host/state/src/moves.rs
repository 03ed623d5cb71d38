//! How a task goes from one place to another: every way there is, each with what has to be remembered and told.

use std::sync::Arc;

use spear_placement::{Decision, NodeId};
use spear_types::{Code, Outcome, TaskId, TaskResult, Timestamp, Usage};

use crate::{
    Effect, End, State,
    pass::Pass,
    tasks::{Holder, Holding, Place, Queued, Task},
    timers::Timer,
};

impl State {
    /// Lets a task wait: for room, or for a time.
    pub(crate) fn wait(&mut self, id: TaskId, not_before: Option<Timestamp>, pass: &mut Pass<'_>) {
        self.leave(id, pass);
        let wakes = not_before.filter(|time| *time > pass.now);
        self.tasks.move_to(id, Place::Queued(Queued { not_before: wakes, wakes }), pass.now);
        self.enqueue(id);
        self.moved(id, pass);
    }

    /// The same once more, as if its last attempt had not been. One whose function is gone ends.
    pub(crate) fn wait_again(&mut self, id: TaskId, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        (task.tries, task.after) = (task.tries.saturating_sub(1), None);
        match function_gone(task) {
            Some(outcome) => self.end(id, outcome, pass),
            None => self.wait(id, None, pass),
        }
    }

    /// Gives a task that waits to a node that made room for it.
    pub(crate) fn give(&mut self, id: TaskId, node: NodeId, decision: Decision, pass: &mut Pass<'_>) -> bool {
        let Some(holder) = self.nodes.take(node, id) else { return false };
        self.leave(id, pass);
        if let Some(task) = self.tasks.get_mut(id) {
            task.attempt = task.attempt.saturating_add(1);
            task.tries = task.tries.saturating_add(1);
        }
        let holding = Holding { by: holder, stop: None, next_line: Some(1) };
        self.tasks.move_to(id, Place::Assigned(holding), pass.now);
        self.decisions.note(id, decision);
        self.order(id, node, pass);
        self.moved(id, pass);
        true
    }

    /// Tells a node to run what it has been given.
    pub(crate) fn order(&self, id: TaskId, node: NodeId, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get(id) else { return };
        let Some(terms) = &task.terms else { return };
        pass.then(Effect::Assign {
            node,
            attempt: task.attempt_id(),
            function: Arc::clone(&terms.function),
            trace_parent: task.record.trace_parent.clone(),
            deadline: task.record.deadline,
        });
    }

    /// An attempt runs: nothing that has to be remembered.
    pub(crate) fn start(&mut self, id: TaskId, pass: &mut Pass<'_>) {
        let Some(Task { place: Place::Assigned(holding), .. }) = self.tasks.get(id) else { return };
        let running = Place::Running(holding.clone(), pass.now);
        self.tasks.move_to(id, running, pass.now);
        self.tell(id, pass);
    }

    /// Ends a task that no attempt ended.
    pub(crate) fn end(&mut self, id: TaskId, outcome: Outcome, pass: &mut Pass<'_>) {
        self.end_with(id, TaskResult { outcome, usage: Usage::default(), ran: None }, 0, pass);
    }

    /// Ends a task. There is no way back.
    pub(crate) fn end_with(&mut self, id: TaskId, result: TaskResult, log_dropped: u64, pass: &mut Pass<'_>) {
        self.leave(id, pass);
        let Some(task) = self.tasks.remove(id) else { return };
        if let Some(deadline) = task.record.deadline {
            self.timers.remove(deadline, Timer::Deadline(id));
        }
        self.functions.remove(&task.record.function, id);
        self.ended += 1;
        let node = task.holding().map(|holding| holding.by.node.clone());
        let (at, outcome) = (pass.now, result.outcome.kind());
        pass.changed(task.info_ended(outcome, at, node.clone()));
        pass.ended(task.record, End { at, attempt: task.attempt, node, result, log_dropped });
    }

    /// Puts a task that waits where it waits.
    pub(crate) fn enqueue(&mut self, id: TaskId) {
        match self.tasks.get(id) {
            Some(Task { place: Place::Queued(Queued { wakes: Some(wakes), .. }), .. }) => {
                self.timers.set(*wakes, Timer::Wake(id));
            }
            Some(Task { place: Place::Queued(_), record, terms: Some(terms), .. }) => {
                self.queue.push(record.priority, terms, id);
            }
            _ => {}
        }
    }

    /// Takes a task out of where it is: whoever calls this puts it elsewhere, or removes it.
    fn leave(&mut self, id: TaskId, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get(id) else { return };
        match &task.place {
            Place::Queued(Queued { wakes: Some(wakes), .. }) => self.timers.remove(*wakes, Timer::Wake(id)),
            Place::Queued(_) => {
                task.group().into_iter().for_each(|group| self.queue.remove(group, id));
            }
            Place::Assigned(Holding { by, .. }) | Place::Running(Holding { by, .. }, _) => {
                let by = Arc::clone(by);
                self.leave_node(id, &by, pass);
            }
        }
    }

    fn leave_node(&mut self, id: TaskId, by: &Holder, pass: &mut Pass<'_>) {
        let ask = self.tasks.get(id).and_then(|task| task.terms.as_ref()).map(|terms| Arc::clone(&terms.ask));
        self.nodes.give_back(by, id, ask.as_deref());
        if let Some(node) = by.id {
            pass.more_room(node);
            self.drained(node, pass);
        }
    }

    /// Has a task's place remembered and told.
    pub(crate) fn moved(&self, id: TaskId, pass: &mut Pass<'_>) {
        if let Some(task) = self.tasks.get(id) {
            pass.progressed(id, task.progress());
            pass.changed(task.info());
        }
    }

    /// Tells who watches.
    pub(crate) fn tell(&self, id: TaskId, pass: &mut Pass<'_>) {
        if let Some(task) = self.tasks.get(id) {
            pass.changed(task.info());
        }
    }
}

/// How a task ends that waits for what is not there any more.
pub(crate) fn function_gone(task: &Task) -> Option<Outcome> {
    let (name, version) = (&task.record.function, task.record.version);
    let refused = |code, message| Some(Outcome::Refused { code, message });
    if task.orphaned {
        return refused(Code::UnknownFunction, format!("the function {name} was removed"));
    }
    match task.terms {
        Some(_) => None,
        None => refused(Code::UnknownVersion, format!("the function {name} has no version {version} any more")),
    }
}
