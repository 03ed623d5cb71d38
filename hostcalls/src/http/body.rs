//! Bodies on their way: counted, and broken off at their limit.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};
use wasmtime_wasi_http::{Error, WasiBody};

use super::exchange::of_hyper;

/// Bytes of the bodies of one instance, in one call.
#[derive(Default)]
pub(crate) struct Traffic {
    sent: AtomicU64,
    received: AtomicU64,
}

/// What is still allowed of one body.
struct Allowance {
    limit: u64,
    used: u64,
}

/// The body of a request.
pub(super) struct Sending {
    body: WasiBody,
    allowance: Allowance,
    traffic: Arc<Traffic>,
}

/// The body of a response.
pub(super) struct Received {
    body: Incoming,
    allowance: Allowance,
    traffic: Arc<Traffic>,
    /// The longest wait for its next part.
    wait: Duration,
    /// The wait that goes on, if one does: time in which the guest does not want to read is none.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Traffic {
    /// Counts from 0 again.
    pub(super) fn begin(&self) {
        self.sent.store(0, Ordering::Relaxed);
        self.received.store(0, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

impl Allowance {
    /// Takes a frame's bytes.
    ///
    /// # Errors
    /// The limit, where they are too many.
    fn take(&mut self, frame: &Frame<Bytes>, count: &AtomicU64) -> Result<(), u64> {
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        count.fetch_add(size, Ordering::Relaxed);
        self.used += size;
        if self.used > self.limit { Err(self.limit) } else { Ok(()) }
    }
}

impl Sending {
    pub(super) fn new(body: WasiBody, limit: u64, traffic: &Arc<Traffic>) -> Self {
        Self { body, allowance: Allowance { limit, used: 0 }, traffic: Arc::clone(traffic) }
    }
}

impl Received {
    pub(super) fn new(body: Incoming, limit: u64, wait: Duration, traffic: &Arc<Traffic>) -> Self {
        let traffic = Arc::clone(traffic);
        Self { body, allowance: Allowance { limit, used: 0 }, traffic, wait, waiting: None }
    }

    /// Whether the wait is over that began when the guest first found nothing to read.
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let wait = self.wait;
        self.waiting.get_or_insert_with(|| Box::pin(sleep(wait))).as_mut().poll(context)
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Self { body, allowance, traffic } = &mut *self;
        let frame = match ready!(pin!(body).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            end => return Poll::Ready(end),
        };
        let taken = allowance.take(&frame, &traffic.sent);
        Poll::Ready(Some(taken.map(|()| frame).map_err(|limit| Error::HttpRequestBodySize(Some(limit)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(polled) = Pin::new(&mut self.body).poll_frame(context) else {
            return self.poll_wait(context).map(|()| Some(Err(Error::ConnectionReadTimeout)));
        };
        let Self { allowance, traffic, waiting, .. } = &mut *self;
        *waiting = None;
        Poll::Ready(polled.map(|polled| {
            let frame = polled.map_err(|error| of_hyper(&error))?;
            let taken = allowance.take(&frame, &traffic.received);
            taken.map(|()| frame).map_err(|limit| Error::HttpResponseBodySize(Some(limit)))
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
