//! Tasks that ended long ago, written as the SMS would have written them.

use std::{path::Path, sync::Arc};

use spear_state::{Change, End, Journal as _, KeyHash, Phase, Progress, TaskRecord};
use spear_store::TaskJournal;
use spear_types::{Call, FunctionName, Outcome, Payload, Priority, RetryPolicy, TaskId, TaskResult, Timestamp, Usage};

/// Puts so many ended tasks of a function into the data folder of an SMS that does not run, each with an answer of this
/// size. Their ids, oldest first.
pub(crate) fn fill(folder: &Path, function: &str, tasks: u64, answer: usize) -> Vec<TaskId> {
    const AT_ONCE: u64 = 10_000;
    let journal = TaskJournal::open(folder).expect("a journal");
    let function: FunctionName = function.parse().expect("a name");
    let mut all = Vec::new();
    let numbers: Vec<u64> = (0..tasks).collect();
    for some in numbers.chunks(AT_ONCE as usize) {
        let mut changes = Vec::new();
        for number in some {
            let (record, call) = task(&function, *number);
            all.push(record.id);
            let queued = Phase::Queued { not_before: None };
            let progress = Progress {
                attempt: 0,
                tries: 0,
                after: None,
                cancelling: false,
                phase: queued,
                changed: Timestamp::ZERO,
            };
            changes.push(Change::Submitted { record: Arc::clone(&record), progress, call });
            changes.push(Change::Ended { record, end: end(answer) });
        }
        journal.commit(&changes).expect("a commit");
    }
    all
}

fn task(function: &FunctionName, number: u64) -> (Arc<TaskRecord>, Call) {
    let call = Call::Payload(Payload { body: number.to_string().into(), ..Payload::default() });
    let key = number.to_string().try_into().expect("a key");
    let record = TaskRecord {
        id: TaskId::generate(),
        function: function.clone(),
        version: 1,
        priority: Priority::DEFAULT,
        schedule: None,
        submitted: Timestamp::now(),
        deadline: None,
        retry: RetryPolicy::default(),
        key: Some(KeyHash::of(function, &key, &call)),
        key_text: Some(key),
        trace_parent: None,
        call_size: call.size(),
    };
    (record.into(), call)
}

fn end(answer: usize) -> End {
    let reply = Payload { body: vec![b'x'; answer].into(), ..Payload::default() };
    let result = TaskResult { outcome: Outcome::Succeeded(reply), usage: Usage::default(), ran: None };
    End { at: Timestamp::now(), attempt: 1, node: "one".parse().ok(), result, log_dropped: 0 }
}
