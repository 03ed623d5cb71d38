//! The machines that run tasks.

use std::time::Duration;

use spear_proto::v1::{self, node_service_client::NodeServiceClient};
use spear_types::{NodeInfo, NodeName};
use spear_wire::{Decode as _, Encode as _, required};
use tonic::transport::Channel;

use super::{Answer, Client, MAX_MESSAGE};

/// What a node is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NewDuty {
    /// Take work.
    Open,
    /// Take nothing new.
    Cordoned,
    /// Take nothing new, and be rid of what there is within this time; absent: when it has ended.
    Draining(Option<Duration>),
}

impl Client {
    pub(crate) async fn nodes(&self) -> Answer<Vec<NodeInfo>> {
        let response = self.node_service().list_nodes(v1::ListNodesRequest {}).await;
        self.answered(response)?.nodes.into_iter().map(NodeInfo::decode).collect()
    }

    pub(crate) async fn node(&self, name: &NodeName) -> Answer<NodeInfo> {
        let response = self.node_service().get_node(v1::GetNodeRequest { name: name.to_string() }).await;
        NodeInfo::decode(required(self.answered(response)?.node, "node")?)
    }

    pub(crate) async fn set_duty(&self, name: &NodeName, duty: NewDuty) -> Answer<NodeInfo> {
        let (duty, within) = match duty {
            NewDuty::Open => (v1::Duty::Open, None),
            NewDuty::Cordoned => (v1::Duty::Cordoned, None),
            NewDuty::Draining(within) => (v1::Duty::Draining, within.map(|within| within.encode())),
        };
        let request = v1::SetDutyRequest { name: name.to_string(), duty: duty.into(), within };
        let response = self.node_service().set_duty(request).await;
        NodeInfo::decode(required(self.answered(response)?.node, "node")?)
    }

    fn node_service(&self) -> NodeServiceClient<Channel> {
        NodeServiceClient::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }
}
