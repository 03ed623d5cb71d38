//! Reports that the state knows and the disk does not yet, and what the node is told once it does.

use std::sync::Arc;

use futures::{StreamExt as _, stream::BoxStream};
use spear_types::Refusal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::scheduler::Durable;

/// The most bytes of one link's reports that wait for the disk. A node that has said more is not read until there is room.
/// Its heartbeats wait with the rest, so this is what a busy node says while a disk does nothing for longer than a lease.
const MAX_WAITING: u32 = 128 << 20;

/// What a message of reports counts at least, in bytes: empty ones are not free.
const ENTRY: u32 = 1 << 10;

/// The most acknowledgements that are looked at to find the last.
const MAX_CHUNK: usize = 256;

/// Takes reports that wait.
#[derive(Debug)]
pub(super) struct Waiting {
    room: Arc<Semaphore>,
    queue: mpsc::UnboundedSender<Entry>,
}

/// Room for the reports of one message.
#[derive(Debug)]
pub(super) struct Room {
    _bytes: Option<OwnedSemaphorePermit>,
}

/// The numbers up to which everything is remembered, each larger than the one before.
pub(super) type Acks = BoxStream<'static, Result<u64, Refusal>>;

struct Entry {
    number: u64,
    durable: Durable,
    room: Room,
}

/// Both ends.
pub(super) fn acks() -> (Waiting, Acks) {
    let (queue, entries) = mpsc::unbounded_channel();
    let waiting = Waiting { room: Arc::new(Semaphore::new(MAX_WAITING as usize)), queue };
    // Groups are remembered in their order: one wait at a time is enough.
    let remembered = UnboundedReceiverStream::new(entries).then(remembered);
    (waiting, remembered.ready_chunks(MAX_CHUNK).map(last).boxed())
}

impl Waiting {
    /// Waits until there is room for reports of this many bytes.
    pub(super) async fn room(&self, size: usize) -> Room {
        let size = u32::try_from(size).unwrap_or(u32::MAX).clamp(ENTRY, MAX_WAITING);
        // It is never closed.
        Room { _bytes: Arc::clone(&self.room).acquire_many_owned(size).await.ok() }
    }

    /// The reports of this number wait for `durable`.
    pub(super) fn add(&self, number: u64, durable: Durable, room: Room) {
        // Where nobody listens any more, the link has ended.
        let _ = self.queue.send(Entry { number, durable, room });
    }
}

async fn remembered(entry: Entry) -> Result<u64, Refusal> {
    let Entry { number, durable, room } = entry;
    durable.await?;
    drop(room);
    Ok(number)
}

/// Who has all reports up to the last has those before.
fn last(numbers: Vec<Result<u64, Refusal>>) -> Result<u64, Refusal> {
    numbers.into_iter().try_fold(0, |_, number| number)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use spear_types::Code;
    use tokio::sync::oneshot;

    use super::*;

    async fn add(waiting: &Waiting, number: u64) -> oneshot::Sender<Result<(), Refusal>> {
        let (sender, receiver) = oneshot::channel();
        let durable = async { receiver.await.unwrap() }.boxed();
        waiting.add(number, durable, waiting.room(1).await);
        sender
    }

    fn next(acks: &mut Acks) -> Option<Result<u64, Refusal>> {
        acks.next().now_or_never().flatten()
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_before_it_and_all_before_it_are_remembered() {
        let (waiting, mut acks) = acks();
        let [one, two, three] = [add(&waiting, 1).await, add(&waiting, 2).await, add(&waiting, 3).await];
        assert_eq!(next(&mut acks), None);
        two.send(Ok(())).unwrap();
        assert_eq!(next(&mut acks), None);
        one.send(Ok(())).unwrap();
        assert_eq!(next(&mut acks), Some(Ok(2)), "one acknowledgement is enough for both");
        assert_eq!(next(&mut acks), None);
        three.send(Ok(())).unwrap();
        assert_eq!(next(&mut acks), Some(Ok(3)));
    }

    #[tokio::test]
    async fn what_cannot_be_remembered_is_not_acknowledged() {
        let (waiting, mut acks) = acks();
        let [one, two] = [add(&waiting, 1).await, add(&waiting, 2).await];
        one.send(Ok(())).unwrap();
        two.send(Err(Refusal::new(Code::Draining, "the SMS stopped"))).unwrap();
        assert_eq!(next(&mut acks).unwrap().unwrap_err().code, Code::Draining);
    }

    #[tokio::test]
    async fn there_is_room_for_so_much_until_some_of_it_is_remembered() {
        let (waiting, mut acks) = acks();
        let (sender, receiver) = oneshot::channel::<Result<(), Refusal>>();
        let large = waiting.room(usize::MAX).now_or_never().expect("what is too large for all takes all");
        waiting.add(1, async { receiver.await.unwrap() }.boxed(), large);
        assert!(waiting.room(0).now_or_never().is_none());
        sender.send(Ok(())).unwrap();
        assert_eq!(next(&mut acks), Some(Ok(1)));
        assert!(waiting.room(0).now_or_never().is_some());
    }
}
