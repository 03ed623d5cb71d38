//! Orders as messages: numbered, none too large, the terms of a version told once. Pure.

use std::collections::{HashMap, VecDeque};

use prost::Message as _;
use spear_proto::v1::{self, order::Kind};
use spear_types::{AttemptId, Call, FunctionName, FunctionVersion, Timestamp};
use spear_wire::Encode as _;

use super::Outgoing;

/// A message is closed before it gets larger: small enough to be under way soon, large enough that its own cost is none.
/// An order that is larger alone is alone in its message.
const MAX_BATCH: usize = 256 << 10;

/// The most terms that are known on a link at once: the node keeps each.
const MAX_TERMS: usize = 10_000;

/// What is to be sent on one link.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// The number of the last message.
    number: u64,
    terms: Terms,
    /// Orders that are ready to be sent, and did not fit into the last message.
    ready: VecDeque<v1::Order>,
}

/// The numbers of versions on this link.
#[derive(Debug, Default)]
struct Terms {
    numbers: HashMap<(FunctionName, u32), u32>,
    /// By number, from 1: whose it is.
    told: Vec<(FunctionName, u32)>,
    /// Counts those that were told.
    count: usize,
}

impl Orders {
    /// The next message: of what waits as much as fits. None where nothing does.
    pub(super) fn message(&mut self, waiting: &mut VecDeque<Outgoing>, now: Timestamp) -> Option<v1::Orders> {
        let (mut orders, mut size) = (Vec::new(), 0);
        while let Some(order) = self.next(waiting, now) {
            let larger = size + order.encoded_len();
            if larger > MAX_BATCH && !orders.is_empty() {
                self.ready.push_front(order);
                break;
            }
            size = larger;
            orders.push(order);
        }
        if orders.is_empty() {
            return None;
        }
        self.number += 1;
        Some(v1::Orders { number: self.number, orders })
    }

    fn next(&mut self, waiting: &mut VecDeque<Outgoing>, now: Timestamp) -> Option<v1::Order> {
        while self.ready.is_empty() {
            match waiting.pop_front()? {
                Outgoing::Assign { attempt, function, call, trace_parent, deadline } => {
                    let terms = self.terms(&function);
                    let time = deadline.map(|deadline| deadline.since(now).encode());
                    self.ready.push_back(order(Kind::Assign(assign(attempt, terms, call, trace_parent, time))));
                }
                Outgoing::Cancel(attempt) => self.ready.push_back(order(Kind::Cancel(attempt.encode()))),
                // Whoever holds the link ends it; on the link itself nothing is said.
                Outgoing::Close { .. } => {}
            }
        }
        self.ready.pop_front()
    }

    /// The version's number on this link; where the node does not know it, it is told first.
    fn terms(&mut self, function: &FunctionVersion) -> u32 {
        let (number, is_new) = self.terms.number(function);
        if is_new {
            self.ready.push_back(order(Kind::Terms(terms(number, function))));
        }
        number
    }
}

impl Terms {
    /// A version's number, and whether the node has to be told. The numbers of those that were told long ago are used again.
    fn number(&mut self, function: &FunctionVersion) -> (u32, bool) {
        let key = (function.name.clone(), function.version);
        if let Some(number) = self.numbers.get(&key) {
            return (*number, false);
        }
        let index = self.count % MAX_TERMS;
        self.count += 1;
        match self.told.get_mut(index) {
            Some(old) => {
                self.numbers.remove(old);
                old.clone_from(&key);
            }
            None => self.told.push(key.clone()),
        }
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        self.numbers.insert(key, number);
        (number, true)
    }
}

fn assign(
    attempt: AttemptId,
    terms: u32,
    call: Call,
    trace_parent: Option<String>,
    time: Option<prost_types::Duration>,
) -> v1::Assign {
    let call = call.encode().encode_to_vec().into();
    v1::Assign { attempt: Some(attempt.encode()), terms, call, trace_parent, time }
}

fn terms(id: u32, function: &FunctionVersion) -> v1::Terms {
    v1::Terms {
        id,
        function: function.name.to_string(),
        version: function.version,
        implementations: function.implementations.clone().encode(),
        limits: Some(function.limits.clone().encode()),
        grants: Some(function.grants.clone().encode()),
        settings: function.settings.clone().encode(),
    }
}

