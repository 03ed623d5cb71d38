//! Tasks that have ended.

use std::sync::Arc;

use spear_state::{Change, Journal, PageRequest};
use spear_types::{OutcomeKind, TaskId};

use crate::{Fixture, all, assigned, call, end, ended, function, id, moment, outcome, progressed, record, submitted};

/// So many tasks that came and ended, two of three of them of `resize`.
fn fill(fixture: &Fixture, count: u64) {
    for start in (0..count).step_by(10_000) {
        let came_and_ended = |number: u64| {
            let record = record(number, if number.is_multiple_of(3) { "other" } else { "resize" });
            let ended = ended(&record, number, outcome(OutcomeKind::Succeeded, 0));
            [submitted(&record, call(0)), ended]
        };
        fixture.commit((start..count.min(start + 10_000)).flat_map(came_and_ended).collect::<Vec<_>>());
    }
}

#[test]
fn a_page_looks_at_so_many_tasks_only_and_the_next_goes_on() {
    let fixture = Fixture::new();
    fill(&fixture, 50_000);
    let last = record(50_000, "resize");
    fixture.commit([submitted(&last, call(0)), ended(&last, 50_000, outcome(OutcomeKind::Failed, 0))]);
    let first = record(1 << 30, "resize");
    for name in [None, Some(function("resize"))] {
        let outcomes = vec![OutcomeKind::Trapped];
        let mut request = PageRequest { function: name, outcomes, before: Some(first.id), limit: 10 };
        let mut pages = 0;
        while let Some(next) = fixture.journal.page(&request).unwrap().next {
            assert!(Some(next) < request.before);
            request.before = Some(next);
            pages += 1;
        }
        assert_eq!(pages, if request.function.is_some() { 1 } else { 2 });
        request = PageRequest { outcomes: vec![OutcomeKind::Failed], before: None, ..request };
        assert_eq!(fixture.journal.page(&request).unwrap().tasks[0].id, last.id);
    }
}

#[test]
fn a_page_carries_no_results_and_each_is_there_whole() {
    let fixture = Fixture::new();
    let results = [0, 1_000, 1_024, 1_025, 5 << 20];
    for (number, size) in (0..).zip(results) {
        let record = record(number, "resize");
        fixture.commit([submitted(&record, call(size))]);
        assert_eq!(fixture.journal.call(record.id).unwrap(), Some(call(size)));
        fixture.commit([ended(&record, number, outcome(OutcomeKind::Succeeded, size))]);
    }
    let fixture = fixture.reopened();
    let page = fixture.journal.page(&all()).unwrap();
    let numbers: Vec<TaskId> = page.tasks.iter().map(|task| task.id).collect();
    assert_eq!(numbers, [4, 3, 2, 1, 0].map(id));
    for (number, size) in (0..).zip(results) {
        let task = fixture.journal.ended(id(number)).unwrap().unwrap();
        assert_eq!(task.end, end(number, outcome(OutcomeKind::Succeeded, size)));
        assert_eq!(Some(&task.info()), page.tasks.iter().find(|task| task.id == id(number)));
    }
}

#[test]
fn a_call_is_kept_until_the_task_has_ended() {
    let fixture = Fixture::new();
    for (number, size) in [(1, 10), (2, 10_000)] {
        let record = record(number, "resize");
        fixture.commit([submitted(&record, call(size)), progressed(&record, assigned(1))]);
        assert_eq!(fixture.journal.call(record.id).unwrap(), Some(call(size)));
        fixture.commit([progressed(&record, assigned(2))]);
        assert_eq!(fixture.journal.load().unwrap().tasks[0].progress, assigned(2));
        fixture.commit([ended(&record, 9, outcome(OutcomeKind::Cancelled, 0))]);
        assert_eq!(fixture.journal.call(record.id).unwrap(), None);
        assert_eq!(fixture.journal.load().unwrap().tasks, []);
    }
}

#[test]
fn what_contradicts_is_refused_with_its_whole_group_and_names_the_task() {
    let fixture = Fixture::new();
    let (known, unknown) = (record(1, "resize"), record(2, "resize"));
    let succeeded = || outcome(OutcomeKind::Succeeded, 0);
    fixture.commit([submitted(&known, call(0)), ended(&known, 1, succeeded())]);
    let groups = [
        (known.id, vec![ended(&known, 2, outcome(OutcomeKind::Failed, 0))]),
        (known.id, vec![progressed(&known, assigned(1))]),
        (known.id, vec![submitted(&known, call(0))]),
        (unknown.id, vec![progressed(&unknown, assigned(1))]),
        (unknown.id, vec![ended(&unknown, 2, succeeded())]),
        (unknown.id, vec![submitted(&unknown, call(0)), Change::Forgotten(vec![unknown.id])]),
    ];
    for (task, mut group) in groups {
        let other = record(3, "resize");
        group.insert(0, submitted(&other, call(0)));
        let error = fixture.journal.commit(&group).unwrap_err().to_string();
        assert!(error.contains(&task.to_string()), "{error}");
        assert_eq!(fixture.journal.load().unwrap().tasks, []);
    }
    let first = fixture.journal.ended(known.id).unwrap().unwrap();
    assert_eq!((first.end.at, first.record), (moment(1), known));
}

#[test]
fn old_tasks_are_found_and_forgotten_piece_by_piece() {
    let fixture = Fixture::new();
    fill(&fixture, 25_000);
    let expired = |before, keep| fixture.journal.expired(moment(before), keep, 10_000).unwrap();
    assert_eq!(expired(0, 25_000).len(), 0);
    assert_eq!(expired(7, 25_000).len(), 7);
    assert_eq!(expired(0, 24_990).len(), 10);
    let mut pieces = Vec::new();
    loop {
        let tasks: Vec<_> = expired(0, 100).into_iter().map(|(task, _)| task).collect();
        if tasks.is_empty() {
            break;
        }
        pieces.push(tasks.len());
        fixture.commit([Change::Forgotten(tasks)]);
    }
    assert_eq!(pieces, [10_000, 10_000, 4_900]);
    let fixture = fixture.reopened();
    assert_eq!(fixture.journal.load().unwrap().ended, 100);
    let of_one = PageRequest { function: Some(function("other")), ..all() };
    assert_eq!(fixture.journal.page(&of_one).unwrap().tasks.len(), 34);
    assert_eq!(fixture.journal.page(&all()).unwrap().next, None);
}

#[test]
fn tasks_are_read_while_others_are_committed() {
    let fixture = Fixture::new();
    fill(&fixture, 1_000);
    let journal = Arc::new(fixture.journal);
    let reader = std::thread::spawn({
        let journal = Arc::clone(&journal);
        move || {
            let mut read = 0;
            while journal.ended(id(2_000)).unwrap().is_none() {
                assert!(journal.page(&all()).unwrap().tasks.len() == 100);
                read += 1;
            }
            read
        }
    });
    for number in 1_001..=2_000 {
        let record = record(number, "resize");
        let ended = ended(&record, number, outcome(OutcomeKind::Succeeded, 0));
        journal.commit(&[submitted(&record, call(0)), ended]).unwrap();
    }
    assert!(reader.join().unwrap() > 0);
}
