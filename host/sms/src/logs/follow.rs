//! One task's log as it comes: every line once, in order.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
};

use futures::{FutureExt as _, Stream, future::BoxFuture, stream};
use spear_state::{LoggedLines, log_size};
use spear_types::{LogLine, Refusal, TaskId};

use super::{followers::Listener, read::dropped_last};
use crate::disk::Disk;

/// The lines that are read at once: all that a follower holds, however slow it is.
const PAGE: usize = 1_000;

/// A message is closed when it has so many bytes of lines.
const MAX_MESSAGE: u64 = 256 << 10;

/// A line's place. Before the first line of all is 0 and 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    pub(crate) attempt: u32,
    /// From 1.
    pub(crate) sequence: u64,
}

/// Some of a log, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) attempt: u32,
    /// The number of the first line; 0 where there is none.
    pub(crate) first: u64,
    pub(crate) lines: Vec<LogLine>,
    /// Lines that the log limit dropped, with the last of an attempt.
    pub(crate) dropped: u64,
}

/// Somebody who is about to follow: nothing that is written from now on is missed.
pub(crate) struct Follower {
    disk: Disk,
    listener: Listener,
    task: TaskId,
    news: News,
}

/// Somebody who follows.
struct Following {
    follower: Follower,
    end: BoxFuture<'static, ()>,
    has_ended: bool,
}

/// What of that which is read was not told yet: pure.
#[derive(Debug, Default)]
struct News {
    /// The last line that was told.
    at: Cursor,
    /// How many dropped lines were told of, by attempt.
    dropped: BTreeMap<u32, u64>,
    ready: VecDeque<Followed>,
}

impl Follower {
    pub(super) fn new(disk: Disk, listener: Listener, task: TaskId, after: Cursor) -> Self {
        Self { disk, listener, task, news: News { at: after, ..News::default() } }
    }

    /// The log, until `end` resolves and all that is there by then was told.
    pub(crate) fn until(
        self,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> impl Stream<Item = Result<Followed, Refusal>> + Send {
        let following = Following { follower: self, end: end.boxed(), has_ended: false };
        stream::try_unfold(following, async |mut following| {
            let next = following.next().await?;
            Ok(next.map(|followed| (followed, following)))
        })
    }

    async fn read(&mut self) -> Result<(), Refusal> {
        let (task, Cursor { attempt, sequence }) = (self.task, self.news.at);
        // From the last line that was told on: lines that were dropped behind it would not be seen otherwise.
        let after = (attempt, sequence.saturating_sub(1));
        let rows = self.disk.read(move |journal| journal.lines(task, after, PAGE)).await?;
        rows.into_iter().for_each(|row| self.news.take(row));
        Ok(())
    }

    /// The last word: what of the last attempt was dropped.
    async fn read_end(&mut self) -> Result<(), Refusal> {
        let task = self.task;
        let dropped = self.disk.read(move |journal| dropped_last(journal, task)).await?;
        dropped.into_iter().for_each(|row| self.news.take(row));
        Ok(())
    }
}

impl Following {
    async fn next(&mut self) -> Result<Option<Followed>, Refusal> {
        loop {
            if let Some(followed) = self.follower.news.ready.pop_front() {
                return Ok(Some(followed));
            }
            self.follower.read().await?;
            if !self.follower.news.ready.is_empty() {
                continue;
            }
            if self.has_ended {
                self.follower.read_end().await?;
                return Ok(self.follower.news.ready.pop_front());
            }
            tokio::select! {
                () = self.follower.listener.told() => {}
                () = &mut self.end => self.has_ended = true,
            }
        }
    }
}

impl News {
    fn take(&mut self, row: LoggedLines) {
        let LoggedLines { attempt, first, mut lines, dropped, .. } = row;
        let last = Cursor { attempt, sequence: first.saturating_add(lines.len() as u64).saturating_sub(1) };
        let told = match attempt.cmp(&self.at.attempt) {
            Ordering::Less => return,
            Ordering::Equal => self.at.sequence.saturating_add(1).saturating_sub(first),
            Ordering::Greater => 0,
        };
        lines.drain(..lines.len().min(usize::try_from(told).unwrap_or(usize::MAX)));
        let is_news = dropped > 0 && self.dropped.insert(attempt, dropped) != Some(dropped);
        if !lines.is_empty() {
            self.at = last;
        }
        self.pieces(attempt, first.saturating_add(told), lines);
        match self.ready.back_mut().filter(|followed| is_news && followed.attempt == attempt) {
            Some(followed) => followed.dropped = dropped,
            None if is_news => self.ready.push_back(Followed { attempt, first: 0, lines: Vec::new(), dropped }),
            None => {}
        }
    }

