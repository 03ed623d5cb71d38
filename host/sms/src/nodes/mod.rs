//! The nodes' links.

use std::{sync::Arc, time::Duration};

use futures::stream::BoxStream;
use spear_placement::NodeId;
use spear_proto::v1::{LinkRequest, LinkResponse, spearlet_service_client::SpearletServiceClient};
use spear_types::{AttemptId, Call, Code, FunctionVersion, Refusal, Timestamp};
use tokio_util::sync::CancellationToken;
use tonic::{Streaming, transport::Channel};

use crate::scheduler::Scheduler;

/// What goes to a node over its link.
pub(crate) type Outbound = BoxStream<'static, Result<LinkResponse, tonic::Status>>;

/// What the SMS holds a link to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) heartbeat: Duration,
    pub(crate) silence: Duration,
    pub(crate) max_message: usize,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Links {}

#[derive(Debug)]
pub(crate) enum Outgoing {
    Assign {
        attempt: AttemptId,
        function: Arc<FunctionVersion>,
        call: Call,
        trace_parent: Option<String>,
        deadline: Option<Timestamp>,
    },
    Cancel(AttemptId),
    Close {
        session: u64,
    },
}

impl Links {
    pub(crate) fn send(&self, _node: NodeId, _outgoing: Outgoing) {}

    pub(crate) fn client(&self, _node: NodeId) -> Option<SpearletServiceClient<Channel>> {
        None
    }
}

pub(crate) async fn serve(
    _scheduler: &Scheduler,
    _links: &Links,
    _lease: Lease,
    _inbound: Streaming<LinkRequest>,
    _stop: CancellationToken,
) -> Result<Outbound, Refusal> {
    Err(Refusal::new(Code::Internal, ""))
}
