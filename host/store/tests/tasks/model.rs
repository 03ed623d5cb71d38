//! Any sequence of groups does to the file what it does to maps.

use std::{collections::BTreeMap, time::Duration};

use proptest::{collection::vec, prelude::*, sample::select};
use spear_state::{Change, Journal, MemoryJournal, ScheduleRecord, TaskRecord};
use spear_store::TaskJournal;
use spear_types::{Duty, OutcomeKind, RetryPolicy};

use crate::{
    Fixture, assigned, call, ended, function, id, key, logged, moment, node, outcome, progressed, record, submitted,
};

const TASKS: u64 = 7;
const KINDS: [OutcomeKind; 4] =
    [OutcomeKind::Succeeded, OutcomeKind::Failed, OutcomeKind::Trapped, OutcomeKind::Cancelled];
const SIZES: [usize; 4] = [0, 100, 1_100, 9_000];

#[derive(Debug, Clone)]
enum Command {
    Group(Vec<Step>),
    Trim { tasks: u64, bytes: u64 },
    Reopen,
}

#[derive(Debug, Clone)]
enum Step {
    /// Whatever comes next for the task: it is submitted, progresses or ends, and is forgotten.
    Next {
        task: u64,
        ends: bool,
        detail: Detail,
    },
    Submit(u64, Detail),
    Progress(u64, u32),
    End(u64, Detail),
    Forget(Vec<u64>),
    Log {
        task: u64,
        attempt: u32,
        piece: u64,
        lines: usize,
        dropped: u64,
    },
    Schedule(u8, bool),
    Duty(u32, u8),
}

#[derive(Debug, Clone, Copy)]
struct Detail {
    kind: OutcomeKind,
    size: usize,
    late: u64,
}

/// Where a task is, as far as the last group that was taken has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Live,
    Ended,
}

type Places = BTreeMap<u64, Place>;

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => vec(step(), 1..6).prop_map(Command::Group),
        1 => (0..4_u64, 0..400_u64).prop_map(|(tasks, bytes)| Command::Trim { tasks, bytes }),
        1 => Just(Command::Reopen),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let task = || 0..TASKS;
    let log = (task(), 1..4_u32, 0..3_u64, 0..4_usize, 0..2_u64);
    prop_oneof![
        60 => (task(), any::<bool>(), detail()).prop_map(|(task, ends, detail)| Step::Next { task, ends, detail }),
        1 => (task(), detail()).prop_map(|(task, detail)| Step::Submit(task, detail)),
        1 => (task(), 1..4_u32).prop_map(|(task, attempt)| Step::Progress(task, attempt)),
        1 => (task(), detail()).prop_map(|(task, detail)| Step::End(task, detail)),
        1 => vec(task(), 0..3).prop_map(Step::Forget),
        20 => log.prop_map(|(task, attempt, piece, lines, dropped)| Step::Log { task, attempt, piece, lines, dropped }),
        3 => (0..3_u8, any::<bool>()).prop_map(|(name, there)| Step::Schedule(name, there)),
        3 => (0..3_u32, 0..4_u8).prop_map(|(node, duty)| Step::Duty(node, duty)),
    ]
}

fn detail() -> impl Strategy<Value = Detail> {
    let late = prop_oneof![0..5_u64, 0..300_u64];
    (select(&KINDS[..]), select(&SIZES[..]), late).prop_map(|(kind, size, late)| Detail { kind, size, late })
}

fn change(step: &Step, places: &mut Places) -> Change {
    match step {
        Step::Next { task, ends, detail } => match places.get(task) {
            None => change(&Step::Submit(*task, *detail), places),
            Some(Place::Live) if *ends => change(&Step::End(*task, *detail), places),
            Some(Place::Live) => change(&Step::Progress(*task, 1), places),
            Some(Place::Ended) => change(&Step::Forget(vec![*task]), places),
        },
        Step::Submit(task, detail) => {
            places.insert(*task, Place::Live);
            submitted(&task_record(*task), call(detail.size))
        }
        Step::Progress(task, attempt) => progressed(&task_record(*task), assigned(*attempt)),
        Step::End(task, Detail { kind, size, late }) => {
            places.insert(*task, Place::Ended);
            ended(&task_record(*task), task * 10 + late, outcome(*kind, *size))
        }
        Step::Forget(tasks) => {
            places.retain(|task, _| !tasks.contains(task));
            Change::Forgotten(tasks.iter().map(|task| id(task * 10)).collect())
        }
        Step::Log { task, attempt, piece, lines, dropped } => {
            let texts = &["one", "two and more", ""][..*lines];
            logged(&task_record(*task), *attempt, 1 + piece * 3, texts, *dropped)
        }
        Step::Schedule(name, true) => Change::Scheduled(schedule(*name)),
        Step::Schedule(name, false) => Change::Unscheduled(schedule(*name).name),
        Step::Duty(number, duty) => Change::Duty(node(*number), nth_duty(*duty)),
    }
}

