//! An endless loop. It runs alone, and time is what the node itself measured.

use std::time::Duration;

use futures::future::join_all;
use spear_types::{LimitRequest, Outcome};

use crate::harness::{Function, Home, Invoked, ROUNDS, Sms, assert_in_time};

const LIMIT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn one_ends_within_10_ms_of_its_limit() {
    let sms = with_spinners().await;
    for function in ["timed", "metered"] {
        spin_in_time(&sms, function, 1).await;
    }
}

#[tokio::test]
async fn four_on_two_threads_end_within_10_ms_of_their_limit() {
    let sms = with_spinners().await;
    for function in ["timed", "metered"] {
        spin_in_time(&sms, function, 4).await;
    }
}

#[tokio::test]
async fn fuel_ends_it_where_that_is_the_tighter_limit() {
    let sms = Sms::with_node().await;
    let limits = LimitRequest { fuel: Some(10_000_000), ..LimitRequest::default() };
    sms.api.deploy(&Function::guest("spin").limits(limits)).await.unwrap();
    let invoked = sms.api.invoke("spin", "").await.unwrap();
    assert_eq!(invoked.outcome, Outcome::OutOfFuel { limit: 10_000_000 });
    assert_eq!(invoked.usage.fuel, Some(10_000_000));
    assert!(!invoked.usage.cpu.is_zero() && invoked.usage.peak_memory >= 1 << 20, "{:?}", invoked.usage);

    let ran = sms.spear(["invoke", "spin"]).await;
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("out-of-fuel: the limit of 10000000 fuel was used up"), "{ran:?}");
}

async fn with_spinners() -> Sms {
    let sms = Sms::with_node_in(Home::alone().await, &[("SPEAR_SPEARLET_THREADS", "2")]).await;
    // More fuel than can be burnt in that time.
    for (name, fuel) in [("timed", None), ("metered", Some(1 << 60))] {
        let limits = LimitRequest { timeout: Some(LIMIT), fuel, ..LimitRequest::default() };
        sms.api.deploy(&Function::guest("spin").named(name).limits(limits)).await.unwrap();
    }
    sms
}

async fn spin_in_time(sms: &Sms, function: &str, at_once: usize) {
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        let invoked = join_all((0..at_once).map(|_| sms.api.invoke(function, ""))).await;
        runs.extend(invoked.into_iter().map(|invoked| late(invoked.unwrap())));
    }
    assert_in_time(&format!("{function}, {at_once} at once"), runs);
}

fn late(Invoked { outcome, usage, .. }: Invoked) -> Duration {
    assert_eq!(outcome, Outcome::TimedOut { limit: LIMIT });
    assert!(usage.wall >= LIMIT, "{usage:?}");
    usage.wall - LIMIT
}
