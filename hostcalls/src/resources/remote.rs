//! What a program calls. Nothing meters its fuel.

use spear_wire::{
    Encode as _,
    v1::{self, resources_server::Resources},
};
use tonic::{Request, Response};

use super::State;
use crate::remote::{Answer, Program};

#[tonic::async_trait]
impl Resources for Program {
    async fn who_am_i(&self, _: Request<v1::ResourcesWhoAmIRequest>) -> Answer<v1::ResourcesWhoAmIResponse> {
        let identity = &self.resources().identity;
        Ok(Response::new(v1::ResourcesWhoAmIResponse {
            task: identity.task.to_string(),
            attempt: identity.attempt,
            function: identity.function.to_string(),
            version: identity.version,
            node: identity.node.to_string(),
            trace_parent: identity.trace_parent.clone(),
        }))
    }

    async fn get_limits(&self, _: Request<v1::ResourcesGetLimitsRequest>) -> Answer<v1::ResourcesGetLimitsResponse> {
        let limits = self.resources().limits.clone().encode();
        Ok(Response::new(v1::ResourcesGetLimitsResponse { limits: Some(limits) }))
    }

    async fn get_usage(&self, _: Request<v1::ResourcesGetUsageRequest>) -> Answer<v1::ResourcesGetUsageResponse> {
        let state = self.resources();
        Ok(Response::new(v1::ResourcesGetUsageResponse {
            memory_bytes: self.host.peak_memory(),
            wall: Some(state.wall().encode()),
            hostcalls: self.own.meter().hostcalls,
            log_bytes: state.log.used(),
        }))
    }

    async fn get_remaining(
        &self,
        _: Request<v1::ResourcesGetRemainingRequest>,
    ) -> Answer<v1::ResourcesGetRemainingResponse> {
        let state = self.resources();
        Ok(Response::new(v1::ResourcesGetRemainingResponse {
            memory_bytes: state.limits.memory.saturating_sub(self.host.peak_memory()),
            wall: Some(state.wall_left().encode()),
            log_bytes: state.log_left(),
        }))
    }
}

impl Program {
    /// Counts the hostcall.
    fn resources(&self) -> &State {
        self.own.meter.hostcall(0);
        &self.own.resources
    }
}
