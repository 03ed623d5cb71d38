//! `FunctionService`.

use spear_proto::v1::{self, deploy_response, function_service_server::FunctionService};
use spear_store::{Deployed, Store};
use spear_types::{FunctionName, FunctionVersion, Grants, Refusal};
use spear_wire::{Decode as _, Encode as _, to_status};
use tonic::{Request, Response, Status, Streaming};

use crate::deploys::Deploys;

pub(super) struct Functions {
    pub(super) deploys: Deploys,
    pub(super) store: Store,
}

#[tonic::async_trait]
impl FunctionService for Functions {
    async fn deploy(
        &self,
        request: Request<Streaming<v1::DeployRequest>>,
    ) -> Result<Response<v1::DeployResponse>, Status> {
        let deployed = self.deploys.deploy(request.into_inner()).await.map_err(to_status)?;
        let (function, result) = match deployed {
            Deployed::Created(function) => (function, deploy_response::Result::Created(deploy_response::Created {})),
            Deployed::Unchanged(function) => {
                (function, deploy_response::Result::Unchanged(deploy_response::Unchanged {}))
            }
        };
        Ok(Response::new(v1::DeployResponse { function: Some(function.encode()), result: Some(result) }))
    }

    async fn get_function(
        &self,
        request: Request<v1::GetFunctionRequest>,
    ) -> Result<Response<v1::GetFunctionResponse>, Status> {
        let v1::GetFunctionRequest { name, version } = request.into_inner();
        let name = parse(name)?;
        let function = self.store.function(&name, version).await.map_err(refused)?;
        Ok(Response::new(v1::GetFunctionResponse { function: Some(function.encode()) }))
    }

    async fn list_functions(
        &self,
        _: Request<v1::ListFunctionsRequest>,
    ) -> Result<Response<v1::ListFunctionsResponse>, Status> {
        let functions = self.store.functions().await.map_err(refused)?;
        Ok(Response::new(v1::ListFunctionsResponse { functions: encode(functions) }))
    }

    async fn list_versions(
        &self,
        request: Request<v1::ListVersionsRequest>,
    ) -> Result<Response<v1::ListVersionsResponse>, Status> {
        let name = parse(request.into_inner().name)?;
        let versions = self.store.versions(&name).await.map_err(refused)?;
        Ok(Response::new(v1::ListVersionsResponse { versions: encode(versions) }))
    }

    async fn delete_function(
        &self,
        request: Request<v1::DeleteFunctionRequest>,
    ) -> Result<Response<v1::DeleteFunctionResponse>, Status> {
        let name = parse(request.into_inner().name)?;
        let versions = self.deploys.delete(name).await.map_err(to_status)?;
        Ok(Response::new(v1::DeleteFunctionResponse { versions }))
    }

    async fn review_grants(
        &self,
        request: Request<v1::ReviewGrantsRequest>,
    ) -> Result<Response<v1::ReviewGrantsResponse>, Status> {
        let v1::ReviewGrantsRequest { name, asked } = request.into_inner();
        let asked = Grants::decode(asked.unwrap_or_default()).map_err(to_status)?;
        let granted = self.deploys.granted(&parse(name)?, asked);
        Ok(Response::new(v1::ReviewGrantsResponse { granted: Some(granted.encode()) }))
    }
}

fn parse(name: String) -> Result<FunctionName, Status> {
    name.try_into().map_err(Refusal::from).map_err(to_status)
}

fn refused(error: spear_store::Error) -> Status {
    to_status(error.into())
}

fn encode(functions: Vec<FunctionVersion>) -> Vec<v1::FunctionVersion> {
    functions.into_iter().map(spear_wire::Encode::encode).collect()
}
