//! A guest that is always in the host. It runs alone, and time is what the node itself measured.

use std::time::Duration;

use spear_types::{LimitRequest, Outcome};

use crate::harness::{Function, Home, ROUNDS, Sms, assert_in_time};

const LIMIT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn it_ends_within_10_ms_of_its_limit_although_it_burns_no_fuel() {
    let sms = Sms::with_node_in(Home::alone().await, &[]).await;
    for (name, fuel) in [("timed", None), ("metered", Some(1 << 60))] {
        let limits = LimitRequest { timeout: Some(LIMIT), fuel, ..LimitRequest::default() };
        sms.api.deploy(&Function::guest("flood").named(name).limits(limits)).await.unwrap();
        let mut runs = Vec::new();
        for _ in 0..ROUNDS {
            let invoked = sms.api.invoke(name, "").await.unwrap();
            assert_eq!(invoked.outcome, Outcome::TimedOut { limit: LIMIT });
            runs.push(invoked.usage.wall - LIMIT);
        }
        assert_in_time(name, runs);
    }
}
