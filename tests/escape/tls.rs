//! HTTPS: who cannot prove to be the granted host is not talked to.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};

use super::http::{answer, fetch};
use crate::harness::{Home, Sms, Web};

/// A server that is `localhost`, and the authority that says so, as PEM.
async fn localhost() -> (Web, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    (Web::with_tls(config).await, authority.pem())
}

#[tokio::test]
async fn only_who_proves_to_be_the_granted_host_is_talked_to() {
    let (web, authority) = localhost().await;
    let home = Home::new().await;
    let file = home.path().join("authority.pem");
    fs::write(&file, authority).unwrap();
    let settings = [("SPEAR_SPEARLET_CA", file.to_str().unwrap())];
    let sms = Sms::with_node_in(home, &settings).await;
    sms.api.deploy(&fetch(&["https://*:*"], &["127.0.0.0/8", "::1/128"])).await.unwrap();
    let url = |host: &str| format!("https://{host}:{}/", web.address.port());
    assert_eq!(answer(&sms, json!({ "url": url("localhost") })).await["body"], "hello");
    let told = answer(&sms, json!({ "url": url("127.0.0.1") })).await["error"].take();
    assert_eq!(told, "ErrorCode::TlsCertificateError");
}

#[tokio::test]
async fn an_authority_that_the_operator_did_not_name_is_nobody() {
    let (web, _) = localhost().await;
    let sms = Sms::with_node().await;
    sms.api.deploy(&fetch(&["https://localhost:*"], &["127.0.0.0/8", "::1/128"])).await.unwrap();
    let url = format!("https://localhost:{}/", web.address.port());
    assert_eq!(answer(&sms, json!({ "url": url })).await["error"], "ErrorCode::TlsCertificateError");
}

#[tokio::test]
async fn a_server_without_tls_is_not_talked_to_in_the_clear() {
    let (sms, web) = (Sms::with_node().await, Web::start().await);
    sms.api.deploy(&fetch(&["https://127.0.0.1:*"], &["127.0.0.0/8"])).await.unwrap();
    let told = answer(&sms, json!({ "url": format!("https://{}/", web.address), "timeout_ms": 200 })).await;
    assert!(told["error"].is_string(), "{told}");
}

#[tokio::test]
async fn a_node_does_not_start_without_the_authorities_that_it_was_told_of() {
    let home = Home::new().await;
    let mut spear = home.spear(["up", "--listen", "127.0.0.1:0"]);
    spear.env("SPEAR_SPEARLET_CA", "/no/such/file.pem");
    let ran = crate::harness::Ran::of(spear).await;
    assert!(ran.code != 0 && ran.stderr.contains("[spearlet] ca, /no/such/file.pem"), "{ran:?}");
}
