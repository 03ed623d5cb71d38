//! The function's own failure.

use spear_types::{Failure, Outcome};

use crate::harness::Sms;

#[tokio::test]
async fn a_failure_is_an_outcome_with_code_message_and_hope() {
    let sms = Sms::with_node().await;
    sms.deploy("fail").await;
    for (input, code, retryable) in [("no-stock", "no-stock", false), ("busy retryable", "busy", true)] {
        let outcome = sms.api.invoke("fail", input).await.unwrap().outcome;
        let failure =
            Failure { code: code.to_owned(), message: format!("asked to fail with `{code}`"), retryable, exit: None };
        assert_eq!(outcome, Outcome::Failed(failure));
    }
}

#[tokio::test]
async fn a_guest_cannot_claim_that_it_was_denied() {
    let sms = Sms::with_node().await;
    sms.deploy("fail").await;
    let outcome = sms.api.invoke("fail", "denied").await.unwrap().outcome;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome}");
}

#[tokio::test]
async fn a_long_code_is_cut() {
    let sms = Sms::with_node().await;
    sms.deploy("fail").await;
    let outcome = sms.api.invoke("fail", "ä".repeat(100)).await.unwrap().outcome;
    let Outcome::Failed(Failure { code, .. }) = outcome else { panic!("{outcome}") };
    assert_eq!(code, "ä".repeat(32));
}
