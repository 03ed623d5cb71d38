//! The node's own gRPC: check, convert, hand over, convert back.

use std::sync::Arc;

use spear_engine::{Attempt, Report, Terms};
use spear_proto::v1;
use spear_types::{Call, GrantPolicy, Granted, Identity, Limits, NodeName, Refusal, Settings};
use spear_wire::{Decode, Encode, required, to_status};
use tonic::{Request, Response, Status};

use crate::{
    components::{Components, Key},
    slots::Slots,
};

/// Runs attempts.
pub(crate) struct Runs {
    name: NodeName,
    components: Components,
    slots: Slots,
    maxima: Limits,
    policy: GrantPolicy,
}

/// A [`v1::RunRequest`], taken apart.
struct Run {
    key: Key,
    attempt: Attempt,
}

impl Runs {
    pub(crate) fn new(
        name: NodeName,
        components: Components,
        slots: Slots,
        maxima: Limits,
        policy: GrantPolicy,
    ) -> Self {
        Self { name, components, slots, maxima, policy }
    }

    async fn one(&self, request: v1::RunRequest) -> Result<Report, Refusal> {
        let slot = self.slots.take()?;
        let Run { key, attempt } = self.decode(request)?;
        key.terms.limits.within(&self.maxima)?;
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
            digest,
            limits,
            grants,
            call,
            trace_parent,
            settings,
            callers,
        } = request;
        let identity = Identity {
            task: task.parse()?,
            attempt,
            function: function.try_into()?,
            version,
            node: self.name.clone(),
            trace_parent,
            callers: callers.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
        };
        let granted = Granted::decode(required(grants, "grants")?)?.limited(&self.policy, &identity.function);
        let terms = Terms {
            limits: Limits::decode(required(limits, "limits")?)?,
            granted: Arc::new(granted),
            settings: Settings::decode(settings)?,
        };
        let key = Key { digest: digest.parse()?, terms };
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
    let Report { outcome, usage, log } = report;
    v1::RunResponse {
        outcome: Some(outcome.encode()),
        usage: Some(usage.encode()),
        log: log.lines.into_iter().map(Encode::encode).collect(),
        log_dropped: log.dropped,
    }
}
