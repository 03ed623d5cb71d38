//! Tasks that come in: all of a batch, or none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use spear_types::{Code, FunctionName, Refusal, ScheduleName, TaskId};

use crate::{
    Answer, Change, KeyHash, State, Submission, Submitted, TaskRecord,
    pass::Pass,
    tasks::{Place, Queued, Task},
    timers::Timer,
};

impl State {
    pub(crate) fn submit(&mut self, submissions: Vec<Submission>, pass: &mut Pass<'_>) -> Result<Answer, Refusal> {
        let existing = self.existing(&submissions)?;
        let new = || submissions.iter().zip(&existing).filter(|(_, existing)| existing.is_none()).map(|(new, _)| new);
        self.check_limits(new())?;
        for submission in new() {
            self.check(submission)?;
        }
        let answers = submissions.into_iter().zip(existing).map(|(submission, existing)| match existing {
            Some(task) => Submitted { task, existing: true },
            None => Submitted { task: self.accept(submission, None, pass), existing: false },
        });
        Ok(Answer::Submitted(answers.collect()))
    }

    /// Remembers a task that was checked.
    pub(crate) fn accept(
        &mut self,
        submission: Submission,
        schedule: Option<ScheduleName>,
        pass: &mut Pass<'_>,
    ) -> TaskId {
        let Submission { id, function, call, options, key } = submission;
        let record = Arc::new(TaskRecord {
            id,
            function: function.name.clone(),
            version: function.version,
            priority: options.priority.unwrap_or(function.placement.priority),
            schedule,
            submitted: pass.now,
            deadline: options.deadline.map(|deadline| pass.now.after(deadline)),
            retry: options.retry,
            key,
            key_text: options.key,
            trace_parent: options.trace_parent,
            call_size: call.size(),
        });
        let wakes = Some(pass.now.after(options.delay)).filter(|wakes| *wakes > pass.now);
        let task = Task::new(
            record,
            Some(self.functions.terms(&function)),
            Place::Queued(Queued { not_before: wakes, wakes }),
        );
        pass.submitted(Arc::clone(&task.record), task.progress(), call);
        self.add(task);
        self.tell(id, pass);
        id
    }

    /// Takes a task in that waits, or that an absent node has.
    pub(crate) fn add(&mut self, task: Task) {
        let (id, record) = (task.record.id, Arc::clone(&task.record));
        if let Some(key) = record.key {
            self.keys.insert(key.key(), (key, id));
        }
        if let Some(deadline) = record.deadline {
            self.timers.set(deadline, Timer::Deadline(id));
        }
        self.functions.add(&record.function, id);
        self.tasks.insert(task);
        self.enqueue(id);
    }

    /// For each submission the earlier one that it is, by its key; also one of the same batch.
    fn existing(&self, submissions: &[Submission]) -> Result<Vec<Option<TaskId>>, Refusal> {
        let mut batch: BTreeMap<[u8; 12], (KeyHash, TaskId)> = BTreeMap::new();
        let mut earlier = |submission: &Submission| {
            let Some(key) = submission.key else { return Ok(None) };
            let known = self.keys.get(&key.key()).or_else(|| batch.get(&key.key()));
            match known {
                Some((same, task)) if *same == key => Ok(Some(*task)),
                Some((_, task)) => Err(key_taken(submission, *task)),
                None => {
                    batch.insert(key.key(), (key, submission.id));
                    Ok(None)
                }
            }
        };
        submissions.iter().map(&mut earlier).collect()
    }

    /// Whether the queue takes that many.
    fn check_limits<'a>(&self, new: impl Iterator<Item = &'a Submission>) -> Result<(), Refusal> {
        let mut ids = BTreeSet::new();
        let mut functions: BTreeMap<&FunctionName, usize> = BTreeMap::new();
        let mut bytes = 0u64;
        for Submission { id, function, call, .. } in new {
            if self.tasks.contains(*id) || !ids.insert(*id) {
                return Err(Refusal::new(Code::InvalidRequest, format!("the task {id} is there already")));
            }
            *functions.entry(&function.name).or_default() += 1;
            bytes = bytes.saturating_add(call.size());
        }
        let (has, limit) = (self.tasks.len(), self.config.queue);
        within("the queue has", has as u64, ids.len() as u64, limit as u64, "tasks, the limit [sms] queue is")?;
        for (function, new) in functions {
            let what = format!("the queue of {function} has");
            let (has, limit) = (self.functions.count(function), self.config.queue_per_function);
            within(&what, has as u64, new as u64, limit as u64, "tasks, the limit [sms] queue_per_function is")?;
        }
        let (has, limit) = (self.tasks.bytes(), self.config.queue_bytes);
        within("the calls in the queue have", has, bytes, limit, "bytes, the limit [sms] queue_bytes is")
    }

    /// Whether a task could ever run as it is asked.
    pub(crate) fn check(&mut self, submission: &Submission) -> Result<(), Refusal> {
        let options = &submission.options;
        options.retry.check()?;
        if let Some(deadline) = options.deadline.filter(|deadline| *deadline <= options.delay) {
            let message = match options.delay {
                Duration::ZERO => "a deadline of no time at all cannot be met".to_owned(),
                delay => {
                    format!("the deadline, {deadline:?} after the submission, is over when the delay of {delay:?} is")
                }
            };
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
        let terms = self.functions.terms(&submission.function);
        if !terms.is_possible(self.nodes.generation) {
            self.nodes.fleet.could_ever(&terms.ask)?;
            terms.set_possible(self.nodes.generation);
        }
        Ok(())
    }

    /// The same for one that a schedule submits.
    pub(crate) fn check_scheduled(&mut self, submission: &Submission) -> Result<(), Refusal> {
        self.check_limits(std::iter::once(submission))?;
        self.check(submission)
    }

    /// Ended tasks are kept no longer.
    pub(crate) fn forget(&mut self, tasks: Vec<(TaskId, Option<KeyHash>)>, pass: &mut Pass<'_>) {
        let ended: Vec<(TaskId, Option<KeyHash>)> =
            tasks.into_iter().filter(|(task, _)| !self.tasks.contains(*task)).collect();
        for (task, key) in &ended {
            if let Some(key) = key.filter(|key| self.keys.get(&key.key()).is_some_and(|(_, of)| of == task)) {
                self.keys.remove(&key.key());
            }
        }
        self.ended = self.ended.saturating_sub(ended.len() as u64);
        pass.remember(Change::Forgotten(ended.into_iter().map(|(task, _)| task).collect()));
    }
}

/// Whether `new` more of what there is are within the limit.
fn within(what: &str, has: u64, new: u64, limit: u64, of: &str) -> Result<(), Refusal> {
    if new == 0 || has.saturating_add(new) <= limit {
        return Ok(());
    }
    let message = format!("{what} {has} and would have {} {of} {limit}", has.saturating_add(new));
    Err(Refusal::new(Code::QueueFull, message).help("try again when some have ended, or ask the operator for more"))
}

fn key_taken(submission: &Submission, task: TaskId) -> Refusal {
    let key = submission.options.key.as_ref().map(ToString::to_string).unwrap_or_default();
    let shown: String = key.chars().take(64).collect();
    let name = &submission.function.name;
    let message = format!("the key {shown:?} of {name} belongs to the task {task}, which has another call");
    Refusal::new(Code::KeyTaken, message).help("use a key for one call only")
}
