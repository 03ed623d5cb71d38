//! Standard error, line by line into the task's log.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use spear_hostcalls::logs::LogBuffer;
use spear_types::{Level, LogLine};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest line in bytes; a longer one is cut into more. The program chose it.
const LONGEST: usize = 8 << 10;

/// The log that lines go to: that of the call which is under way.
#[derive(Default)]
pub(super) struct Target(Mutex<Option<Arc<LogBuffer>>>);

impl Target {
    pub(super) fn of(log: &Arc<LogBuffer>) -> Self {
        Self(Mutex::new(Some(Arc::clone(log))))
    }

    /// From here on; what is written between two calls is nobody's.
    pub(super) fn set(&self, log: Option<Arc<LogBuffer>>) {
        *self.lock() = log;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<LogBuffer>>> {
        // It is replaced whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads to the end. What does not fit into the log is read all the same: a program that nobody reads would stand still.
pub(super) async fn read(mut stderr: impl AsyncRead + Unpin, target: Arc<Target>) {
    let (mut buffer, mut line) = (vec![0; LONGEST], Vec::new());
    // What cannot be read any more is over.
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        for byte in &buffer[..read] {
            if *byte == b'\n' {
                write(&target, &mut line);
            } else {
                line.push(*byte);
                if line.len() == LONGEST {
                    write(&target, &mut line);
                }
            }
        }
    }
    if !line.is_empty() {
        write(&target, &mut line);
    }
}

fn write(target: &Target, line: &mut Vec<u8>) {
    let Some(log) = target.lock().clone() else { return line.clear() };
    let message = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
    let fields = vec![("stream".to_owned(), "stderr".to_owned())];
    log.write(LogLine { time: SystemTime::now(), level: Level::Error, message, fields });
    line.clear();
}
