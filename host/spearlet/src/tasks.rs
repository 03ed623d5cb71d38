//! Functions that guests invoke and submit: by the SMS, as for any client.

use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};
use spear_hostcalls::tasks::{Backend, Invocation, NewTask};
use spear_proto::v1::{self, invoke_service_client::InvokeServiceClient, task_service_client::TaskServiceClient};
use spear_types::{Call, Outcome, Refusal, TaskId, TaskInfo};
use spear_wire::{Decode as _, Encode as _, from_status, required};
use tonic::transport::Channel;

/// The SMS's scheduler.
pub(crate) struct RemoteTasks {
    sms: InvokeServiceClient<Channel>,
    tasks: TaskServiceClient<Channel>,
}

impl RemoteTasks {
    pub(crate) fn new(sms: Channel, max_message: usize) -> Self {
        let tasks = TaskServiceClient::new(sms.clone());
        let client = InvokeServiceClient::new(sms);
        Self {
            sms: client.max_decoding_message_size(max_message).max_encoding_message_size(max_message),
            tasks: tasks.max_decoding_message_size(max_message).max_encoding_message_size(max_message),
        }
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

    async fn submit(&self, task: NewTask) -> Result<TaskId, Refusal> {
        let NewTask { function, call, options, time } = task;
        let task = v1::TaskSpec {
            function: function.into(),
            version: None,
            call: Some(Call::Payload(call).encode()),
            options: Some(options.encode()),
        };
        let mut request = tonic::Request::new(v1::SubmitTasksRequest { tasks: vec![task] });
        request.set_timeout(time);
        let response = self.tasks.clone().submit_tasks(request).await.map_err(from_status)?;
        required(response.into_inner().tasks.pop(), "tasks")?.task.parse()
    }

    async fn status(&self, task: TaskId, time: Duration) -> Result<(TaskInfo, Option<Outcome>), Refusal> {
        let mut request = tonic::Request::new(v1::GetResultRequest { task: task.to_string(), wait: None });
        request.set_timeout(time);
        let response = self.tasks.clone().get_result(request).await.map_err(from_status)?;
        let v1::GetResultResponse { task, outcome, usage: _, ran: _ } = response.into_inner();
        Ok((TaskInfo::decode(required(task, "task")?)?, outcome.map(Outcome::decode).transpose()?))
    }
}

impl Backend for RemoteTasks {
    fn invoke(&self, invocation: Invocation) -> BoxFuture<'_, Result<Outcome, Refusal>> {
        self.invoke(invocation).boxed()
    }

    fn submit(&self, task: NewTask) -> BoxFuture<'_, Result<TaskId, Refusal>> {
        self.submit(task).boxed()
    }

    fn status(&self, task: TaskId, time: Duration) -> BoxFuture<'_, Result<(TaskInfo, Option<Outcome>), Refusal>> {
        self.status(task, time).boxed()
    }
}
