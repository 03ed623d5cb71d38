//! How many bytes the calls of one attempt carry at once, over all connections and services.
//!
//! A call takes room for its message, whose length it says first, and for the largest answer that it may get, in one step:
//! nobody who has room waits for more. Once the answer is known, what it does not have is given back.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use spear_types::{Code, Limits, Refusal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::calls::AT_ONCE;

/// How many of the largest calls there is room for. Those that wait for functions are as many as one service answers at once,
/// so room for one is always left, or soon, to those that wait for nobody.
const CALLS: usize = AT_ONCE + 1;

/// A message's flag and its length, before it.
const PREFIX: usize = 5;

/// What is left to the calls of one attempt, in KiB.
pub(super) struct Budget {
    hostcall: u64,
    payload: u64,
    left: Arc<Semaphore>,
}

/// What one call has of it, until this is dropped.
pub(super) struct Room(OwnedSemaphorePermit);

/// A request's body up to the length that it says: what comes behind is not kept.
pub(super) struct Message {
    begin: Bytes,
    rest: Incoming,
    /// So much of it is still to come.
    left: u64,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        let (hostcall, payload) = (limits.hostcall, limits.payload);
        let all = CALLS * (kib(hostcall) as usize + kib(payload) as usize);
        Self { hostcall, payload, left: Arc::new(Semaphore::new(all)) }
    }

    /// The largest message in bytes.
    pub(super) fn max_message(&self) -> usize {
        usize::try_from(self.hostcall).unwrap_or(usize::MAX)
    }

    /// Waits until there is room for a message and its answer.
    ///
    /// # Errors
    /// `MessageTooLarge`, before anything of it is read.
    pub(super) async fn room_for(&self, message: &Message, large_answer: bool) -> Result<Room, Refusal> {
        let (length, hostcall) = (message.length(), self.hostcall);
        if length > hostcall {
            let told = format!("a message of {length} bytes is over the limit `hostcall` of {hostcall}");
            return Err(
                Refusal::new(Code::MessageTooLarge, told).help("send less at once, or set `hostcall` in [limits]")
            );
        }
        let answer = if large_answer { kib(self.payload) } else { 0 };
        let room = Arc::clone(&self.left).acquire_many_owned(kib(length).saturating_add(answer)).await;
        room.map(Room).map_err(|_| Refusal::new(Code::Internal, "the budget of an attempt was closed"))
    }
}

impl Room {
    /// Gives back what is over so many bytes.
    pub(super) fn shrink_to(&mut self, bytes: usize) {
        let over = self.0.num_permits().saturating_sub(kib(bytes as u64) as usize);
        drop(self.0.split(over));
    }
}

impl Message {
    /// Reads until the length is known; of one that breaks off there is no more than came.
    pub(super) async fn begin(mut body: Incoming) -> Self {
        let mut begin = BytesMut::new();
        while begin.len() < PREFIX
            && let Some(Ok(frame)) = body.frame().await
        {
            begin.extend(frame.into_data().unwrap_or_default());
        }
        let begin = begin.freeze();
        let mut message = Self { left: 0, begin, rest: body };
        message.left = PREFIX as u64 + message.length();
        message
    }

    fn length(&self) -> u64 {
        let length = self.begin.get(1..PREFIX).and_then(|length| length.try_into().ok());
        length.map_or(0, u32::from_be_bytes).into()
    }

    /// As much of these bytes as belongs to it.
    fn own(&mut self, mut bytes: Bytes) -> Bytes {
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        bytes
    }
}

impl Body for Message {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let begin = std::mem::take(&mut self.begin);
        if !begin.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(self.own(begin)))));
        }
        loop {
            match ready!(Pin::new(&mut self.rest).poll_frame(context)?) {
                None => return Poll::Ready(None),
                // To its end, so that the connection need not be told that nobody reads it.
                Some(frame) => match frame.into_data() {
                    Ok(data) if self.left > 0 => return Poll::Ready(Some(Ok(Frame::data(self.own(data))))),
                    Ok(_) | Err(_) => {}
                },
            }
        }
    }
}

/// Rounded up.
fn kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}
