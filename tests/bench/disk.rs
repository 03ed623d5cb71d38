//! What the disk alone takes.

use std::{
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use crate::percentile;

/// Writes 4 KiB and waits for the disk, again and again; the median.
pub(crate) fn show(folder: &Path, when: &str) -> Duration {
    const TIMES: usize = 500;
    std::fs::create_dir_all(folder).expect("a folder");
    let mut file = tempfile::tempfile_in(folder).expect("a file");
    let block = [7; 4 << 10];
    // As a database has it: the file has its length, and is written over.
    for _ in 0..256 {
        file.write_all(&block).expect("room on the disk");
    }
    file.sync_all().expect("a disk");
    let mut times: Vec<_> = (0..TIMES)
        .map(|number| {
            let begin = Instant::now();
            file.seek(std::io::SeekFrom::Start((number as u64 * 37 % 256) * (4 << 10))).expect("a place in it");
            file.write_all(&block).expect("room on the disk");
            file.sync_data().expect("a disk");
            begin.elapsed()
        })
        .collect();
    let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
    println!("  fdatasync of 4 KiB, {when}: p50 {p50:?}, p99 {p99:?}");
    p50
}

/// Reads a file from its beginning to its end; its size and the time.
pub(crate) fn read(path: &Path) -> (u64, Duration) {
    let begin = Instant::now();
    let mut file = File::open(path).expect("a file");
    let mut piece = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        match file.read(&mut piece).expect("a readable file") {
            0 => return (size, begin.elapsed()),
            length => size += length as u64,
        }
    }
}
