//! Standard output and error, line by line into the task's log.

use std::{
    collections::VecDeque,
    io, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::SystemTime,
};

use bytes::Bytes;
use spear_types::{Level, LogLine};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use crate::logs::{LogBuffer, MAX_LINE};

/// How many of the last lines are kept to look for a panic's message in.
const KEPT: usize = 16;

/// The longest character in bytes.
const CHARACTER: usize = 4;

/// What one write may carry. A guest that writes more without having asked is broken off: each byte is looked at, and
/// nothing can interrupt that.
const WRITE: usize = 8 << 10;

/// One stream of one instance; a cheap clone.
#[derive(Clone)]
pub(super) struct Lines(Arc<Mutex<Stream>>);

/// What a command wrote to standard output, up to its limit.
#[derive(Debug, Default)]
pub struct Stdout {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether there were more than the limit.
    pub cut: bool,
    limit: u64,
}

struct Stream {
    name: &'static str,
    level: Level,
    log: Arc<LogBuffer>,
    line: Vec<u8>,
    /// Without secrets.
    last: VecDeque<String>,
    /// A command's answer.
    kept: Option<Stdout>,
}

impl Lines {
    pub(super) fn new(name: &'static str, level: Level, log: &Arc<LogBuffer>) -> Self {
        let stream = Stream { name, level, log: Arc::clone(log), line: Vec::new(), last: VecDeque::new(), kept: None };
        Self(Arc::new(Mutex::new(stream)))
    }

    /// A call begins: what is written from now on is in its log, and what was written before is not its own.
    pub(super) fn begin(&self, log: &Arc<LogBuffer>) {
        let mut stream = self.lock();
        stream.log = Arc::clone(log);
        stream.line.clear();
        stream.last.clear();
    }

    /// Keeps what is written from now on, up to `limit` bytes.
    pub(super) fn keep(&self, limit: u64) {
        self.lock().kept = Some(Stdout { limit, ..Stdout::default() });
    }

    /// Takes out what was kept.
    pub(super) fn take(&self) -> Stdout {
        self.lock().kept.take().unwrap_or_default()
    }

    /// Writes out a last line without an end.
    pub(super) fn finish(&self) {
        let mut stream = self.lock();
        if !stream.line.is_empty() {
            stream.end_line();
        }
    }

