//! Standard error, line by line into the task's log.

use std::{sync::Arc, time::SystemTime};

use spear_hostcalls::logs::LogBuffer;
use spear_types::{Level, LogLine};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest line in bytes; a longer one is cut into more. The program chose it.
const LONGEST: usize = 8 << 10;

/// Reads to the end. What does not fit into the log is read all the same: a program that nobody reads would stand still.
pub(super) async fn read(mut stderr: impl AsyncRead + Unpin, log: Arc<LogBuffer>) {
    let (mut buffer, mut line) = (vec![0; LONGEST], Vec::new());
    // What cannot be read any more is over.
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                write(&log, &mut line);
            } else {
                line.push(*byte);
                if line.len() == LONGEST {
                    write(&log, &mut line);
                }
            }
        }
    }
    if !line.is_empty() {
        write(&log, &mut line);
    }
}

fn write(log: &LogBuffer, line: &mut Vec<u8>) {
    let message = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
    let fields = vec![("stream".to_owned(), "stderr".to_owned())];
    log.write(LogLine { time: SystemTime::now(), level: Level::Error, message, fields });
    line.clear();
}
