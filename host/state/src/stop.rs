//! Tasks that are not to go on: cancelled, too late, or at a node that is drained.

use spear_types::{Code, Outcome, Refusal, TaskId};

use crate::{
    Answer, Effect, State,
    pass::Pass,
    retry::timed_out,
    tasks::{Place, Stop},
};

impl State {
    /// Somebody cancels a task: one that waits has ended, one that a node has ends when that says so.
    pub(crate) fn cancel(&mut self, id: TaskId, pass: &mut Pass<'_>) -> Result<Answer, Refusal> {
        let unknown = || Refusal::new(Code::UnknownTask, format!("no task {id} is queued or runs"));
        let task = self.tasks.get(id).ok_or_else(unknown)?;
        let Some(holding) = task.holding() else {
            let info = task.info_ended(Outcome::Cancelled.kind(), pass.now, None);
            self.end(id, Outcome::Cancelled, pass);
            return Ok(Answer::Task(info));
        };
        if matches!(holding.stop, None | Some(Stop::Moved)) {
            self.stop(id, Stop::Cancelled, pass);
            self.tasks.changed(id, pass.now);
            self.moved(id, pass);
        }
        let info = self.tasks.get(id).map(|task| Answer::Task(task.info()));
        info.ok_or_else(unknown)
    }

    /// A task's deadline passed.
    pub(crate) fn time_out(&mut self, id: TaskId, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get(id).filter(|task| task.is_late(pass.now)) else { return };
        match &task.place {
            Place::Queued(_) => {
                let outcome = timed_out(task);
                self.end(id, outcome, pass);
            }
            Place::Assigned(holding) | Place::Running(holding, _) => {
                if matches!(holding.stop, None | Some(Stop::Moved)) {
                    self.stop(id, Stop::TimedOut, pass);
                }
            }
        }
    }

    /// Has a node stop an attempt. What comes of it is decided when the node says how it ended.
    pub(crate) fn stop(&mut self, id: TaskId, stop: Stop, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        let attempt = task.attempt_id();
        let Some(holding) = task.holding_mut() else { return };
        holding.stop = Some(stop);
        // A node without a link is told when it is back.
        if let Some(node) = holding.by.id.filter(|node| self.nodes.is_live(*node)) {
            pass.then(Effect::Cancel { node, attempt });
        }
    }
}
