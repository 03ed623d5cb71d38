//! The attempts that a node has: each is run once, and its end is told until the SMS remembers it.
//!
//! ```text
//!         slot, component          started                ended
//! assign ───────────────▶ waiting ────────▶ running ───────────────▶ reported ─▶ acknowledged: forgotten
//!    │ refused: returned     │ cancelled, late, refused      ▲
//!    └───────────────────────┴───────────────────────────────┘
//! ```
//!
//! Nothing here waits, reads a clock or knows the network: orders and events come in, reports stand in the outbox.

mod host;
mod outbox;
mod report;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use spear_engine::Report;
use spear_proto::v1;
use spear_types::{AttemptId, Code, LogLine, Outcome, Refusal, TaskResult, Usage};
use tokio::time::Instant;

pub(crate) use self::host::{Event, Host, Run, Tag, Work};
use self::outbox::Outbox;
use crate::version::Version;

/// How long lines are gathered before they go out: a person who follows them sees no delay, and a chatty run makes no
/// more than 50 reports a second.
const GATHER: Duration = Duration::from_millis(20);

/// With more attempts than these, that one started is gathered like its lines: most have ended by then, and that they
/// started need not be said.
const FEW: usize = 8;

/// The attempts of one incarnation of a node.
pub(crate) struct Attempts<H: Host> {
    host: H,
    held: HashMap<AttemptId, Held<H::Run>>,
    /// In the order they came.
    waiting: Vec<Waiting<H::Slot>>,
    outbox: Outbox,
    /// Runs that have something to say at `gathered`.
    gathering: Vec<Tag>,
    gathered: Option<Instant>,
    /// Counts runs.
    runs: u64,
    stopping: bool,
}

enum Held<R> {
    /// In [`Attempts::waiting`].
    Waiting,
    Running(Running<R>),
    /// Its last report is in the outbox.
    Reported,
}

/// It has its slot, and waits for its component.
struct Waiting<S> {
    work: Work,
    slot: S,
}

struct Running<R> {
    handle: R,
    run: u64,
    /// Whether the outbox has that it started.
    said: bool,
    /// How many lines the outbox has.
    lines: u64,
}

impl<H: Host> Attempts<H> {
    pub(crate) fn new(host: H) -> Self {
        Self {
            host,
            held: HashMap::new(),
            waiting: Vec::new(),
            outbox: Outbox::default(),
            gathering: Vec::new(),
            gathered: None,
            runs: 0,
            stopping: false,
        }
    }

    /// Runs an attempt, or says why its function will not run. What the node has already, it does not run again.
    pub(crate) fn assign(&mut self, attempt: AttemptId, work: Result<Work, Refusal>, now: Instant) {
        if self.held.contains_key(&attempt) {
            return;
        }
        match work.and_then(|work| self.admit(work)) {
            Ok(Waiting { work, slot }) => match self.host.component(&work.version) {
                Some(component) => self.start(&component, work, slot, now),
                None => {
                    self.held.insert(attempt, Held::Waiting);
                    self.waiting.push(Waiting { work, slot });
                }
            },
            Err(refusal) => self.returned(attempt, refusal),
        }
    }

    /// Stops an attempt, or does not start it.
    pub(crate) fn cancel(&mut self, attempt: AttemptId, now: Instant) {
        match self.held.get(&attempt) {
            Some(Held::Waiting) => self.end_waiting(|work| work.attempt == attempt, |_| Outcome::Cancelled, now),
            Some(Held::Running(running)) => running.handle.cancel(),
            Some(Held::Reported) | None => {}
        }
    }

    /// Takes note of what happened on the node.
    pub(crate) fn happened(&mut self, event: Event<H::Component>, now: Instant) {
        match event {
            Event::Prepared(version, component) => self.prepared(&version, &component, now),
            Event::Wrote(tag) => self.gather(tag, now),
            Event::Ended(tag, report) => self.ended(tag, report),
        }
    }

