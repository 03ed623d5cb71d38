//! Calls that are made again and again.

use std::{collections::BTreeMap, sync::Arc};

use croner::Cron;
use sha2::{Digest as _, Sha256};
use spear_types::{Code, FunctionName, FunctionVersion, Refusal, ScheduleInfo, ScheduleName, TaskId, Timestamp};

use crate::{Answer, Change, ScheduleRecord, State, Submission, cron, pass::Pass, timers::Timer};

/// The most schedules: each is a timer and a call that a client has the SMS hold for ever.
const MAX: usize = 10_000;

/// The most bytes of their calls: they are held in memory, and read at each start.
const MAX_BYTES: u64 = 256 << 20;

/// A schedule that is in force.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) record: ScheduleRecord,
    cron: Cron,
    /// The newest version.
    function: Arc<FunctionVersion>,
    /// When it is due.
    pub(crate) next: Option<Timestamp>,
}

/// All of them.
pub(crate) type Schedules = BTreeMap<ScheduleName, Schedule>;

impl Schedule {
    pub(crate) fn info(&self) -> ScheduleInfo {
        let ScheduleRecord { name, function, cron, created, last, .. } = &self.record;
        ScheduleInfo {
            name: name.clone(),
            function: function.clone(),
            cron: cron.clone(),
            created: *created,
            next: self.next,
            last: *last,
        }
    }

    /// The task that it submits for a time.
    fn submission(&self, time: Timestamp) -> Submission {
        let ScheduleRecord { name, call, created, .. } = &self.record;
        let (id, options) = (fired_id(name, *created, time), self.record.options());
        Submission::new(id, Arc::clone(&self.function), call.clone(), options)
    }
}

impl State {
    pub(crate) fn schedule(
        &mut self,
        record: ScheduleRecord,
        function: Arc<FunctionVersion>,
        pass: &mut Pass<'_>,
    ) -> Result<Answer, Refusal> {
        let name = record.name.clone();
        if self.schedules.contains_key(&name) {
            let message = format!("a schedule is named {name} already");
            return Err(Refusal::new(Code::NameTaken, message).help("remove it first with `spear schedule rm`"));
        }
        if self.schedules.len() >= MAX {
            return Err(Refusal::new(Code::QueueFull, format!("there are {MAX} schedules, which is the limit")));
        }
        let held: u64 = self.schedules.values().map(|schedule| schedule.record.call.size()).sum();
        if held + record.call.size() > MAX_BYTES {
            let message =
                format!("the calls of all schedules have {held} of {MAX_BYTES} bytes, and this one does not fit");
            return Err(Refusal::new(Code::QueueFull, message).help("schedule a call that names an object instead"));
        }
        let cron = cron::parse(&record.cron)?;
        let never = || cron::refused(&record.cron, "the time never comes");
        let next = cron::next(&cron, pass.now).ok_or_else(never)?;
        let schedule = Schedule { record, cron, function, next: Some(next) };
        self.check(&schedule.submission(next))?;
        let info = schedule.info();
        pass.remember(Change::Scheduled(schedule.record.clone()));
        self.timers.set(next, Timer::Schedule(name.clone()));
        self.schedules.insert(name, schedule);
        Ok(Answer::Schedule(info))
    }

    pub(crate) fn unschedule(&mut self, name: &ScheduleName, pass: &mut Pass<'_>) -> Result<Answer, Refusal> {
        let schedule = self.schedules.remove(name).ok_or_else(|| unknown(name))?;
        schedule.next.into_iter().for_each(|next| self.timers.remove(next, Timer::Schedule(name.clone())));
        pass.remember(Change::Unscheduled(name.clone()));
        Ok(Answer::Done)
    }

    /// Goes on with a schedule after a restart. One whose function is gone, or that is none any more, ends.
    pub(crate) fn reschedule(
        &mut self,
        record: ScheduleRecord,
        function: Option<Arc<FunctionVersion>>,
        pass: &mut Pass<'_>,
    ) {
        let name = record.name.clone();
        let (Some(function), Ok(cron)) = (function, cron::parse(&record.cron)) else {
            pass.remember(Change::Unscheduled(name));
            return;
        };
        // What it missed is due at once, however often it was: one task is submitted for all of it.
        let next = cron::next(&cron, record.fired.unwrap_or(record.created));
        next.into_iter().for_each(|next| self.timers.set(next, Timer::Schedule(name.clone())));
        self.schedules.insert(name, Schedule { record, cron, function, next });
    }

    /// A schedule is due. It submits for the last time that it was, and not where the queue is full.
    pub(crate) fn fire(&mut self, name: &ScheduleName, pass: &mut Pass<'_>) {
        let Some(schedule) = self.schedules.get_mut(name) else { return };
        let due = cron::latest(&schedule.cron, pass.now);
        let due = due.filter(|due| schedule.record.fired.is_none_or(|fired| fired < *due));
        if let Some(due) = due {
            schedule.record.fired = Some(due);
            let submission = schedule.submission(due);
            let task =
                self.check_scheduled(&submission).is_ok().then(|| self.accept(submission, Some(name.clone()), pass));
            self.note_fired(name, task, pass);
        }
        let Some(schedule) = self.schedules.get_mut(name) else { return };
        let after = schedule.record.fired.map_or(pass.now, |fired| fired.max(pass.now));
        schedule.next = cron::next(&schedule.cron, after);
        schedule.next.into_iter().for_each(|next| self.timers.set(next, Timer::Schedule(name.clone())));
    }

    fn note_fired(&mut self, name: &ScheduleName, task: Option<TaskId>, pass: &mut Pass<'_>) {
        let Some(schedule) = self.schedules.get_mut(name) else { return };
        schedule.record.last = task.or(schedule.record.last);
        pass.remember(Change::Scheduled(schedule.record.clone()));
    }

    /// Schedules run the newest version.
    pub(crate) fn deployed(&mut self, function: &Arc<FunctionVersion>) {
        for schedule in self.schedules.values_mut().filter(|schedule| schedule.record.function == function.name) {
            if schedule.function.version < function.version {
                schedule.function = Arc::clone(function);
            }
        }
    }

    pub(crate) fn unschedule_all(&mut self, function: &FunctionName, pass: &mut Pass<'_>) {
        let of_it = self.schedules.values().filter(|schedule| schedule.record.function == *function);
        for name in of_it.map(|schedule| schedule.record.name.clone()).collect::<Vec<_>>() {
            // It was there a line above.
            let _ = self.unschedule(&name, pass);
        }
    }
}

/// There is none of this name.
pub(crate) fn unknown(name: &ScheduleName) -> Refusal {
    Refusal::new(Code::UnknownSchedule, format!("no schedule is named {name}"))
        .help("list them with `spear schedule ls`")
}

/// The id of the task that a schedule submits for a time: the same whoever computes it, and in the order of ids where the
/// time is. `created` tells schedules of one name apart.
fn fired_id(name: &ScheduleName, created: Timestamp, time: Timestamp) -> TaskId {
    let hash = Sha256::new()
        .chain_update(created.as_micros().to_be_bytes())
        .chain_update(time.as_micros().to_be_bytes())
        .chain_update(name.as_str())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    let millis = (time.as_micros() / 1_000).to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    TaskId::from_bytes(bytes)
}
