//! `NodeService`.

use std::time::Duration;

use futures::{Stream, stream::BoxStream};
use spear_proto::v1::{
    self,
    node_service_server::{NodeService, NodeServiceServer},
};
use spear_state::{Command, State};
use spear_store::{BlobReader, Store};
use spear_types::{Code, Digest, Duty, MAX_WAIT, NodeInfo, NodeName, Refusal, Timestamp};
use spear_wire::{Encode as _, to_status};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    nodes::{Lease, Links, Outbound, serve},
    scheduler::Scheduler,
};

pub(super) struct NodesApi {
    pub(super) scheduler: Scheduler,
    pub(super) links: Links,
    pub(super) lease: Lease,
    pub(super) store: Store,
    pub(super) stop: CancellationToken,
}

#[tonic::async_trait]
impl NodeService for NodesApi {
    type LinkStream = Outbound;
    type FetchArtifactStream = BoxStream<'static, Result<v1::Chunk, Status>>;

    async fn link(&self, request: Request<Streaming<v1::LinkRequest>>) -> Result<Response<Self::LinkStream>, Status> {
        let link = serve(&self.scheduler, &self.links, self.lease, request.into_inner(), self.stop.clone()).await;
        link.map(Response::new).map_err(to_status)
    }

    async fn list_nodes(&self, _: Request<v1::ListNodesRequest>) -> Result<Response<v1::ListNodesResponse>, Status> {
        let nodes = self.scheduler.read(State::nodes).into_iter().map(spear_wire::Encode::encode).collect();
        Ok(Response::new(v1::ListNodesResponse { nodes }))
    }

    async fn get_node(&self, request: Request<v1::GetNodeRequest>) -> Result<Response<v1::GetNodeResponse>, Status> {
        let v1::GetNodeRequest { name } = request.into_inner();
        let name = name.try_into().map_err(Refusal::from).map_err(to_status)?;
        let node = self.node(&name).map_err(to_status)?;
        Ok(Response::new(v1::GetNodeResponse { node: Some(node.encode()) }))
    }

    async fn set_duty(&self, request: Request<v1::SetDutyRequest>) -> Result<Response<v1::SetDutyResponse>, Status> {
        let node = self.set(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(v1::SetDutyResponse { node: Some(node.encode()) }))
    }

    async fn fetch_artifact(
        &self,
        request: Request<v1::FetchArtifactRequest>,
    ) -> Result<Response<Self::FetchArtifactStream>, Status> {
        let v1::FetchArtifactRequest { digest } = request.into_inner();
        let digest: Digest = digest.parse().map_err(to_status)?;
        let reader = self.store.open_artifact(&digest).await.map_err(|error| to_status(error.into()))?;
        Ok(Response::new(Box::pin(chunks(reader))))
    }
}

impl NodesApi {
    /// The service, for messages of a link.
    pub(super) fn server(self) -> NodeServiceServer<Self> {
        let limit = self.lease.max_link_message();
        // A call that was remembered under other limits is ordered all the same: the link would end over it, and the next.
        NodeServiceServer::new(self).max_decoding_message_size(limit).max_encoding_message_size(usize::MAX)
    }

    fn node(&self, name: &NodeName) -> Result<NodeInfo, Refusal> {
        self.scheduler.read(|state| state.node(name))
    }

    async fn set(&self, request: v1::SetDutyRequest) -> Result<NodeInfo, Refusal> {
        let v1::SetDutyRequest { name, duty, within } = request;
        let (node, duty) = (NodeName::try_from(name)?, wanted(duty, within, Timestamp::now())?);
        self.scheduler.apply(Command::SetDuty { node: node.clone(), duty }).await?;
        self.node(&node)
    }
}

/// What an operator may ask of a node.
fn wanted(duty: i32, within: Option<prost_types::Duration>, now: Timestamp) -> Result<Duty, Refusal> {
    let invalid = |message: String| Refusal::new(Code::InvalidRequest, message);
    let duty = v1::Duty::try_from(duty).map_err(|_| invalid(format!("{duty} is no duty")))?;
    match (duty, within) {
        (v1::Duty::Open, None) => Ok(Duty::Open),
        (v1::Duty::Cordoned, None) => Ok(Duty::Cordoned),
        // As long as they take.
        (v1::Duty::Draining, None) => Ok(Duty::Draining { until: Timestamp::MAX.into() }),
        (v1::Duty::Draining, Some(within)) => {
            let within = Duration::try_from(within).map_err(|_| invalid("within is no length of time".to_owned()))?;
            if within > MAX_WAIT {
                let most = humantime::format_duration(MAX_WAIT);
                return Err(
                    invalid(format!("within is over the limit of {most}")).help("leave it out to wait for all runs")
                );
            }
            Ok(Duty::Draining { until: now.after(within).into() })
        }
        (v1::Duty::Open | v1::Duty::Cordoned, Some(_)) => Err(invalid("only a drain takes a time".to_owned())),
        (v1::Duty::Unspecified | v1::Duty::Drained, _) => {
            Err(invalid(format!("{} is no duty to give: a node is open, cordoned or draining", duty.as_str_name())))
        }
    }
}

/// A blob's bytes as messages, read as fast as the client takes them.
pub(super) fn chunks(reader: BlobReader) -> impl Stream<Item = Result<v1::Chunk, Status>> + Send {
    futures::stream::try_unfold(reader, |mut reader| async {
        let data = reader.next().await.map_err(|error| to_status(error.into()))?;
        Ok(data.map(|data| (v1::Chunk { data }, reader)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_is_open_cordoned_or_draining_for_a_while() {
        let now = Timestamp::from_micros(1_000_000);
        let wanted = |duty: v1::Duty, within: Option<i64>| {
            let within = within.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
            super::wanted(duty.into(), within, now)
        };
        assert_eq!(wanted(v1::Duty::Open, None), Ok(Duty::Open));
        assert_eq!(wanted(v1::Duty::Cordoned, None), Ok(Duty::Cordoned));
        let until = now.after(Duration::from_secs(9)).into();
        assert_eq!(wanted(v1::Duty::Draining, Some(9)), Ok(Duty::Draining { until }));
        assert_eq!(wanted(v1::Duty::Draining, None), Ok(Duty::Draining { until: Timestamp::MAX.into() }));
        for (duty, within) in [
            (v1::Duty::Draining, Some(-1)),
            (v1::Duty::Draining, Some(i64::MAX)),
            (v1::Duty::Open, Some(1)),
            (v1::Duty::Cordoned, Some(1)),
            (v1::Duty::Drained, None),
            (v1::Duty::Unspecified, None),
        ] {
            assert_eq!(wanted(duty, within).unwrap_err().code, Code::InvalidRequest, "{duty:?} {within:?}");
        }
        assert!(super::wanted(77, None, now).is_err());
    }
}
