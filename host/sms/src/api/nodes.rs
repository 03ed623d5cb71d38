//! `NodeService`.

use futures::{Stream, stream::BoxStream};
use spear_proto::v1::{self, node_service_server::NodeService};
use spear_state::State;
use spear_store::{BlobReader, Store};
use spear_types::{Digest, Refusal};
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

    async fn set_duty(&self, _: Request<v1::SetDutyRequest>) -> Result<Response<v1::SetDutyResponse>, Status> {
        Err(to_status(Refusal::new(spear_types::Code::Internal, "not yet")))
    }

    async fn get_node(&self, request: Request<v1::GetNodeRequest>) -> Result<Response<v1::GetNodeResponse>, Status> {
        let v1::GetNodeRequest { name } = request.into_inner();
        let node = name
            .try_into()
            .map_err(Refusal::from)
            .and_then(|name| self.scheduler.read(|state| state.node(&name)))
            .map_err(to_status)?;
        Ok(Response::new(v1::GetNodeResponse { node: Some(node.encode()) }))
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

/// A blob's bytes as messages, read as fast as the client takes them.
pub(super) fn chunks(reader: BlobReader) -> impl Stream<Item = Result<v1::Chunk, Status>> + Send {
    futures::stream::try_unfold(reader, |mut reader| async {
        let data = reader.next().await.map_err(|error| to_status(error.into()))?;
        Ok(data.map(|data| (v1::Chunk { data }, reader)))
    })
}
