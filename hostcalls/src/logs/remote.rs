//! What a program calls.

use spear_types::Level;
use spear_wire::{
    Decode as _, to_status,
    v1::{self, logs_server::Logs},
};
use tonic::{Request, Response};

use crate::remote::{Answer, Program};

#[tonic::async_trait]
impl Logs for Program {
    async fn write(&self, request: Request<v1::LogsWriteRequest>) -> Answer<v1::LogsWriteResponse> {
        let v1::LogsWriteRequest { level, message, fields } = request.into_inner();
        let level = Level::decode(level).map_err(to_status)?;
        let fields = fields.into_iter().map(|v1::LogField { key, value }| (key, value)).collect();
        self.own.logs().add(level, message, fields);
        Ok(Response::new(v1::LogsWriteResponse {}))
    }
}
