//! One output of a container, between the engine's connection and its reader.
//!
//! What waits is bounded, so that a program that writes faster than is read is held up. There is one catch: an engine gives
//! up 2 s after the end of a program what it could not put anywhere by then, without a word. So a reader that pauses is
//! helped: for each pause a little more is taken than what a program can leave in its pipes when it ends.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Bytes that wait to be read: as many as in a pipe.
const BUFFER: u32 = 64 << 10;
/// What a piece takes of them beside its bytes: many small ones are not for nothing.
const PIECE: u32 = 64;
/// A reader that reads nothing for so long pauses. A fraction of the engine's patience: a busy machine needs some of it.
const PAUSE: Duration = Duration::from_millis(250);
/// Taken for each of them: two pipes on the way, and what the engine has in its hands between them.
const EXTRA: u32 = 256 << 10;
/// The most that waits for a reader that pauses: one minute of it.
const MOST: u32 = 64 << 20;
/// What is kept of a program that is killed, for a reader that pauses: more than an engine has of it at that time.
const LAST_WORDS: u32 = 2 << 20;

/// A container's standard output or error.
#[derive(Debug)]
pub struct Output {
    pieces: mpsc::UnboundedReceiver<Piece>,
    now: Option<Piece>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    /// Given back when it was read.
    _room: OwnedSemaphorePermit,
}

/// Where the engine's words for one output go.
#[derive(Debug)]
pub(super) struct Writer {
    pieces: mpsc::UnboundedSender<Piece>,
    room: Arc<Semaphore>,
    spare: Arc<Semaphore>,
    /// How much may be taken from what is spare until the next pause.
    extra: u32,
    killed: CancellationToken,
    /// How much its reader still gets beside its room after that.
    last_words: u32,
}

/// Both ends of one output of a program. The end of one that is `killed` waits for no reader: an engine does not tell it before
/// it has got rid of what was in the pipes.
pub(super) fn pair(killed: CancellationToken) -> (Writer, Output) {
    let (to, from) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(BUFFER as usize));
    let spare = Arc::new(Semaphore::new(MOST as usize));
    let output = Output { pieces: from, now: None, room: Arc::clone(&room) };
    (Writer { pieces: to, room, spare, extra: 0, killed, last_words: LAST_WORDS }, output)
}

impl Writer {
    /// Hands it to the reader, as soon as there is room. False: the rest is for nobody.
    pub(super) async fn hand(&mut self, bytes: Bytes) -> bool {
        // To a reader nothing is the end.
        if bytes.is_empty() {
            return true;
        }
        let size = u32::try_from(bytes.len()).unwrap_or(BUFFER).saturating_add(PIECE).min(BUFFER);
        match self.room(size).await {
            Some(room) => self.pieces.send(Piece { bytes, _room: room }).is_ok(),
            None => false,
        }
    }

    /// None: nobody reads any more, or the program is killed and what there is for its reader is enough.
    async fn room(&mut self, size: u32) -> Option<OwnedSemaphorePermit> {
        let killed = self.killed.clone();
        tokio::select! {
            biased;
            room = self.room_in_time(size) => return room,
            () = killed.cancelled() => {}
        }
        self.last_words = self.last_words.checked_sub(size)?;
        Arc::clone(&self.spare).try_acquire_many_owned(size).ok()
    }

    async fn room_in_time(&mut self, size: u32) -> Option<OwnedSemaphorePermit> {
        if self.extra >= size {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size) {
                self.extra = 0;
                return Some(room);
            }
        } else if let Ok(room) = timeout(PAUSE, Arc::clone(&self.room).acquire_many_owned(size)).await {
            return room.ok();
        } else {
            self.extra = EXTRA;
        }
        if self.room.is_closed() {
            return None;
        }
        match Arc::clone(&self.spare).try_acquire_many_owned(size) {
            Ok(spare) => {
                self.extra -= size;
                Some(spare)
            }
            Err(_) => Arc::clone(&self.room).acquire_many_owned(size).await.ok(),
        }
    }
}

impl AsyncRead for Output {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.now.is_none() {
            self.now = ready!(self.pieces.poll_recv(cx));
        }
        if let Some(piece) = &mut self.now {
            let size = piece.bytes.len().min(to.remaining());
            to.put_slice(&piece.bytes.split_to(size));
            // Its room is free at once, and not when the next one comes: that one may wait for it.
            if piece.bytes.is_empty() {
                self.now = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    const PIECES: usize = 100;

    fn piece() -> Bytes {
        Bytes::from(vec![7; 32 << 10])
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_pauses_holds_the_program_up_but_for_a_little_each_time() {
        let (mut writer, mut output) = pair(CancellationToken::new());
        let mut handed = 0_u32;
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            assert!(writer.hand(piece()).await);
            handed += 32 << 10;
        }
        let most = BUFFER + 41 * EXTRA;
        assert!((most / 2..=most).contains(&handed), "{handed} bytes in 10 s");
        drop(writer);
        let mut all = Vec::new();
        output.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), handed as usize);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_has_an_end_also_for_a_reader_that_never_reads() {
        let (mut writer, _output) = pair(CancellationToken::new());
        let forever = async { while writer.hand(piece()).await {} };
        assert!(timeout(Duration::from_secs(3_600), forever).await.is_err());
        assert!(writer.spare.available_permits() < 64 << 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_reads_takes_no_more_than_its_room() {
        let (mut writer, mut output) = pair(CancellationToken::new());
        let write = async move {
            for _ in 0..PIECES {
                assert!(writer.hand(piece()).await);
            }
            writer.spare.available_permits()
        };
        let mut all = Vec::new();
        let (spare, read) = tokio::join!(write, output.read_to_end(&mut all));
        assert_eq!((spare, read.unwrap()), (MOST as usize, PIECES * (32 << 10)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_whose_reader_goes_while_it_waits_is_told() {
        let (mut writer, output) = pair(CancellationToken::new());
        assert!(writer.hand(piece()).await);
        let write = async { while writer.hand(piece()).await {} };
        tokio::join!(write, async move { drop(output) });
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_program_that_is_killed_waits_for_no_reader() {
        let killed = CancellationToken::new();
        let (mut writer, _output) = pair(killed.clone());
        let begun = tokio::time::Instant::now();
        let write = async { while writer.hand(piece()).await {} };
        let ((), ()) = tokio::join!(write, async { killed.cancel() });
        assert!(begun.elapsed() < PAUSE);
        let kept = MOST as usize - writer.spare.available_permits();
        assert!((1 << 20..=2 << 20).contains(&kept), "{kept} bytes were kept for it");
    }
}
