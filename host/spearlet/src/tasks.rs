//! Functions that guests invoke: by the SMS, as for any client.

use futures::{FutureExt as _, future::BoxFuture};
use spear_hostcalls::tasks::{Backend, Invocation};
use spear_proto::v1::{self, invoke_service_client::InvokeServiceClient};
use spear_types::{Call, Outcome, Refusal};
use spear_wire::{Decode as _, Encode as _, from_status, required};
use tonic::transport::Channel;

/// The SMS's scheduler.
pub(crate) struct RemoteTasks {
    sms: InvokeServiceClient<Channel>,
}

impl RemoteTasks {
    pub(crate) fn new(sms: Channel, max_message: usize) -> Self {
        let client = InvokeServiceClient::new(sms);
        Self { sms: client.max_decoding_message_size(max_message).max_encoding_message_size(max_message) }
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Outcome, Refusal> {
        let Invocation { function, call, callers, trace_parent, time } = invocation;
        let mut request = tonic::Request::new(v1::InvokeRequest {
            function: function.into(),
            version: None,
            call: Some(Call::Payload(call).encode()),
            trace_parent,
            callers: callers.into_iter().map(Into::into).collect(),
        });
        request.set_timeout(time);
        let response = self.sms.clone().invoke(request).await.map_err(from_status)?;
        Outcome::decode(required(response.into_inner().outcome, "outcome")?)
    }
}

impl Backend for RemoteTasks {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Refusal>> {
        self.invoke(invocation).boxed()
    }
}
