//! Reports on their way: numbered, kept until the SMS remembers them, said again on each link.
//!
//! ```text
//! push ─▶ fresh ── next ─▶ kept ── acknowledged ─▶ gone
//!                           ▲ said again from its front on a new link
//! ```

use std::collections::VecDeque;

use prost::Message as _;
use spear_proto::v1;
use spear_types::AttemptId;

/// The bytes of reports in one message: small beside what a message may have, large beside the cost of one. A report
/// that is larger goes alone.
const MESSAGE: usize = 1 << 20;

/// What a report takes in a message beside its own bytes.
const FRAMING: usize = 8;

/// The reports of one incarnation. How much it holds is bounded by the node's slots and the limits of what runs in them:
/// the SMS gives a slot away again only once it has the report of its last attempt.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// They have no number yet.
    fresh: VecDeque<Entry>,
    /// They were said and are not acknowledged.
    kept: VecDeque<Message>,
    /// How many of those were said on this link.
    said: usize,
    /// The number of the last message.
    last: u64,
}

#[derive(Debug)]
struct Entry {
    attempt: AttemptId,
    /// Whether nothing of the attempt follows.
    ends: bool,
    size: usize,
    report: v1::Report,
}

#[derive(Debug)]
struct Message {
    number: u64,
    entries: Vec<Entry>,
}

impl Outbox {
    /// Adds a report; `ends` where it is the attempt's last one.
    pub(crate) fn push(&mut self, attempt: AttemptId, ends: bool, report: v1::Report) {
        self.fresh.push_back(Entry { attempt, ends, size: report.encoded_len() + FRAMING, report });
    }

    /// Whether there is something to say.
    pub(crate) fn has_next(&self) -> bool {
        self.said < self.kept.len() || !self.fresh.is_empty()
    }

    /// The next message of this link.
    pub(crate) fn next(&mut self) -> Option<v1::Reports> {
        if self.said == self.kept.len() {
            let message = self.gather()?;
            self.kept.push_back(message);
        }
        let message = self.kept.get(self.said)?;
        self.said += 1;
        let reports = message.entries.iter().map(|entry| entry.report.clone()).collect();
        Some(v1::Reports { number: message.number, reports })
    }

    /// A new link: what is kept is said again, in order, before all else.
    pub(crate) fn rejoined(&mut self) {
        self.said = 0;
    }

    /// Forgets the messages up to a number; the attempts that nothing is left of. What was not said on this link cannot
    /// have been heard.
    pub(crate) fn acknowledged(&mut self, number: u64) -> Vec<AttemptId> {
        let heard = self.kept.iter().take(self.said).take_while(|message| message.number <= number).count();
        self.said -= heard;
        let entries = self.kept.drain(..heard).flat_map(|message| message.entries);
        entries.filter(|entry| entry.ends).map(|entry| entry.attempt).collect()
    }

    /// Takes out the reports of attempts that nobody wants to hear of. Messages keep their numbers.
    pub(crate) fn forget(&mut self, gone: impl Fn(&AttemptId) -> bool) {
        self.fresh.retain(|entry| !gone(&entry.attempt));
        for message in &mut self.kept {
            message.entries.retain(|entry| !gone(&entry.attempt));
        }
    }

    /// A message of as many fresh reports as go into one.
    fn gather(&mut self) -> Option<Message> {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.size;
            bytes <= MESSAGE
        };
        let fitting = self.fresh.iter().take_while(fits).count().max(1).min(self.fresh.len());
        if fitting == 0 {
            return None;
        }
        self.last += 1;
        Some(Message { number: self.last, entries: self.fresh.drain(..fitting).collect() })
    }
}

#[cfg(test)]
mod tests {
    use spear_types::TaskId;

    use super::*;
    use crate::attempts::report;

    fn attempt() -> AttemptId {
        AttemptId { task: TaskId::generate(), attempt: 1 }
    }

    fn started(outbox: &mut Outbox) -> AttemptId {
        let attempt = attempt();
        outbox.push(attempt, false, report::started(attempt));
        attempt
    }

    fn numbers(outbox: &mut Outbox) -> Vec<(u64, usize)> {
        std::iter::from_fn(|| outbox.next()).map(|message| (message.number, message.reports.len())).collect()
    }

    #[test]
    fn messages_are_numbered_from_1_and_take_what_there_is() {
        let mut outbox = Outbox::default();
        assert!(!outbox.has_next() && outbox.next().is_none());
        started(&mut outbox);
        started(&mut outbox);
        assert_eq!(numbers(&mut outbox), [(1, 2)]);
        started(&mut outbox);
        assert_eq!(numbers(&mut outbox), [(2, 1)]);
        assert!(!outbox.has_next());
    }

    #[test]
    fn a_new_link_hears_what_was_not_acknowledged_again_and_then_the_rest() {
        let mut outbox = Outbox::default();
        for _ in 0..3 {
            started(&mut outbox);
            numbers(&mut outbox);
        }
        outbox.acknowledged(1);
        started(&mut outbox);
        outbox.rejoined();
        assert_eq!(numbers(&mut outbox), [(2, 1), (3, 1), (4, 1)]);
        outbox.rejoined();
        assert_eq!(numbers(&mut outbox), [(2, 1), (3, 1), (4, 1)]);
    }

    #[test]
    fn an_acknowledgement_is_of_all_before_it_and_of_nothing_that_was_not_said() {
        let mut outbox = Outbox::default();
        let ended = attempt();
        outbox.push(ended, true, report::started(ended));
        numbers(&mut outbox);
        started(&mut outbox);
        numbers(&mut outbox);
        outbox.rejoined();
        assert!(outbox.acknowledged(u64::MAX).is_empty(), "nothing was said on this link");
        outbox.next();
        assert_eq!(outbox.acknowledged(u64::MAX), [ended]);
        assert_eq!(numbers(&mut outbox), [(2, 1)]);
        assert!(outbox.acknowledged(1).is_empty(), "twice");
    }

    #[test]
    fn large_reports_go_alone_and_small_ones_together() {
        let mut outbox = Outbox::default();
        let large = attempt();
        let refusal = spear_types::Refusal::new(spear_types::Code::Internal, "x".repeat(MESSAGE));
        for _ in 0..2 {
            started(&mut outbox);
            started(&mut outbox);
            outbox.push(large, true, report::returned(large, refusal.clone()));
        }
        assert_eq!(numbers(&mut outbox), [(1, 2), (2, 1), (3, 2), (4, 1)]);
    }

    #[test]
    fn what_is_forgotten_leaves_no_gap_in_the_numbers() {
        let mut outbox = Outbox::default();
        let gone = started(&mut outbox);
        numbers(&mut outbox);
        started(&mut outbox);
        let other = started(&mut outbox);
        outbox.push(gone, true, report::started(gone));
        outbox.forget(|attempt| *attempt == gone || *attempt == other);
        outbox.rejoined();
        assert_eq!(numbers(&mut outbox), [(1, 0), (2, 1)]);
    }
}
