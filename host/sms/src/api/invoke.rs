//! `InvokeService`.

use spear_proto::v1::{self, invoke_service_server::InvokeService};
use spear_types::{Call, Code, Refusal};
use spear_wire::{Decode as _, Encode, MAX_TRACE_PARENT, capped, required, to_status};
use tonic::{Request, Response, Status};

use crate::{
    config::MAX_DEPTH,
    direct::{Direct, Invocation, Invoked},
    functions::Functions,
};

pub(super) struct Invoke {
    pub(super) direct: Direct,
    pub(super) functions: Functions,
}

#[tonic::async_trait]
impl InvokeService for Invoke {
    async fn invoke(&self, request: Request<v1::InvokeRequest>) -> Result<Response<v1::InvokeResponse>, Status> {
        self.run(request.into_inner()).await.map(Response::new).map_err(to_status)
    }
}

/// A client that is none of ours must not have us take a million names apart.
fn check_callers(count: usize) -> Result<(), Refusal> {
    if count > MAX_DEPTH {
        return Err(Refusal::new(Code::InvalidRequest, format!("{count} callers are over the limit of {MAX_DEPTH}")));
    }
    Ok(())
}

impl Invoke {
    async fn run(&self, request: v1::InvokeRequest) -> Result<v1::InvokeResponse, Refusal> {
        let v1::InvokeRequest { function, version, call, trace_parent, callers } = request;
        let runnable = self.functions.find(&function.try_into()?, version).await?;
        let trace_parent = trace_parent.map(|text| capped(text, "trace_parent", MAX_TRACE_PARENT)).transpose()?;
        let call = Call::decode(required(call, "call")?)?;
        check_callers(callers.len())?;
        let callers = callers.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        let (name, version) = (runnable.function.name.to_string(), runnable.function.version);
        let invoked = self.direct.invoke(Invocation { runnable, call, callers, trace_parent }).await?;
        let Invoked { task, node, outcome, usage, ran } = invoked;
        Ok(v1::InvokeResponse {
            task: task.to_string(),
            function: name,
            version,
            node: node.into(),
            outcome: Some(outcome.encode()),
            usage: Some(usage.encode()),
            ran: ran.map(Encode::encode),
        })
    }
}