/// Some have keys; two functions share them, one name begins with the other.
fn task_record(task: u64) -> TaskRecord {
    let mut record = record(task * 10, ["resize", "resize-2"][usize::from(task.is_multiple_of(3))]);
    record.key = task.is_multiple_of(2).then(|| key(&record.function, &task.to_string()));
    record
}

fn schedule(name: u8) -> ScheduleRecord {
    ScheduleRecord {
        name: format!("schedule-{name}").parse().unwrap(),
        function: function("resize"),
        cron: "@hourly".into(),
        call: call(usize::from(name) * 1_000),
        priority: None,
        deadline: Some(Duration::from_secs(9)),
        retry: RetryPolicy::default(),
        created: moment(1),
        fired: None,
        last: Some(id(4)),
    }
}

fn nth_duty(number: u8) -> Duty {
    let until = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    [Duty::Open, Duty::Cordoned, Duty::Draining { until }, Duty::Drained][usize::from(number)]
}

fn check(commands: Vec<Command>) {
    let (mut fixture, model, mut places) = (Fixture::new(), MemoryJournal::default(), Places::new());
    for command in commands {
        match command {
            Command::Group(steps) => {
                let mut after = places.clone();
                let changes: Vec<Change> = steps.iter().map(|step| change(step, &mut after)).collect();
                let (got, expected) = (fixture.journal.commit(&changes), model.commit(&changes));
                assert_eq!(got.is_ok(), expected.is_ok(), "{got:?}, {expected:?}");
                if got.is_ok() {
                    places = after;
                }
            }
            Command::Trim { tasks, bytes } => {
                fixture.journal.trim_logs(tasks, bytes).unwrap();
                model.trim_logs(tasks, bytes).unwrap();
            }
            Command::Reopen => fixture = fixture.reopened(),
        }
        same_tasks(&fixture.journal, &model);
        same_pages(&fixture.journal, &model);
        same_logs(&fixture.journal, &model);
    }
}

fn same_tasks(journal: &TaskJournal, model: &MemoryJournal) {
    let (got, expected) = (journal.load().unwrap(), model.load().unwrap());
    assert_eq!((got.tasks, got.keys, got.ended), (expected.tasks, expected.keys, expected.ended));
    assert_eq!((got.schedules, got.duties), (expected.schedules, expected.duties));
    for task in (0..TASKS).map(|task| id(task * 10)) {
        assert_eq!(journal.call(task).unwrap(), model.call(task).unwrap());
        assert_eq!(journal.ended(task).unwrap(), model.ended(task).unwrap());
    }
    for (before, keep, limit) in [(0, 9, 9), (25, 9, 9), (70, 9, 2), (0, 2, 9), (40, 1, 9), (200, 0, 3)] {
        let (before, keep) = (moment(before), keep);
        assert_eq!(journal.expired(before, keep, limit).unwrap(), model.expired(before, keep, limit).unwrap());
    }
}

fn same_pages(journal: &TaskJournal, model: &MemoryJournal) {
    for name in [None, Some("resize"), Some("resize-2"), Some("nothing")] {
        for outcomes in [&[][..], &[OutcomeKind::Failed], &[OutcomeKind::Cancelled, OutcomeKind::Succeeded]] {
            for (before, limit) in [(None, 0), (None, 2), (Some(id(30)), 9), (Some(id(35)), 1)] {
                let (function, outcomes) = (name.map(function), outcomes.to_vec());
                let request = spear_state::PageRequest { function, outcomes, before, limit };
                assert_eq!(journal.page(&request).unwrap(), model.page(&request).unwrap(), "{request:?}");
            }
        }
    }
}

fn same_logs(journal: &TaskJournal, model: &MemoryJournal) {
    for name in ["resize", "resize-2", "nothing"] {
        for limit in [1, 9] {
            let name = function(name);
            assert_eq!(journal.logged(&name, limit).unwrap(), model.logged(&name, limit).unwrap());
        }
    }
    for task in (0..TASKS).map(|task| id(task * 10)) {
        for after in [(0, 0), (1, 0), (1, 1), (1, 3), (1, u64::MAX), (2, 4), (3, 9), (u32::MAX, u64::MAX)] {
            for limit in [1, 4, 100] {
                let (got, expected) = (journal.lines(task, after, limit), model.lines(task, after, limit));
                assert_eq!(got.unwrap(), expected.unwrap(), "{after:?}, {limit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_file_remembers_what_maps_remember(commands in vec(command(), 1..40)) {
        check(commands);
    }
}
