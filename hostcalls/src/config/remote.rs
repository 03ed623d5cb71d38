//! What a program calls; neither can fail. As of a component, the meter does not count it.

use spear_wire::v1::{self, config_server::Config};
use tonic::{Request, Response};

use crate::remote::{Answer, Program};

#[tonic::async_trait]
impl Config for Program {
    async fn get(&self, request: Request<v1::ConfigGetRequest>) -> Answer<v1::ConfigGetResponse> {
        let v1::ConfigGetRequest { key } = request.into_inner();
        Ok(Response::new(v1::ConfigGetResponse { value: self.own.config().value(&key).map(str::to_owned) }))
    }

    async fn get_all(&self, _: Request<v1::ConfigGetAllRequest>) -> Answer<v1::ConfigGetAllResponse> {
        Ok(Response::new(v1::ConfigGetAllResponse { values: self.own.config().values().collect() }))
    }
}
