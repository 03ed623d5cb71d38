//! Calls that are made again and again.

use spear_proto::v1;
use spear_types::{ScheduleInfo, ScheduleName};
use spear_wire::{Decode as _, required};

use super::{Answer, Client, NewTask};

impl Client {
    pub(crate) async fn create_schedule(
        &self,
        name: Option<ScheduleName>,
        cron: String,
        task: NewTask,
    ) -> Answer<ScheduleInfo> {
        let request = v1::CreateScheduleRequest { name: name.map(Into::into), cron, task: Some(task.into_spec()) };
        let response = self.tasks().create_schedule(request).await;
        ScheduleInfo::decode(required(self.answered(response)?.schedule, "schedule")?)
    }

    pub(crate) async fn schedules(&self) -> Answer<Vec<ScheduleInfo>> {
        let response = self.tasks().list_schedules(v1::ListSchedulesRequest {}).await;
        self.answered(response)?.schedules.into_iter().map(ScheduleInfo::decode).collect()
    }

    /// One, and what it submits.
    pub(crate) async fn schedule(&self, name: &ScheduleName) -> Answer<(ScheduleInfo, NewTask)> {
        let response = self.tasks().get_schedule(v1::GetScheduleRequest { name: name.to_string() }).await;
        let v1::GetScheduleResponse { schedule, task } = self.answered(response)?;
        Ok((ScheduleInfo::decode(required(schedule, "schedule")?)?, NewTask::from_spec(required(task, "task")?)?))
    }

    pub(crate) async fn delete_schedule(&self, name: &ScheduleName) -> Answer<()> {
        let response = self.tasks().delete_schedule(v1::DeleteScheduleRequest { name: name.to_string() }).await;
        self.answered(response).map(|v1::DeleteScheduleResponse {}| ())
    }
}
