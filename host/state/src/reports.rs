//! What nodes say of attempts.

use std::{sync::Arc, time::Duration};

use spear_placement::NodeId;
use spear_types::{AttemptId, Code, LogLine, Refusal, TaskId, TaskResult};

use crate::{
    Answer, Change, Effect, Report, ReportKind, State,
    pass::Pass,
    retry::{After, after_end, after_return},
};

/// How long a node that returned a task is not asked again for it; doubled with each return.
const RETURN_WAIT: Duration = Duration::from_millis(100);

/// The longest.
const LONGEST_RETURN_WAIT: Duration = Duration::from_secs(10);

impl State {
    pub(crate) fn report(&mut self, report: Report, pass: &mut Pass<'_>) -> Result<Answer, Refusal> {
        let Report { node, session, attempt, kind } = report;
        self.nodes.linked(node, session)?.last_heard = pass.now;
        self.check_attempt(node, attempt)?;
        match kind {
            ReportKind::Started => self.started(attempt.task, node, pass),
            ReportKind::Logged { first, lines } => self.logged(attempt.task, first, lines, 0, pass),
            ReportKind::Ended { result, log_dropped } => self.ended(attempt.task, node, result, log_dropped, pass),
            ReportKind::Returned(refusal) => self.returned(attempt.task, node, &refusal, pass),
        }
        Ok(Answer::Done)
    }

    /// Whether this is the attempt that the task is in, and the node's: what an earlier one says changes nothing.
    fn check_attempt(&self, node: NodeId, attempt: AttemptId) -> Result<(), Refusal> {
        let stale = |why: String| Refusal::new(Code::StaleAttempt, format!("{attempt} is over: {why}"));
        let Some(task) = self.tasks.get(attempt.task) else {
            return Err(stale("the task has ended, or never was".to_owned()));
        };
        if task.attempt != attempt.attempt {
            return Err(stale(format!("the task's newest attempt is {}", task.attempt)));
        }
        match task.holding() {
            Some(holding) if holding.by.id == Some(node) => Ok(()),
            Some(holding) => Err(stale(format!("the node {} has it", holding.by.node))),
            None => Err(stale("the task is queued".to_owned())),
        }
    }

    fn started(&mut self, id: TaskId, node: NodeId, pass: &mut Pass<'_>) {
        self.works(node, pass);
        self.start(id, pass);
    }

    /// A node that was avoided is not any more.
    fn works(&mut self, node: NodeId, pass: &mut Pass<'_>) {
        if self.nodes.fleet.penalty(node).is_some() {
            self.nodes.fleet.succeeded(node);
            pass.more_room(node);
        }
    }

    fn logged(&mut self, id: TaskId, first: u64, lines: Vec<LogLine>, dropped: u64, pass: &mut Pass<'_>) {
        if lines.is_empty() && dropped == 0 {
            return;
        }
        let Some(task) = self.tasks.get_mut(id) else { return };
        let (attempt, record) = (task.attempt_id(), Arc::clone(&task.record));
        let Some(holding) = task.holding_mut() else { return };
        holding.next_line = Some(first.saturating_add(lines.len() as u64));
        let (node, function, version) = (holding.by.node.clone(), record.function.clone(), record.version);
        pass.remember(Change::Logged { attempt, function, version, node, first, lines, dropped });
        pass.then(Effect::Logged(id));
    }

    fn ended(&mut self, id: TaskId, node: NodeId, result: TaskResult, log_dropped: u64, pass: &mut Pass<'_>) {
        self.works(node, pass);
        let Some(task) = self.tasks.get(id) else { return };
        let TaskResult { outcome, usage, ran } = result;
        match after_end(task, outcome, pass.now) {
            After::End(outcome) => self.end_with(id, TaskResult { outcome, usage, ran }, log_dropped, pass),
            after => {
                // The last attempt's end tells what was dropped; that of an earlier one has no other place.
                let next_line = task.holding().and_then(|holding| holding.next_line);
                if let Some(next_line) = next_line.filter(|_| log_dropped > 0) {
                    self.logged(id, next_line, Vec::new(), log_dropped, pass);
                }
                self.follow(id, after, pass);
            }
        }
    }

    fn returned(&mut self, id: TaskId, node: NodeId, refusal: &Refusal, pass: &mut Pass<'_>) {
        let Some(task) = self.tasks.get_mut(id) else { return };
        let after = after_return(task, refusal);
        let stopped = task.holding().is_some_and(|holding| holding.stop.is_some());
        if after == After::Again && !stopped {
            let wait = RETURN_WAIT.saturating_mul(2u32.saturating_pow(task.returns)).min(LONGEST_RETURN_WAIT);
            task.returns += 1;
            task.refused_by.push((node, pass.now.after(wait)));
        }
        // That it is full, stops, or has not what the function needs is no failure of the node.
        let cannot = matches!(refusal.code, Code::QueueFull | Code::Draining | Code::NoNodeFits);
        if !cannot && !matches!(after, After::End(_)) {
            self.fails(node, pass);
        }
        self.follow(id, after, pass);
    }

    /// Does what comes after an attempt.
    pub(crate) fn follow(&mut self, id: TaskId, after: After, pass: &mut Pass<'_>) {
        match after {
            After::End(outcome) => self.end(id, outcome, pass),
            After::Again => self.wait_again(id, pass),
            After::Retry(not_before, kind) => {
                if let Some(task) = self.tasks.get_mut(id) {
                    (task.after, task.returns) = (Some(kind), 0);
                    task.refused_by.clear();
                }
                self.wait(id, Some(not_before), pass);
            }
        }
    }
}
