//! A node as it may behave: it keeps what it was given and what was not acknowledged.

use std::collections::{BTreeMap, VecDeque};

use spear_placement::NodeSpec;
use spear_state::ReportKind;
use spear_types::{AttemptId, Cpu, Outcome};

use super::node_name;
use crate::{
    actions::Work,
    common::{self, Linked, result, success},
};

pub(crate) struct SimNode {
    pub(crate) spec: NodeSpec,
    pub(crate) incarnation: u8,
    /// The link that the SMS has; orders come by it.
    pub(crate) link: Option<Linked>,
    /// The node knows of it: reports go by it.
    pub(crate) registered: bool,
    /// What runs, or is to run; whether it is to be stopped.
    runs: BTreeMap<AttemptId, bool>,
    outbox: VecDeque<Said>,
    said: u64,
}

struct Said {
    number: u64,
    attempt: AttemptId,
    kind: ReportKind,
    /// The link on which it was said last.
    session: Option<u64>,
}

impl SimNode {
    pub(crate) fn new(number: usize) -> Self {
        let slots = u32::try_from(number).unwrap() + 1;
        let mut spec = common::node(node_name(number).as_str(), slots);
        spec.capacity.cpu = Cpu::from_millis(2_000);
        Self {
            spec,
            incarnation: 1,
            link: None,
            registered: false,
            runs: BTreeMap::new(),
            outbox: VecDeque::new(),
            said: 0,
        }
    }

    /// The program dies, and everything with it.
    pub(crate) fn restart(&mut self) {
        self.incarnation = self.incarnation.wrapping_add(1);
        self.link = None;
        self.runs.clear();
        self.outbox.clear();
    }

    /// It was away for so long that what runs is another node's by now: it stops that, and speaks of it no more.
    pub(crate) fn give_up(&mut self) {
        if self.link.is_none() {
            self.runs.clear();
            let over: Vec<AttemptId> = self.held();
            self.outbox.retain(|said| over.contains(&said.attempt));
        }
    }

    /// The SMS is another one: its links are counted anew.
    pub(crate) fn lose_sms(&mut self) {
        self.link = None;
        self.outbox.iter_mut().for_each(|said| said.session = None);
    }

    pub(crate) fn runs(&self) -> Vec<AttemptId> {
        self.runs.keys().copied().collect()
    }

    /// What runs, and what has ended and is not acknowledged.
    pub(crate) fn held(&self) -> Vec<AttemptId> {
        let over = |said: &&Said| matches!(said.kind, ReportKind::Ended { .. } | ReportKind::Returned(_));
        let over = self.outbox.iter().filter(over).map(|said| said.attempt);
        self.runs.keys().copied().chain(over).collect()
    }

    /// Nothing is done twice.
    pub(crate) fn assign(&mut self, attempt: AttemptId) {
        if !self.held().contains(&attempt) {
            self.runs.insert(attempt, false);
        }
    }

    pub(crate) fn cancel(&mut self, attempt: AttemptId) {
        self.runs.entry(attempt).and_modify(|cancelled| *cancelled = true);
    }

    pub(crate) fn work(&mut self, work: Work, which: usize) {
        let runs = self.runs();
        let Some(attempt) = runs.get(which % runs.len().max(1)).copied() else { return };
        if work.ends() {
            let cancelled = self.runs.remove(&attempt).unwrap_or_default();
            let stopped = cancelled && !which.is_multiple_of(3);
            self.say(attempt, if stopped { result(Outcome::Cancelled) } else { work.report() });
        } else {
            self.say(attempt, work.report());
        }
    }

    /// What runs and is not to be stopped.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = AttemptId> {
        self.runs.iter().filter(|(_, cancelled)| !**cancelled).map(|(attempt, _)| *attempt)
    }

    pub(crate) fn finish_all(&mut self) {
        for (attempt, cancelled) in std::mem::take(&mut self.runs) {
            self.say(attempt, if cancelled { result(Outcome::Cancelled) } else { success() });
        }
    }

    fn say(&mut self, attempt: AttemptId, kind: ReportKind) {
        self.said += 1;
        self.outbox.push_back(Said { number: self.said, attempt, kind, session: None });
    }

    /// What was not said on this link.
    pub(crate) fn unsaid(&mut self, session: u64) -> Vec<(u64, AttemptId, ReportKind)> {
        let to_say = self.outbox.iter_mut().filter(|said| said.session != Some(session));
        let say = |said: &mut Said| {
            said.session = Some(session);
            (said.number, said.attempt, said.kind.clone())
        };
        to_say.map(say).collect()
    }

    pub(crate) fn acknowledged(&mut self, number: u64) {
        self.outbox.retain(|said| said.number != number);
    }
}
