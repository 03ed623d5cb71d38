//! The journal of tasks on this disk: commits of groups, and starts and pages with a million ended tasks behind them.
//! `cargo xtask bench journal` runs it.

#![allow(missing_docs, reason = "a benchmark has no API")]

use std::{
    fs::{self, File},
    hint::black_box,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use spear_state::{Change, End, Incarnation, Journal, KeyHash, PageRequest, Phase, Progress, TaskRecord};
use spear_store::TaskJournal;
use spear_types::{
    Call, FunctionName, NodeName, Outcome, OutcomeKind, Payload, Priority, RetryPolicy, TaskId, TaskResult, Timestamp,
    Usage,
};
use tempfile::TempDir;

/// Ended tasks of the second half.
const MANY: usize = 1_000_000;

fn main() {
    // Beside what is built: a folder for temporary files may be in memory.
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    one_by_one(dir.path());
    for (size, groups) in [(1, 1_000), (100, 200), (1_000, 50), (10_000, 10)] {
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let journal = TaskJournal::open(dir.path()).unwrap();
        groups_of(&journal, size, groups, Forget::Nothing);
    }
    many(&dir);
}

fn many(dir: &TempDir) {
    let journal = TaskJournal::open(dir.path()).unwrap();
    let begun = Instant::now();
    for number in 0..MANY / 10_000 {
        journal.commit(&came_and_ended(10_000, number)).unwrap();
    }
    let size = fs::metadata(dir.path().join("tasks.redb")).unwrap().len() >> 20;
    println!("{MANY} ended tasks, half of them with keys: filled in {:?}, {size} MiB", begun.elapsed());
    groups_of(&journal, 1_000, 50, Forget::Nothing);
    groups_of(&journal, 1_000, 50, Forget::AsMany);
    let copy = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    fs::copy(dir.path().join("tasks.redb"), copy.path().join("tasks.redb")).unwrap();
    drop(journal);
    let journal = timed("open", || TaskJournal::open(dir.path()).unwrap());
    timed("load", || journal.load().unwrap());
    timed("load again", || journal.load().unwrap());
    let killed = timed("open as a kill leaves it", || TaskJournal::open(copy.path()).unwrap());
    timed("load", || killed.load().unwrap());
    pages(&journal);
}

fn pages(journal: &TaskJournal) {
    let request = PageRequest { limit: 100, ..PageRequest::default() };
    let newest = timed("the newest 100", || journal.page(&request).unwrap());
    let mut before = newest.next;
    for _ in 0..20 {
        before = journal.page(&PageRequest { before, limit: 10_000, ..request.clone() }).unwrap().next;
    }
    timed("100 in the middle", || journal.page(&PageRequest { before, ..request.clone() }).unwrap());
    let of_one = PageRequest { function: Some(function(1)), ..request.clone() };
    timed("100 of a function", || journal.page(&of_one).unwrap());
    let failed = vec![OutcomeKind::Failed];
    let none = PageRequest { outcomes: failed.clone(), ..request };
    timed("a page of an outcome that none has", || journal.page(&none).unwrap());
    let none = PageRequest { outcomes: failed, ..of_one };
    timed("the same of a function", || journal.page(&none).unwrap());
    timed("nothing expired", || journal.expired(Timestamp::ZERO, u64::MAX, 1_000).unwrap());
    timed("1,000 expired", || journal.expired(Timestamp::MAX, u64::MAX, 1_000).unwrap());
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = black_box(work());
    println!("  {what}: {:?}", begun.elapsed());
    done
}

/// Whether a group also forgets.
#[derive(Clone, Copy, PartialEq)]
enum Forget {
    Nothing,
    /// As many of the oldest as it ends.
    AsMany,
}

/// Each group submits and assigns tasks, and ends those of the group before.
fn groups_of(journal: &TaskJournal, size: usize, groups: usize, forget: Forget) {
    let (mut before, mut encoded) = (Vec::new(), Vec::with_capacity(groups));
    for number in 0..groups {
        let records: Vec<_> = (0..size).map(|place| Arc::new(record(number, place))).collect();
        let mut changes: Vec<_> = records.iter().flat_map(|record| [submitted(record), assigned(record)]).collect();
        changes.extend(before.iter().map(ended));
        if forget == Forget::AsMany {
            let expired = journal.expired(Timestamp::MAX, u64::MAX, size * (number + 1)).unwrap();
            changes.push(Change::Forgotten(expired[size * number..].iter().map(|(task, _)| *task).collect()));
        }
        before = records;
        encoded.push(changes);
    }
    let (begun, cpu) = (Instant::now(), cpu());
    let mut times: Vec<Duration> = encoded.iter().map(|changes| commit(journal, changes)).collect();
    let (wall, cpu) = (begun.elapsed(), self::cpu() - cpu);
    times.sort_unstable();
    let count = (size * groups) as f64;
    println!(
        "groups of {size}{}: {:.0} tasks/s, p50 {:?}, p99 {:?}, cpu {:.1} µs a task",
        if forget == Forget::AsMany { ", as many forgotten" } else { "" },
        count / wall.as_secs_f64(),
        times[groups / 2],
        times[groups * 99 / 100],
        cpu.as_secs_f64() * 1e6 / count,
    );
    let last: Vec<_> = before.iter().map(ended).collect();
    journal.commit(&last).unwrap();
}

fn commit(journal: &TaskJournal, changes: &[Change]) -> Duration {
    let begun = Instant::now();
    journal.commit(changes).unwrap();
    begun.elapsed()
}

/// What this process has computed so far.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn came_and_ended(size: usize, number: usize) -> Vec<Change> {
    let records: Vec<_> = (0..size).map(|place| Arc::new(record(number, place))).collect();
    records.iter().flat_map(|record| [submitted(record), ended(record)]).collect()
}

