//! What probes and tools ask of both programs.

use std::collections::BTreeSet;

use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::harness::{Api, Sms, Spearlet};

const OF_SMS: [&str; 5] = [
    "spear.v1.FunctionService",
    "spear.v1.InvokeService",
    "spear.v1.LogService",
    "spear.v1.NodeService",
    "spear.v1.ObjectService",
];
const OF_SPEARLET: [&str; 1] = ["spear.v1.SpearletService"];

#[tokio::test]
async fn health_is_told_for_the_program_and_for_each_of_its_services() {
    let sms = Sms::alone().await;
    let node = Spearlet::of(&sms, "one").await;
    for (api, services) in [(&sms.api, &OF_SMS[..]), (&node.api, &OF_SPEARLET)] {
        for service in services.iter().chain(&[""]) {
            let request = HealthCheckRequest { service: service.to_string() };
            let response = api.health().check(request).await.unwrap().into_inner();
            assert_eq!(response.status(), ServingStatus::Serving, "{service:?}");
        }
        let unknown = HealthCheckRequest { service: "spear.v1.NoService".to_owned() };
        assert_eq!(api.health().check(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
    }
}

#[tokio::test]
async fn reflection_lists_the_services_and_describes_them() {
    let sms = Sms::alone().await;
    let node = Spearlet::of(&sms, "one").await;
    for (api, services) in [(&sms.api, &OF_SMS[..]), (&node.api, &OF_SPEARLET)] {
        let MessageResponse::ListServicesResponse(list) =
            reflect(api, MessageRequest::ListServices(String::new())).await
        else {
            panic!("no list");
        };
        let listed: BTreeSet<_> = list.service.into_iter().map(|service| service.name).collect();
        for service in services.iter().chain(&["grpc.health.v1.Health"]) {
            assert!(listed.contains(*service), "{service} is not in {listed:?}");
            let described = reflect(api, MessageRequest::FileContainingSymbol(service.to_string())).await;
            assert!(matches!(described, MessageResponse::FileDescriptorResponse(_)), "{service}: {described:?}");
        }
    }
}

async fn reflect(api: &Api, message: MessageRequest) -> MessageResponse {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let mut client = ServerReflectionClient::new(api.channel());
    let response = client.server_reflection_info(futures::stream::iter([request])).await.unwrap();
    response.into_inner().message().await.unwrap().unwrap().message_response.unwrap()
}
