//! Logs, as far as they are more than a map.

use std::time::{Duration, SystemTime};

use spear_state::{Change, Journal, log_size};

use crate::{Fixture, function, id, line, logged, record};

#[test]
fn a_long_log_is_read_piece_by_piece_without_a_gap_and_without_a_repeat() {
    let fixture = Fixture::new();
    let (record, text) = (record(1, "resize"), "t".repeat(10_000));
    for piece in 0..100 {
        fixture.commit([logged(&record, 1, 1 + piece * 3, &[text.as_str(); 3], 0)]);
    }
    let (mut after, mut reads) = ((0, 0), 0);
    loop {
        let read = fixture.journal.lines(record.id, after, usize::MAX).unwrap();
        let Some(last) = read.last() else { break };
        assert!(read.iter().map(|piece| log_size(&piece.lines)).sum::<u64>() < 2 << 20);
        for piece in &read {
            assert_eq!((piece.attempt, piece.first), (1, after.1 + 1));
            after = (piece.attempt, piece.first + piece.lines.len() as u64 - 1);
        }
        assert_eq!(after.1, last.first + 2);
        reads += 1;
    }
    assert_eq!((after, reads), ((1, 300), 6));
}

#[test]
fn whoever_reads_on_within_a_row_that_is_larger_than_a_piece_gets_what_comes_behind_it() {
    let fixture = Fixture::new();
    let (record, text) = (record(1, "resize"), "t".repeat(300_000));
    fixture.commit([logged(&record, 1, 1, &[text.as_str(); 9], 0), logged(&record, 1, 10, &["behind"], 0)]);
    fixture.commit([logged(&record, 2, 1, &["again"], 0)]);
    let read = fixture.journal.lines(record.id, (1, 8), 100).unwrap();
    let read: Vec<_> = read.iter().map(|piece| (piece.attempt, piece.first, piece.lines.len())).collect();
    assert_eq!(read, [(1, 9, 1), (1, 10, 1), (2, 1, 1)]);
}

#[test]
fn lines_that_a_node_tells_twice_in_other_pieces_are_read_once() {
    let fixture = Fixture::new();
    let record = record(1, "resize");
    fixture.commit([logged(&record, 1, 1, &["1", "2", "3"], 0), logged(&record, 1, 3, &["3", "4"], 0)]);
    let read = fixture.journal.lines(record.id, (0, 0), 100).unwrap();
    let texts: Vec<_> = read.iter().flat_map(|piece| &piece.lines).map(|line| line.message.as_str()).collect();
    assert_eq!(texts, ["1", "2", "3", "4"]);
    let numbers = [u64::MAX, u64::MAX - 1, 0];
    fixture.commit(numbers.map(|first| logged(&record, 2, first, &["a", "b"], 0)));
    assert_eq!(fixture.journal.lines(record.id, (1, u64::MAX), 100).unwrap().len(), 2);
}

#[test]
fn a_line_from_before_1970_is_one_of_1970() {
    let fixture = Fixture::new();
    let mut change = logged(&record(1, "resize"), 1, 1, &["early"], 0);
    if let Change::Logged { lines, .. } = &mut change {
        lines[0].time = SystemTime::UNIX_EPOCH - Duration::from_secs(9);
    }
    fixture.commit([change]);
    let read = fixture.journal.lines(id(1), (0, 0), 100).unwrap();
    assert_eq!(read[0].lines[0].time, SystemTime::UNIX_EPOCH);
}

#[test]
fn the_oldest_logs_go_first_and_what_is_left_is_counted_on_after_a_restart() {
    let fixture = Fixture::new();
    let size = log_size(&[line("one")]);
    for start in [0, 1_000, 2_000] {
        let lines = |number| logged(&record(number, "resize"), 1, 1, &["one"], 0);
        fixture.commit((start..start + 1_000).map(lines).collect::<Vec<_>>());
    }
    fixture.journal.trim_logs(u64::MAX, 2_500 * size).unwrap();
    let fixture = fixture.reopened();
    let left = || fixture.journal.logged(&function("resize"), 9_999).unwrap();
    assert_eq!((left().len(), left()[0], left()[2_499]), (2_500, id(2_999), id(500)));
    fixture.journal.trim_logs(u64::MAX, 2_500 * size).unwrap();
    assert_eq!(left().len(), 2_500);
    fixture.journal.trim_logs(7, 2_500 * size).unwrap();
    assert_eq!(left(), [2_999, 2_998, 2_997, 2_996, 2_995, 2_994, 2_993].map(id));
    fixture.journal.trim_logs(7, 7 * size - 1).unwrap();
    assert_eq!(left().len(), 6);
    fixture.commit([Change::Forgotten(left())]);
    assert_eq!(left(), []);
    assert_eq!(fixture.journal.lines(id(2_999), (0, 0), 9).unwrap(), []);
}
