//! The doors of the SMS, one file for each gRPC service. A handler converts, hands over and converts back; it decides
//! nothing.

mod functions;
mod invoke;
mod kv;
mod logs;
mod nodes;
mod objects;

use spear_proto::v1::{
    function_service_server::FunctionServiceServer, invoke_service_server::InvokeServiceServer,
    kv_service_server::KvServiceServer, log_service_server::LogServiceServer, node_service_server::NodeServiceServer,
    object_service_server::ObjectServiceServer,
};
use spear_store::Store;
use spear_wire::server::Services;
use tokio_util::sync::CancellationToken;

use crate::{
    deploys::Deploys,
    logs::Logs,
    nodes::{Lease, Nodes},
    scheduler::Scheduler,
};

/// What stands behind the doors.
pub(crate) struct Api {
    pub(crate) deploys: Deploys,
    pub(crate) scheduler: Scheduler,
    pub(crate) store: Store,
    pub(crate) logs: Logs,
    pub(crate) nodes: Nodes,
    pub(crate) lease: Lease,
}

impl Api {
    pub(crate) fn services(self, stop: CancellationToken) -> Services {
        let Self { deploys, scheduler, store, logs, nodes, lease } = self;
        let functions = functions::Functions { deploys, store: store.clone() };
        let invoke = InvokeServiceServer::new(invoke::Invoke { scheduler, store: store.clone() })
            .max_decoding_message_size(lease.max_message)
            .max_encoding_message_size(lease.max_message);
        let values = KvServiceServer::new(kv::Values { store: store.clone() });
        let values = values.max_decoding_message_size(kv::MAX_MESSAGE).max_encoding_message_size(kv::MAX_MESSAGE);
        let node = nodes::NodesApi { nodes, lease, store: store.clone(), stop };
        Services::default()
            .with(FunctionServiceServer::new(functions))
            .with(invoke)
            .with(values)
            .with(LogServiceServer::new(logs::LogsApi { logs }))
            .with(NodeServiceServer::new(node))
            .with(ObjectServiceServer::new(objects::Objects { store }))
    }
}
