//! What is found on the disk is not to be trusted.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use proptest::{collection::vec, prelude::*};
use redb::{Database, Key, TableDefinition};
use spear_state::{Change, Journal};
use spear_store::{Error, TaskJournal};
use spear_types::{Duty, OutcomeKind, TaskId};
use tempfile::TempDir;

use crate::{Fixture, all, assigned, call, ended, function, id, logged, node, outcome, progressed, record, submitted};

type Rows<K> = TableDefinition<'static, K, &'static [u8]>;

const LIVE: Rows<u128> = TableDefinition::new("live");
const PROGRESS: Rows<u128> = TableDefinition::new("progress");
const CALLS: Rows<u128> = TableDefinition::new("calls");
const ENDS: Rows<u128> = TableDefinition::new("ends");
const RESULTS: Rows<u128> = TableDefinition::new("results");
const LINES: Rows<(u128, u32, u64)> = TableDefinition::new("lines");
const DUTIES: Rows<&[u8]> = TableDefinition::new("duties");

/// The id of the task that has not ended, and of one that has.
const TASKS: [u64; 2] = [1, 2];

/// A file with a row in each table.
fn filled() -> TempDir {
    let Fixture { dir, journal } = Fixture::new();
    let (live, dead) = (record(TASKS[0], "resize"), record(TASKS[1], "resize"));
    let long = outcome(OutcomeKind::Succeeded, 9_000);
    journal.commit(&[submitted(&live, call(9_000)), submitted(&dead, call(0))]).unwrap();
    let duty = Change::Duty(node(1), Duty::Cordoned);
    let changes = [progressed(&live, assigned(1)), ended(&dead, 9, long), logged(&dead, 1, 1, &["a"], 0), duty];
    journal.commit(&changes).unwrap();
    dir
}

/// Replaces a row, or removes it.
fn damage<K: Key>(dir: &Path, rows: Rows<K>, key: &K::SelfType<'_>, new: Option<&[u8]>) {
    let database = Database::open(dir.join("tasks.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut table = transaction.open_table(rows).unwrap();
    let old = match new {
        Some(new) => table.insert(key, new).unwrap().is_some(),
        None => table.remove(key).unwrap().is_some(),
    };
    assert!(old, "there is no such row");
    drop(table);
    transaction.commit().unwrap();
}

/// Everything that can be read, and what was wrong.
fn read_all(journal: &TaskJournal) -> Vec<String> {
    let mut errors = vec![journal.load().err(), journal.page(&all()).err()];
    errors.push(journal.page(&spear_state::PageRequest { function: Some(function("resize")), ..all() }).err());
    errors.push(journal.expired(spear_types::Timestamp::MAX, 0, 9).err());
    for task in TASKS.map(id) {
        errors.extend([journal.call(task).err(), journal.ended(task).err(), journal.lines(task, (0, 0), 9).err()]);
    }
    errors.push(journal.commit(&[Change::Forgotten(vec![id(TASKS[1])])]).err());
    errors.into_iter().flatten().map(|error| error.to_string()).collect()
}

fn check_damaged<K: Key>(rows: Rows<K>, key: &K::SelfType<'_>, new: Option<&[u8]>, named: &[&str]) {
    let dir = filled();
    damage(dir.path(), rows, key, new);
    let errors = read_all(&TaskJournal::open(dir.path()).unwrap());
    assert!(!errors.is_empty(), "nobody saw {new:?} in {named:?}");
    for error in errors {
        assert!(named.iter().all(|name| error.contains(name)), "{error}");
    }
}

#[test]
fn a_damaged_row_is_named() {
    let [live, dead] = TASKS.map(|task| id(task).to_string());
    let [live_id, dead_id] = TASKS.map(|task| u128::from_be_bytes(id(task).to_bytes()));
    for garbage in [&[][..], &[0xA5; 40]] {
        check_damaged(LIVE, &live_id, Some(garbage), &["\"live\"", &live]);
        check_damaged(PROGRESS, &live_id, Some(garbage), &["\"progress\"", &live]);
        check_damaged(CALLS, &live_id, Some(garbage), &["\"calls\"", &live]);
        check_damaged(ENDS, &dead_id, Some(garbage), &["\"ends\"", &dead]);
        check_damaged(RESULTS, &dead_id, Some(garbage), &["\"results\"", &dead]);
        check_damaged(LINES, &(dead_id, 1, 1), Some(garbage), &["\"lines\"", &dead]);
        check_damaged(DUTIES, &&b"node-1"[..], Some(garbage), &["\"duties\""]);
    }
    check_damaged(LIVE, &live_id, None, &["\"progress\"", &live]);
    check_damaged(CALLS, &live_id, None, &["\"calls\"", &live]);
    check_damaged(RESULTS, &dead_id, None, &["\"results\"", &dead]);
    check_damaged(ENDS, &dead_id, None, &["\"ends\"", &dead]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_bytes_in_a_row_make_the_journal_panic(bytes in vec(any::<u8>(), 0..60), small in vec(0..3_u8, 0..60)) {
        let (dir, [live_id, dead_id]) = (filled(), TASKS.map(|task| u128::from_be_bytes(id(task).to_bytes())));
        for bytes in [&bytes, &small] {
            damage(dir.path(), LIVE, &live_id, Some(bytes));
            damage(dir.path(), PROGRESS, &live_id, Some(bytes));
            damage(dir.path(), CALLS, &live_id, Some(bytes));
            damage(dir.path(), ENDS, &dead_id, Some(bytes));
            damage(dir.path(), RESULTS, &dead_id, Some(bytes));
            damage(dir.path(), LINES, &(dead_id, 1, 1), Some(bytes));
            let journal = TaskJournal::open(dir.path()).unwrap();
            for task in TASKS.map(id) {
                let _ = (journal.call(task), journal.ended(task), journal.lines(task, (0, 0), 9));
            }
            let _ = (journal.load(), journal.page(&all()));
        }
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    for bytes in [vec![0xA5; 5_000], b"short".to_vec()] {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("tasks.redb");
        fs::write(&file, &bytes).unwrap();
        assert!(TaskJournal::open(dir.path()).is_err());
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
}

#[test]
fn a_file_of_another_form_is_refused() {
    let dir = filled();
    let database = Database::open(dir.path().join("tasks.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<(), u32>::new("form")).unwrap().insert((), 9).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = TaskJournal::open(dir.path()).err().unwrap();
    assert!(error.to_string().contains("form 9"), "{error}");
}

#[test]
fn it_is_open_once() {
    let fixture = Fixture::new();
    let error = TaskJournal::open(fixture.dir.path()).err().unwrap();
    assert!(matches!(error, Error::InUse { .. }), "{error}");
    assert!(error.to_string().contains("tasks.redb"), "{error}");
}

#[test]
fn only_the_owner_may_read_it() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let journal = TaskJournal::open(&data).unwrap();
    journal.commit(&[Change::Forgotten(vec![TaskId::generate()])]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join("tasks.redb"))), (0o700, 0o600));
}
