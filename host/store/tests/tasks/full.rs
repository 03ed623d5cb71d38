//! A disk that is full: as for the other file, by a limit of the process, in a process of its own.

use std::{fs, process::Command};

use rustix::process::{Resource, Rlimit, setrlimit};
use spear_state::{Change, Journal, JournalError};
use spear_types::OutcomeKind;

use crate::{Fixture, all, call, ended, outcome, record, submitted};

const CHILD: &str = "SPEAR_STORE_TEST_CHILD";

#[test]
fn a_full_disk_takes_nothing_of_a_group_and_is_no_trouble_once_there_is_room() {
    if std::env::var_os(CHILD).is_some() {
        return without_room();
    }
    let name = "full::a_full_disk_takes_nothing_of_a_group_and_is_no_trouble_once_there_is_room";
    let again = format!("trap '' XFSZ; exec \"$0\" --nocapture --exact {name}");
    let child = Command::new("sh").args(["-c", &again]).arg(std::env::current_exe().unwrap()).env(CHILD, "1").status();
    assert!(child.unwrap().success());
}

fn without_room() {
    let fixture = Fixture::new();
    let file = fixture.dir.path().join("tasks.redb");
    limit_files(Some(fs::metadata(file).unwrap().len()));
    let mut fitted = 0;
    let error = loop {
        match fixture.journal.commit(&group(fitted)) {
            Ok(()) => fitted += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Full), "{error}");
    check(&fixture, fitted);
    assert!(fixture.journal.commit(&group(fitted)).is_err());
    check(&fixture, fitted);
    limit_files(None);
    fixture.commit(group(fitted));
    check(&fixture, fitted + 1);
    check(&fixture.reopened(), fitted + 1);
}

/// One task that goes on, and one that ends.
fn group(number: u64) -> Vec<Change> {
    let (live, dead) = (record(number * 2, "resize"), record(number * 2 + 1, "resize"));
    let ended = ended(&dead, 1, outcome(OutcomeKind::Succeeded, 20_000));
    vec![submitted(&live, call(20_000)), submitted(&dead, call(0)), ended]
}

/// So many groups are there, whole.
fn check(fixture: &Fixture, groups: u64) {
    let remembered = fixture.journal.load().unwrap();
    assert_eq!((remembered.tasks.len() as u64, remembered.ended), (groups, groups));
    assert_eq!(fixture.journal.page(&all()).unwrap().tasks.len() as u64, groups.min(100));
    for number in 0..groups * 2 {
        let task = crate::id(number);
        let (call, ended) = (fixture.journal.call(task).unwrap(), fixture.journal.ended(task).unwrap());
        assert_eq!((call.is_some(), ended.is_some()), (number % 2 == 0, number % 2 == 1));
    }
}

fn limit_files(bytes: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}
