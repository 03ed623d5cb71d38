//! The doors of the SMS, one file for each gRPC service. A handler converts, hands over and converts back; it decides
//! nothing.

mod functions;
mod invoke;
mod kv;
mod logs;
mod nodes;
mod objects;
mod schedules;
mod tasks;

use spear_proto::v1::{
    function_service_server::FunctionServiceServer, invoke_service_server::InvokeServiceServer,
    kv_service_server::KvServiceServer, log_service_server::LogServiceServer,
    object_service_server::ObjectServiceServer, task_service_server::TaskServiceServer,
};
use spear_store::Store;
use spear_wire::server::Services;
use tokio_util::sync::CancellationToken;

#[cfg(test)]
pub(crate) use self::tasks::View;
use crate::{
    deploys::Deploys,
    direct::Direct,
    disk::Disk,
    functions::Functions,
    logs::Logs,
    nodes::{Lease, Links},
    scheduler::{Scheduler, Watches},
};

/// What stands behind the doors.
pub(crate) struct Api {
    pub(crate) deploys: Deploys,
    pub(crate) direct: Direct,
    pub(crate) functions: Functions,
    pub(crate) scheduler: Scheduler,
    pub(crate) watches: Watches,
    pub(crate) disk: Disk,
    pub(crate) store: Store,
    pub(crate) logs: Logs,
    pub(crate) links: Links,
    pub(crate) lease: Lease,
}

impl Api {
    pub(crate) fn services(self, stop: CancellationToken) -> Services {
        let Self { deploys, direct, functions, scheduler, watches, disk, store, logs, links, lease } = self;
        let invoke = InvokeServiceServer::new(invoke::Invoke { direct, functions: functions.clone() })
            .max_decoding_message_size(lease.max_message)
            .max_encoding_message_size(lease.max_message);
        let values = KvServiceServer::new(kv::Values { store: store.clone() });
        let values = values.max_decoding_message_size(kv::MAX_MESSAGE).max_encoding_message_size(kv::MAX_MESSAGE);
        let (read, watched) = (disk.clone(), watches.clone());
        let logs =
            logs::LogsApi { logs, scheduler: scheduler.clone(), watches: watched, disk: read, stop: stop.clone() };
        let nodes =
            nodes::NodesApi { scheduler: scheduler.clone(), links, lease, store: store.clone(), stop: stop.clone() };
        let tasks = tasks::Tasks { functions, view: tasks::View { scheduler, watches, disk, stop } };
        let tasks = TaskServiceServer::new(tasks)
            .max_decoding_message_size(lease.max_message.max(tasks::MAX_BATCH_MESSAGE))
            .max_encoding_message_size(lease.max_message.max(tasks::MAX_BATCH_MESSAGE));
        Services::default()
            .with(FunctionServiceServer::new(functions::Functions { deploys, store: store.clone() }))
            .with(invoke)
            .with(values)
            .with(LogServiceServer::new(logs))
            .with(nodes.server())
            .with(ObjectServiceServer::new(objects::Objects { store }))
            .with(tasks)
    }
}