    /// What Rust's panic handler printed last: `panicked at src/lib.rs:3:5: message`.
    pub(super) fn panic_message(&self) -> Option<String> {
        let stream = self.lock();
        let start = stream.last.iter().rposition(|line| line.contains("panicked at "))?;
        let mut lines = stream.last.range(start..).take_while(|line| !line.starts_with("note: "));
        let first = lines.next()?;
        let place = &first[first.find("panicked at ")?..];
        let message: Vec<&str> = lines.map(String::as_str).collect();
        Some(format!("{place} {}", message.join("\n")).trim_end().to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Stream> {
        // Bytes are pushed whole or not at all, so a poisoned stream is still a stream.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stdout {
    fn write(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl Stream {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept {
            kept.write(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            self.append(text);
            if ends {
                self.end_line();
            }
        }
    }

    /// A line without an end is cut into lines of [`MAX_LINE`]: it must not grow without end here either. What may be a
    /// secret's beginning waits for its end.
    fn append(&mut self, text: &[u8]) {
        for text in text.chunks(MAX_LINE) {
            self.line.extend_from_slice(text);
            while self.line.len() > MAX_LINE && self.line.len() > MAX_LINE + self.log.longest() + CHARACTER {
                let rest = self.line.split_off(last_character(&self.line));
                self.write_piece();
                self.line.extend(rest);
            }
        }
    }

    fn end_line(&mut self) {
        self.write_piece();
        while !self.line.is_empty() {
            self.write_piece();
        }
    }

    /// Writes out the start of the line, all of it where it is not too long.
    fn write_piece(&mut self) {
        let line = mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let (message, read) = self.log.piece(&text);
        self.line.extend_from_slice(&text.as_bytes()[read..]);
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(message.clone());
        let fields = vec![("stream".to_owned(), self.name.to_owned())];
        self.log.push(LogLine { time: SystemTime::now(), level: self.level, message, fields });
    }
}

/// Where the last character begins, which may lack its end.
fn last_character(line: &[u8]) -> usize {
    let from = line.len().saturating_sub(CHARACTER);
    let start = line[from..].iter().rposition(|byte| byte & 0xc0 != 0x80);
    start.map_or(line.len(), |start| from + start)
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > WRITE {
            return Err(StreamError::trap("a write carries more than `check-write` allowed"));
        }
        self.lock().write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.lock().write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::tests::{secret, shows_nothing_of};

    fn stream() -> (Lines, Arc<LogBuffer>) {
        let log = Arc::new(LogBuffer::new(1 << 20));
        (Lines::new("stderr", Level::Error, &log), log)
    }

    #[test]
    fn pieces_become_lines_and_the_last_needs_no_end() {
        let (lines, log) = stream();
        for piece in ["he", "llo\nwor", "ld"] {
            lines.lock().write(piece.as_bytes());
        }
        lines.finish();
        let messages: Vec<_> = log.take().lines.into_iter().map(|line| line.message).collect();
        assert_eq!(messages, ["hello", "world"]);
    }

    #[test]
    fn what_is_written_in_one_call_is_not_in_the_log_of_the_next() {
        let (lines, first) = stream();
        lines.lock().write(b"panicked at a.rs:1:1:\nfirst\nwithout an end");
        let second = Arc::new(LogBuffer::new(1 << 20));
        lines.begin(&second);
        lines.lock().write(b"second");
        lines.finish();
        assert_eq!(lines.panic_message(), None);
        let messages: Vec<_> = second.take().lines.into_iter().map(|line| line.message).collect();
        assert_eq!((messages, first.take().lines.len()), (vec!["second".to_owned()], 2));
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (lines, log) = stream();
        lines.lock().write(&vec![b'x'; 3 * MAX_LINE]);
        assert_eq!(log.take().lines.len(), 2);
        assert!(lines.lock().line.len() <= MAX_LINE + CHARACTER);
    }

    #[test]
    fn a_character_is_whole_where_a_line_is_cut() {
        let (lines, log) = stream();
        let text = format!("x{}", "äö€".repeat(2 * MAX_LINE));
        text.as_bytes().chunks(1_001).for_each(|piece| lines.lock().write(piece));
        lines.finish();
        let written: String = log.take().lines.into_iter().map(|line| line.message).collect();
        assert_eq!(written, text);
    }

    #[test]
    fn nothing_of_a_secret_is_left_wherever_its_line_is_cut() {
        for secret in [secret(93), secret(20 << 10), secret(93).replace('m', "\"\\")] {
            for before in [0, MAX_LINE - 10, 2 * MAX_LINE - 40, 3 * MAX_LINE] {
                let (lines, log) = stream();
                log.hide(secret.as_bytes());
                let before = "-".repeat(before);
                let text = format!("{before}{secret}{secret:?}{before}{secret}\nx panicked at x.rs:\n{before}{secret}");
                text.as_bytes().chunks(777).for_each(|piece| lines.lock().write(piece));
                lines.finish();
                let log = log.take().lines;
                let shown: String = log.iter().map(|line| line.message.as_str()).collect();
                assert!(shows_nothing_of(&secret, &shown), "{shown}");
                assert!(shows_nothing_of(&secret, &lines.panic_message().unwrap_or_default()));
                assert_eq!(shown.matches('-').count(), 3 * before.len(), "the rest stays");
                assert!(log.iter().all(|line| line.message.len() <= MAX_LINE));
            }
        }
    }

    #[test]
    fn a_commands_output_is_kept_up_to_its_limit_and_is_in_the_log_too() {
        let (lines, log) = stream();
        lines.keep(7);
        lines.lock().write(b"one\ntwo");
        let (whole, more) = (lines.lock().kept.as_ref().map(|kept| kept.cut), b"\nthree\n");
        lines.lock().write(more);
        let Stdout { bytes, cut, .. } = lines.take();
        assert_eq!((whole, bytes.as_slice(), cut), (Some(false), &b"one\ntwo"[..], true));
        assert_eq!(log.take().lines.len(), 3);
    }

    #[test]
    fn a_write_that_was_not_asked_for_is_broken_off() {
        let (mut lines, log) = stream();
        assert!(OutputStream::write(&mut lines, Bytes::from(vec![b'\n'; WRITE + 1])).is_err());
        assert!(log.take().lines.is_empty());
    }

    #[test]
    fn the_last_panic_is_found_among_other_lines() {
        let (lines, _log) = stream();
        lines
            .lock()
            .write(b"before\n\nthread '<unnamed>' (1) panicked at src/lib.rs:3:5:\nno such\nthing\nnote: run with\n");
        assert_eq!(lines.panic_message().unwrap(), "panicked at src/lib.rs:3:5: no such\nthing");
    }
}