fn record(group: usize, place: usize) -> TaskRecord {
    let (id, function) = (TaskId::generate(), function(place % 10));
    let (key, call) = (format!("{group}/{place}").parse().unwrap(), Call::Payload(Payload::default()));
    let key = place.is_multiple_of(2).then(|| KeyHash::of(&function, &key, &call));
    TaskRecord {
        id,
        function,
        version: 3,
        priority: Priority::DEFAULT,
        schedule: None,
        submitted: Timestamp::now(),
        deadline: None,
        retry: RetryPolicy::default(),
        key,
        key_text: None,
        trace_parent: None,
        call_size: 0,
    }
}

fn function(number: usize) -> FunctionName {
    format!("function-{number}").parse().unwrap()
}

fn submitted(record: &Arc<TaskRecord>) -> Change {
    let phase = Phase::Queued { not_before: None };
    let progress = Progress { attempt: 0, tries: 0, after: None, cancelling: false, phase, changed: Timestamp::ZERO };
    Change::Submitted { record: Arc::clone(record), progress, call: Call::Payload(Payload::default()) }
}

fn assigned(record: &Arc<TaskRecord>) -> Change {
    let phase = Phase::Assigned { node: node(), incarnation: Incarnation(uuid::Uuid::max()) };
    let progress = Progress { attempt: 1, tries: 1, after: None, cancelling: false, phase, changed: Timestamp::ZERO };
    Change::Progressed { task: record.id, progress }
}

fn ended(record: &Arc<TaskRecord>) -> Change {
    let usage = Usage { wall: Duration::from_micros(100), cpu: Duration::from_micros(50), ..Usage::default() };
    let result = TaskResult { outcome: Outcome::Succeeded(Payload::default()), usage, ran: None };
    let end = End { at: Timestamp::now(), attempt: 1, node: Some(node()), result, log_dropped: 0 };
    Change::Ended { record: Arc::clone(record), end }
}

fn node() -> NodeName {
    "node-1".parse().unwrap()
}

/// One task at a time, and between its commits the disk's own time for a page that is written and waited for.
fn one_by_one(dir: &Path) {
    let (journal, mut file) = (TaskJournal::open(&dir.join("one")).unwrap(), File::create(dir.join("floor")).unwrap());
    let mut fdatasync = || {
        let begun = Instant::now();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        begun.elapsed()
    };
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for number in 0..1_000 {
        let record = Arc::new(record(number, 1));
        times[0].push(fdatasync());
        times[1].push(commit(&journal, &[submitted(&record), assigned(&record)]));
        times[2].push(commit(&journal, &[ended(&record)]));
    }
    for (what, mut times) in
        ["fdatasync of 4 KiB", "a task submitted and assigned", "a task ended"].into_iter().zip(times)
    {
        times.sort_unstable();
        println!("{what}: p50 {:?}, p99 {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    }
}