    /// Lines as messages that are not too large.
    fn pieces(&mut self, attempt: u32, mut first: u64, lines: Vec<LogLine>) {
        let (mut piece, mut size) = (Vec::new(), 0);
        let mut close = |lines: Vec<LogLine>| {
            let count = lines.len() as u64;
            self.ready.push_back(Followed { attempt, first, lines, dropped: 0 });
            first += count;
        };
        for line in lines {
            size += log_size(std::slice::from_ref(&line));
            piece.push(line);
            if size >= MAX_MESSAGE {
                close(std::mem::take(&mut piece));
                size = 0;
            }
        }
        if !piece.is_empty() {
            close(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::{StreamExt as _, future::pending, stream::BoxStream};
    use spear_state::{Change, Journal as _, MemoryJournal};
    use tokio::sync::oneshot;

    use super::*;
    use crate::logs::{
        Logs,
        tests::{ended, journal, logged, task, texts},
    };

    /// A log that is followed from the start, what it is written to, and what ends it.
    struct Scene {
        journal: MemoryJournal,
        logs: Logs,
        end: oneshot::Sender<()>,
        log: BoxStream<'static, Result<Followed, Refusal>>,
    }

    fn follow(
        logs: &Logs,
        after: (u32, u64),
        end: oneshot::Receiver<()>,
    ) -> BoxStream<'static, Result<Followed, Refusal>> {
        let after = Cursor { attempt: after.0, sequence: after.1 };
        logs.follow(task(1), after).until(end.map(drop)).boxed()
    }

    fn scene(changes: impl IntoIterator<Item = Change>) -> Scene {
        let journal = journal(changes);
        let logs = Logs::new(Arc::new(journal.clone()));
        let (end, ended) = oneshot::channel();
        let log = follow(&logs, (0, 0), ended);
        Scene { journal, logs, end, log }
    }

    impl Scene {
        fn write(&self, change: Change) {
            self.journal.commit(&[change]).unwrap();
            self.logs.notify(task(1));
        }
    }

    /// The next message: its attempt, the number of its first line, its lines and how many were dropped.
    async fn next(log: &mut BoxStream<'static, Result<Followed, Refusal>>) -> Option<(u32, u64, String, u64)> {
        let Followed { attempt, first, lines, dropped } = log.next().await?.unwrap();
        Some((attempt, first, texts(&lines).concat(), dropped))
    }

    fn some(attempt: u32, first: u64, lines: &str, dropped: u64) -> Option<(u32, u64, String, u64)> {
        Some((attempt, first, lines.to_owned(), dropped))
    }

    fn dropping(attempt: u32, first: u64, count: u64) -> Change {
        let mut change = logged(task(1), attempt, first, "");
        let Change::Logged { dropped, .. } = &mut change else { panic!("it was logged") };
        *dropped = count;
        change
    }

    #[tokio::test]
    async fn lines_come_as_they_are_written_over_all_attempts_until_the_end() {
        let mut scene = scene([logged(task(1), 1, 1, "ab")]);
        assert_eq!(next(&mut scene.log).await, some(1, 1, "ab", 0));
        scene.write(logged(task(1), 1, 3, "c"));
        assert_eq!(next(&mut scene.log).await, some(1, 3, "c", 0));
        scene.write(logged(task(1), 2, 1, "d"));
        scene.write(logged(task(2), 1, 1, "another's"));
        assert_eq!(next(&mut scene.log).await, some(2, 1, "d", 0));
        assert!(next(&mut scene.log).now_or_never().is_none(), "it goes on");
        scene.write(logged(task(1), 2, 2, "e"));
        scene.end.send(()).unwrap();
        assert_eq!(next(&mut scene.log).await, some(2, 2, "e", 0), "what was there at the end is told");
        assert_eq!(next(&mut scene.log).await, None);
    }

    #[tokio::test]
    async fn what_is_written_between_two_looks_is_told_once() {
        let mut scene = scene([]);
        scene.write(logged(task(1), 1, 1, "ab"));
        scene.write(logged(task(1), 1, 3, "cd"));
        assert_eq!(next(&mut scene.log).await, some(1, 1, "ab", 0));
        assert_eq!(next(&mut scene.log).await, some(1, 3, "cd", 0));
        scene.logs.notify(task(1));
        scene.end.send(()).unwrap();
        assert_eq!(next(&mut scene.log).await, None);
    }

    #[tokio::test]
    async fn whoever_comes_back_goes_on_behind_the_last_line_it_has() {
        let scene = scene([logged(task(1), 1, 1, "abc"), logged(task(1), 2, 1, "de")]);
        for (after, expected) in [
            ((1, 2), vec![some(1, 3, "c", 0), some(2, 1, "de", 0)]),
            ((1, 3), vec![some(2, 1, "de", 0)]),
            ((2, 1), vec![some(2, 2, "e", 0)]),
            ((2, 2), vec![]),
            ((9, u64::MAX), vec![]),
        ] {
            let (end, ended) = oneshot::channel();
            drop(end);
            let mut log = follow(&scene.logs, after, ended);
            for message in expected {
                assert_eq!(next(&mut log).await, message, "after {after:?}");
            }
            assert_eq!(next(&mut log).await, None, "after {after:?}");
        }
    }

    #[tokio::test]
    async fn dropped_lines_are_told_of_once_also_where_no_line_comes_with_them() {
        let mut scene = scene([logged(task(1), 1, 1, "a"), dropping(1, 2, 5)]);
        assert_eq!(next(&mut scene.log).await, some(1, 1, "a", 5));
        scene.write(dropping(2, 1, 6));
        assert_eq!(next(&mut scene.log).await, some(2, 0, "", 6));
        scene.write(logged(task(1), 3, 1, "b"));
        assert_eq!(next(&mut scene.log).await, some(3, 1, "b", 0));
        scene.write(dropping(3, 2, 7));
        assert_eq!(next(&mut scene.log).await, some(3, 0, "", 7));
        scene.end.send(()).unwrap();
        assert_eq!(next(&mut scene.log).await, None);
    }

    #[tokio::test]
    async fn what_was_dropped_of_the_last_attempt_is_told_at_the_end() {
        let mut scene = scene([logged(task(1), 1, 1, "a")]);
        assert_eq!(next(&mut scene.log).await, some(1, 1, "a", 0));
        scene.journal.commit(&ended(task(1), 1, 9)).unwrap();
        scene.end.send(()).unwrap();
        assert_eq!(next(&mut scene.log).await, some(1, 0, "", 9));
        assert_eq!(next(&mut scene.log).await, None);
    }

    #[tokio::test]
    async fn much_at_once_comes_in_pieces_without_a_gap() {
        let text = "x".repeat(3 * PAGE);
        let large = "y".repeat(20_000);
        let mut many = logged(task(1), 2, 1, "");
        let Change::Logged { lines, .. } = &mut many else { panic!("it was logged") };
        *lines = (0..40).map(|_| crate::logs::tests::line(&large)).collect();
        let scene = scene([logged(task(1), 1, 1, &text), many]);
        scene.end.send(()).unwrap();
        let messages: Vec<Followed> = scene.log.map(Result::unwrap).collect().await;
        let mut at = Cursor::default();
        for Followed { attempt, first, lines, .. } in &messages {
            assert!(log_size(lines) < MAX_MESSAGE + 30_000);
            let due = if *attempt == at.attempt { at.sequence + 1 } else { 1 };
            assert_eq!(*first, due);
            at = Cursor { attempt: *attempt, sequence: first + lines.len() as u64 - 1 };
        }
        assert_eq!(at, Cursor { attempt: 2, sequence: 40 });
    }

    #[tokio::test]
    async fn whoever_does_not_read_holds_no_more_than_a_page() {
        let scene = scene((0..10).map(|page| logged(task(1), 1, page * PAGE as u64 + 1, &"x".repeat(PAGE))));
        let mut follower = scene.logs.follow(task(1), Cursor::default());
        follower.read().await.unwrap();
        assert_eq!(follower.news.ready.iter().map(|followed| followed.lines.len()).sum::<usize>(), PAGE);
        let mut log = follower.until(pending()).boxed();
        assert_eq!(next(&mut log).await.unwrap().1, 1);
    }
}