fn order(kind: Kind) -> v1::Order {
    v1::Order { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use bytes::Bytes;
    use spear_types::{Artifact, Granted, Implementation, Limits, Payload, Placement, Settings, TaskId};

    use super::*;

    fn version(name: &str, version: u32) -> Arc<FunctionVersion> {
        Arc::new(FunctionVersion {
            name: name.parse().unwrap(),
            version,
            description: None,
            implementations: vec![Implementation::wasm(Artifact::of(b""))],
            limits: Limits::DEFAULTS,
            grants: Granted::default(),
            settings: Settings::default(),
            placement: Placement::default(),
            created: std::time::SystemTime::UNIX_EPOCH,
        })
    }

    fn assigning(function: &Arc<FunctionVersion>, body: usize) -> Outgoing {
        Outgoing::Assign {
            attempt: AttemptId { task: TaskId::generate(), attempt: 1 },
            function: Arc::clone(function),
            call: Payload { body: Bytes::from(vec![7; body]), ..Payload::default() }.into(),
            trace_parent: None,
            deadline: None,
        }
    }

    /// Each message's number and what is in it.
    fn messages(orders: &mut Orders, waiting: impl IntoIterator<Item = Outgoing>) -> Vec<(u64, String)> {
        let mut waiting: VecDeque<Outgoing> = waiting.into_iter().collect();
        let shown = |order: &v1::Order| match order.kind.as_ref().unwrap() {
            Kind::Terms(terms) => format!("terms {} of {} {}", terms.id, terms.function, terms.version),
            Kind::Assign(assign) => format!("run {}", assign.terms),
            Kind::Cancel(_) => "cancel".to_owned(),
        };
        let text = |message: v1::Orders| {
            let orders: Vec<String> = message.orders.iter().map(shown).collect();
            (message.number, orders.join(", "))
        };
        std::iter::from_fn(|| orders.message(&mut waiting, Timestamp::ZERO)).map(text).collect()
    }

    #[test]
    fn terms_are_told_once_before_what_runs_under_them() {
        let (mut orders, one, two) = (Orders::default(), version("f", 1), version("f", 2));
        let cancel = Outgoing::Cancel(AttemptId { task: TaskId::generate(), attempt: 1 });
        let waiting = [assigning(&one, 0), assigning(&one, 0), assigning(&two, 0), cancel];
        let expected = "terms 1 of f 1, run 1, run 1, terms 2 of f 2, run 2, cancel";
        assert_eq!(messages(&mut orders, waiting), [(1, expected.to_owned())]);
        assert_eq!(messages(&mut orders, [assigning(&one, 0)]), [(2, "run 1".to_owned())]);
        assert_eq!(messages(&mut orders, []), []);
    }

    #[test]
    fn a_message_has_no_more_than_fits_and_what_is_larger_goes_alone() {
        let (mut orders, f) = (Orders::default(), version("f", 1));
        let half = MAX_BATCH / 2 - 1_000;
        let waiting = [half, half, half, 2 * MAX_BATCH, 0, 0].map(|body| assigning(&f, body));
        let expected = ["terms 1 of f 1, run 1, run 1", "run 1", "run 1", "run 1, run 1"];
        let expected: Vec<_> = (1..).zip(expected.map(str::to_owned)).collect();
        assert_eq!(messages(&mut orders, waiting), expected);
    }

    #[test]
    fn a_link_knows_so_many_terms_and_tells_the_oldest_again() {
        let mut orders = Orders::default();
        let versions = (1..=u32::try_from(MAX_TERMS).unwrap() + 1).map(|number| assigning(&version("f", number), 0));
        messages(&mut orders, versions);
        let told = messages(&mut orders, [3, 1, 2].map(|number| assigning(&version("f", number), 0)));
        assert_eq!(told[0].1, "run 3, terms 2 of f 1, run 2, terms 3 of f 2, run 3");
        assert_eq!((orders.terms.numbers.len(), orders.terms.told.len()), (MAX_TERMS, MAX_TERMS));
    }

    #[test]
    fn a_call_is_a_message_of_its_own_and_its_time_is_what_is_left() {
        let call: Call = Payload { body: Bytes::from_static(b"body"), ..Payload::default() }.into();
        let attempt = AttemptId { task: TaskId::generate(), attempt: 3 };
        let assign = |deadline| {
            let (function, call) = (version("f", 1), call.clone());
            let order = Outgoing::Assign { attempt, function, call, trace_parent: Some("00-1".to_owned()), deadline };
            let message = Orders::default().message(&mut [order].into(), Timestamp::from_micros(1_000_000)).unwrap();
            let Some(Kind::Assign(assign)) = message.orders.into_iter().next_back().and_then(|order| order.kind) else {
                panic!("the order is to run")
            };
            assign
        };
        let due = assign(Some(Timestamp::from_micros(3_500_000)));
        assert_eq!(v1::Call::decode(due.call).unwrap(), call.clone().encode());
        assert_eq!((due.attempt, due.trace_parent), (Some(attempt.encode()), Some("00-1".to_owned())));
        assert_eq!(due.time, Some(Duration::from_millis(2_500).encode()));
        assert_eq!(assign(Some(Timestamp::ZERO)).time, Some(Duration::ZERO.encode()), "late is at once");
        assert_eq!(assign(None).time, None);
    }
}