    /// When [`Attempts::wake`] has something to do.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let untils = self.waiting.iter().filter_map(|waiting| waiting.work.until);
        untils.chain(self.gathered).min()
    }

    /// Does what was put off until now.
    pub(crate) fn wake(&mut self, now: Instant) {
        if self.gathered.is_some_and(|gathered| gathered <= now) {
            self.gathered = None;
            for tag in mem::take(&mut self.gathering) {
                self.catch_up(tag);
            }
        }
        let late = |work: &Work| work.until.is_some_and(|until| until <= now);
        if self.waiting.iter().any(|waiting| late(&waiting.work)) {
            self.end_waiting(late, |work| Outcome::TimedOut { limit: now - work.came }, now);
        }
    }

    /// Every attempt that the SMS has to know that the node has.
    pub(crate) fn held(&self) -> impl Iterator<Item = AttemptId> {
        self.held.keys().copied()
    }

    /// A new link: what was not acknowledged is said again. That an attempt runs, the SMS knows from those that are held.
    pub(crate) fn rejoined(&mut self) {
        self.outbox.rejoined();
    }

    /// Whether there are reports for the link.
    pub(crate) fn has_reports(&self) -> bool {
        self.outbox.has_next()
    }

    /// The next reports for the link.
    pub(crate) fn next_reports(&mut self) -> Option<v1::Reports> {
        self.outbox.next()
    }

    /// The SMS remembers all reports up to this number.
    pub(crate) fn acknowledged(&mut self, number: u64) {
        for attempt in self.outbox.acknowledged(number) {
            if matches!(self.held.get(&attempt), Some(Held::Reported)) {
                self.held.remove(&attempt);
            }
        }
    }

    /// The lease is over: what has not ended is another node's by now. It is stopped, and not spoken of: should the SMS
    /// have been away and still want it from this node, it says so. Ends that were not acknowledged stay: at the worst
    /// they are refused.
    pub(crate) fn abandon(&mut self) {
        self.waiting.clear();
        self.held.retain(|_, held| match held {
            Held::Waiting => false,
            Held::Running(running) => {
                running.handle.cancel();
                false
            }
            Held::Reported => true,
        });
        let held = &self.held;
        self.outbox.forget(|attempt| !held.contains_key(attempt));
    }

    /// The node stops: nothing new is taken, and what has not started is returned.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        for waiting in mem::take(&mut self.waiting) {
            self.returned(waiting.work.attempt, draining());
        }
    }

    /// Whether the node stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// The node waits no longer: what still runs is stopped. Nobody asked for that, so to the SMS it is lost with the node.
    pub(crate) fn give_up(&self) {
        for held in self.held.values() {
            if let Held::Running(running) = held {
                running.handle.cancel();
            }
        }
    }

    /// Whether there is nothing, and nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn admit(&self, work: Work) -> Result<Waiting<H::Slot>, Refusal> {
        if self.stopping {
            return Err(draining());
        }
        let slot = self.host.slot()?;
        work.call.within(&work.version.key.terms.limits)?;
        Ok(Waiting { work, slot })
    }

    fn start(&mut self, component: &H::Component, work: Work, slot: H::Slot, now: Instant) {
        self.runs += 1;
        let (attempt, run) = (work.attempt, self.runs);
        let tag = Tag { attempt, run };
        match self.host.start(component, work, slot, tag, now) {
            Ok(handle) => {
                let said = self.held.len() < FEW;
                self.held.insert(attempt, Held::Running(Running { handle, run, said, lines: 0 }));
                if said {
                    self.outbox.push(attempt, false, report::started(attempt));
                } else {
                    self.gather(tag, now);
                }
            }
            Err(refusal) => self.returned(attempt, refusal),
        }
    }

    fn prepared(&mut self, version: &Arc<Version>, component: &Result<H::Component, Refusal>, now: Instant) {
        let of_it = |waiting: &mut Waiting<H::Slot>| Arc::ptr_eq(&waiting.work.version, version);
        for Waiting { work, slot } in self.waiting.extract_if(.., of_it).collect::<Vec<_>>() {
            match component {
                Ok(component) => self.start(component, work, slot, now),
                Err(refusal) => self.returned(work.attempt, refusal.clone()),
            }
        }
    }

    fn end_waiting(&mut self, which: impl Fn(&Work) -> bool, outcome: impl Fn(&Work) -> Outcome, now: Instant) {
        let ended: Vec<_> = self.waiting.extract_if(.., |waiting| which(&waiting.work)).collect();
        for Waiting { work, slot: _ } in ended {
            let usage = Usage { wall: now - work.came, ..Usage::default() };
            self.report_last(
                work.attempt,
                report::ended(work.attempt, TaskResult { outcome: outcome(&work), usage, ran: None }, 0),
            );
        }
    }

    fn gather(&mut self, tag: Tag, now: Instant) {
        self.gathering.push(tag);
        self.gathered.get_or_insert(now + GATHER);
    }

    /// Says what a run has to say while it goes on.
    fn catch_up(&mut self, tag: Tag) {
        let Some(running) = running(&mut self.held, tag) else { return };
        let lines = running.handle.take_lines();
        running.say(tag.attempt, lines, &mut self.outbox);
    }

    fn ended(&mut self, tag: Tag, report: Result<Report, Refusal>) {
        let Some(running) = running(&mut self.held, tag) else { return };
        let attempt = tag.attempt;
        let Report { outcome, usage, log, ran } = match report {
            Ok(report) => report,
            Err(refusal) => return self.returned(attempt, refusal),
        };
        if !log.lines.is_empty() {
            running.say(attempt, log.lines, &mut self.outbox);
        }
        self.report_last(attempt, report::ended(attempt, TaskResult { outcome, usage, ran }, log.dropped));
    }

    fn returned(&mut self, attempt: AttemptId, refusal: Refusal) {
        tracing::info!(%attempt, %refusal, "attempt returned");
        self.report_last(attempt, report::returned(attempt, refusal));
    }

    fn report_last(&mut self, attempt: AttemptId, report: v1::Report) {
        self.held.insert(attempt, Held::Reported);
        self.outbox.push(attempt, true, report);
    }
}

impl<R> Running<R> {
    /// That it started, and these lines.
    fn say(&mut self, attempt: AttemptId, lines: Vec<LogLine>, outbox: &mut Outbox) {
        if !mem::replace(&mut self.said, true) {
            outbox.push(attempt, false, report::started(attempt));
        }
        if !lines.is_empty() {
            let first = self.lines + 1;
            self.lines += lines.len() as u64;
            outbox.push(attempt, false, report::logged(attempt, first, lines));
        }
    }
}

/// The run, unless it is not that one any more.
fn running<R>(held: &mut HashMap<AttemptId, Held<R>>, tag: Tag) -> Option<&mut Running<R>> {
    match held.get_mut(&tag.attempt) {
        Some(Held::Running(running)) if running.run == tag.run => Some(running),
        Some(Held::Waiting | Held::Running(_) | Held::Reported) | None => None,
    }
}

fn draining() -> Refusal {
    Refusal::new(Code::Draining, "the node is stopping")
}
