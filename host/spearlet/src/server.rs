//! The node's own gRPC: check, convert, hand over, convert back.

use std::sync::Arc;

use spear_engine::{Attempt, Report};
use spear_proto::v1;
use spear_types::{Call, Identity, Refusal};
use spear_wire::{Decode as _, Encode, required, to_status};
use tonic::{Request, Response, Status};

use crate::{
    components::{Components, Key},
    door::{Asked, Door},
    slots::Slots,
};

/// Runs attempts that somebody waits for.
pub(crate) struct Runs {
    pub(crate) door: Arc<Door>,
    pub(crate) components: Components,
    pub(crate) slots: Slots,
}

/// A [`v1::RunRequest`], taken apart.
struct Run {
    key: Key,
    attempt: Attempt,
}

impl Runs {
    async fn one(&self, request: v1::RunRequest) -> Result<Report, Refusal> {
        let slot = self.slots.take()?;
        let Run { key, attempt } = self.decode(request)?;
        attempt.call.within(&key.terms.limits)?;
        let prepared = self.components.get(key).await?;
        self.components.run(&prepared, attempt, slot).await
    }

    fn decode(&self, request: v1::RunRequest) -> Result<Run, Refusal> {
        let v1::RunRequest {
            task,
            attempt,
            function,
            version,
            implementations,
            limits,
            grants,
            call,
            trace_parent,
            settings,
            callers,
        } = request;
        let (function, key) = self.door.key(Asked { function, version, implementations, limits, grants, settings })?;
        let identity = Identity {
            task: task.parse()?,
            attempt,
            function,
            version,
            node: self.door.node.clone(),
            trace_parent,
            callers: callers.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        };
        Ok(Run { key, attempt: Attempt { identity, call: Call::decode(required(call, "call")?)?, time: None } })
    }
}

#[tonic::async_trait]
impl v1::spearlet_service_server::SpearletService for Runs {
    async fn run(&self, request: Request<v1::RunRequest>) -> Result<Response<v1::RunResponse>, Status> {
        let report = self.one(request.into_inner()).await.map_err(to_status)?;
        Ok(Response::new(encode(report)))
    }
}

fn encode(report: Report) -> v1::RunResponse {
    let Report { outcome, usage, log, ran } = report;
    v1::RunResponse {
        outcome: Some(outcome.encode()),
        usage: Some(usage.encode()),
        log: log.lines.into_iter().map(Encode::encode).collect(),
        log_dropped: log.dropped,
        ran: ran.map(Encode::encode),
    }
}
