//! The way from the node: its messages, one after the other, to the state.

use std::{error::Error as _, time::Duration};

use futures::{Stream, StreamExt as _};
use spear_proto::v1::LinkRequest;
use spear_types::{Code, Refusal};
use spear_wire::from_status;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    acks::Waiting,
    inbound::{Event, Inbound, Reported},
    session::Session,
};

/// Reads one link.
pub(super) struct Reader<S> {
    pub(super) session: Session,
    pub(super) messages: Inbound,
    pub(super) waiting: Waiting,
    pub(super) inbound: S,
    /// How long the node may be silent.
    pub(super) silence: Duration,
}

impl<S> Reader<S>
where
    S: Stream<Item = Result<LinkRequest, tonic::Status>> + Send + Unpin,
{
    /// Reads until the link ends, and says why; none where the node left.
    pub(super) async fn run(mut self, end: CancellationToken, stop: CancellationToken) -> Option<Refusal> {
        let ended = end.run_until_cancelled(self.read()).await;
        let broken = ended.unwrap_or_else(|| Err(ended_here(&stop))).err();
        if let Some(refusal) = &broken {
            self.session.broken(refusal.message.clone());
        }
        broken
    }

    async fn read(&mut self) -> Result<(), Refusal> {
        loop {
            let message = next(&mut self.inbound, self.silence).await?;
            match self.messages.take(message)? {
                Event::Heard(beat) => self.session.heard(beat)?,
                Event::Reported(reported) => self.reported(reported).await?,
                Event::Received => {}
                Event::Left => return self.session.leave(),
            }
        }
    }

    async fn reported(&mut self, reported: Reported) -> Result<(), Refusal> {
        let Reported { number, size, reports } = reported;
        let room = self.waiting.room(size).await;
        let durable = self.session.reported(reports)?;
        self.waiting.add(number, durable, room);
        Ok(())
    }
}

/// The node's next message.
///
/// # Errors
/// When it does not come in time, or none will.
pub(super) async fn next<S>(inbound: &mut S, silence: Duration) -> Result<LinkRequest, Refusal>
where
    S: Stream<Item = Result<LinkRequest, tonic::Status>> + Unpin,
{
    let silent = |_| Refusal::new(Code::InvalidRequest, format!("it was silent for {silence:?}"));
    let closed = || Refusal::new(Code::Unreachable, "it closed its link");
    timeout(silence, inbound.next()).await.map_err(silent)?.ok_or_else(closed)?.map_err(broken)
}

/// What the transport says of a connection that broke is no word of the node's.
fn broken(status: tonic::Status) -> Refusal {
    if status.source().is_some() {
        tracing::debug!(%status, "a node's connection broke");
        return Refusal::new(Code::Unreachable, "its connection broke");
    }
    Refusal::new(Code::Unreachable, format!("its link broke: {}", from_status(status).message))
}

fn ended_here(stop: &CancellationToken) -> Refusal {
    if stop.is_cancelled() {
        return Refusal::new(Code::Draining, "the SMS is stopping");
    }
    Refusal::new(Code::NameTaken, "another link of the node took its place")
}
