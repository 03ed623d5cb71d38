//! A node and its SMS over a real link: what is ordered, what is reported, what is left after a break.

mod sms;

use std::time::{Duration, Instant};

use spear_proto::v1::{self, link_request, order, outcome, report};
use spear_types::Limits;
use spearlet::Config;

use self::sms::{Linked, Test};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3_600);

async fn started(config: Config) -> Test {
    Test::start(config, LONG).await
}

async fn linked(test: &mut Test) -> Linked {
    let (mut link, _) = test.link(LONG).await;
    link.agree(&Limits { timeout: LONG, ..Limits::DEFAULTS });
    link
}

/// Waits until the attempt runs.
async fn runs(link: &mut Linked, attempt: &v1::Attempt) {
    let (_, reports) = link.reports().await;
    assert_eq!(reports, [(attempt.clone(), report::Kind::Started(report::Started {}))]);
}

fn outcome(kind: &report::Kind) -> &outcome::Kind {
    match kind {
        report::Kind::Ended(ended) => ended.outcome.as_ref().unwrap().kind.as_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn returned(kind: &report::Kind) -> &str {
    match kind {
        report::Kind::Returned(returned) => &returned.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_says_what_it_has() {
    let labels = [("zone".parse().unwrap(), "a".parse().unwrap())].into();
    let mut test = started(Config { labels, memory: Some(1 << 30), ..Config::default() }).await;
    let (mut link, register) = test.link(LONG).await;
    assert_eq!((register.name.as_str(), register.slots, register.memory_bytes), ("n1", 16, 1 << 30));
    assert!(register.cpu_millis >= 1_000 && register.agents[0].kind == "wasm" && register.labels["zone"] == "a");
    assert!(register.held.is_empty() && register.artifacts.is_empty());
    let Some(link_request::Message::Heartbeat(beat)) = link.hear().await else { panic!("no heartbeat") };
    assert!(beat.running == 0 && beat.memory_bytes > 0, "{beat:?}");
    drop(link);
    let (_, again) = test.link(LONG).await;
    assert_eq!(again.incarnation, register.incarnation, "it is the same program");
}

#[tokio::test]
async fn what_was_not_acknowledged_is_told_again_on_the_next_link_and_not_run_again() {
    let mut test = started(Config::default()).await;
    let mut link = linked(&mut test).await;
    let attempt = link.assign("answer()", None);
    let (number, end) = link.end_of(&attempt).await;
    assert!(matches!(outcome(&end), outcome::Kind::Succeeded(_)), "{end:?}");
    drop(link);

    let (mut link, register) = test.link(LONG).await;
    assert_eq!((register.held, register.artifacts.len()), (vec![attempt.clone()], 1));
    link.agree(&Limits::DEFAULTS);
    link.assign_again(attempt.clone(), "answer()", None);
    assert_eq!(link.end_of(&attempt).await, (number, end));
    link.acknowledge(number);
    // What comes after this was read after the acknowledgement.
    let other = link.assign("answer()", None);
    let (next, _) = link.end_of(&other).await;
    assert!(next > number);
    drop(link);

    let (_, register) = test.link(LONG).await;
    assert_eq!(register.held, [other]);
}

#[tokio::test]
async fn a_run_that_computes_is_cancelled_at_once_and_says_what_it_cost() {
    let mut test = started(Config { threads: Some(1), ..Config::default() }).await;
    let mut link = linked(&mut test).await;
    let attempt = link.assign("spin()", None);
    // What comes later to the only thread has its turn only once the first had it.
    let other = link.assign("answer()", None);
    link.end_of(&other).await;
    let asked = Instant::now();
    link.order(order::Kind::Cancel(attempt.clone()));
    let (_, end) = link.end_of(&attempt).await;
    // 100 ms are the promise on a machine that is not busy with other tests.
    assert!(matches!(outcome(&end), outcome::Kind::Cancelled(_)) && asked.elapsed() < Duration::from_secs(2));
    let report::Kind::Ended(v1::AttemptEnded { usage: Some(usage), .. }) = end else { panic!("no usage") };
    assert!(usage.wall.is_some_and(|wall| wall.seconds > 0 || wall.nanos > 0));
    assert!(usage.cpu.is_some_and(|cpu| cpu.seconds > 0 || cpu.nanos > 0));
}

#[tokio::test]
async fn a_run_ends_with_its_tasks_deadline() {
    let mut test = started(Config::default()).await;
    let mut link = linked(&mut test).await;
    let attempt = link.assign("spin()", Some(Duration::from_millis(100)));
    let (_, end) = link.end_of(&attempt).await;
    let outcome::Kind::TimedOut(v1::TimedOut { limit: Some(limit) }) = outcome(&end) else { panic!("{end:?}") };
    assert!(limit.seconds == 0 && limit.nanos <= 100_000_000, "{limit:?}");
}

#[tokio::test]
async fn what_cannot_run_is_returned_by_name() {
    let mut test = started(Config::default()).await;
    let (mut link, _) = test.link(LONG).await;
    let unagreed = link.assign("answer()", None);
    assert_eq!(returned(&link.end_of(&unagreed).await.1), "InvalidRequest");
    link.agree(&Limits { memory: 1 << 40, ..Limits::DEFAULTS });
    let greedy = link.assign("answer()", None);
    assert_eq!(returned(&link.end_of(&greedy).await.1), "LimitTooHigh");
    link.agree(&Limits::DEFAULTS);
    let unknown = link.assign("other()", None);
    assert_eq!(returned(&link.end_of(&unknown).await.1), "UnknownExport");
}

#[tokio::test]
async fn attempts_are_given_up_when_the_lease_is_over() {
    let mut test = started(Config { reconnect: Duration::from_millis(100), ..Config::default() }).await;
    let (mut link, _) = test.link(Duration::from_millis(200)).await;
    link.agree(&Limits { timeout: LONG, ..Limits::DEFAULTS });
    let attempt = link.assign("spin()", None);
    runs(&mut link, &attempt).await;
    drop(link);
    // An SMS that does not answer is none; and what it was told then is not true any more.
    let mut unanswered = Vec::new();
    loop {
        let (link, register) = test.unanswered().await;
        unanswered.push(link);
        if register.held.is_empty() {
            break;
        }
        assert_eq!(register.held, std::slice::from_ref(&attempt));
    }
    unanswered.clear();
    let (mut link, register) = test.link(LONG).await;
    assert!(register.held.is_empty());
    link.agree(&Limits::DEFAULTS);
    link.assign_again(attempt.clone(), "answer()", None);
    let (_, end) = link.end_of(&attempt).await;
    assert!(matches!(outcome(&end), outcome::Kind::Succeeded(_)), "it runs again: {end:?}");
}

#[tokio::test]
async fn a_node_that_stops_finishes_reports_and_leaves() {
    let mut test = started(Config::default()).await;
    let mut link = linked(&mut test).await;
    let running = link.assign("spin()", None);
    runs(&mut link, &running).await;
    test.stop();
    let refused = loop {
        let attempt = link.assign("answer()", None);
        match link.end_of(&attempt).await {
            (_, report::Kind::Returned(returned)) => break returned.code,
            // It was not told to stop yet.
            (number, _) => link.acknowledge(number),
        }
    };
    assert_eq!(refused, "Draining");
    link.order(order::Kind::Cancel(running.clone()));
    let (number, _) = link.end_of(&running).await;
    link.acknowledge(number);
    let last = async {
        let mut last = None;
        while let Some(message) = link.hear().await {
            last = Some(message);
        }
        last
    };
    assert_eq!(last.await, Some(link_request::Message::Leave(v1::Leave {})));
    drop(link);
    test.ended().await;
}

#[tokio::test]
async fn what_does_not_end_within_the_grace_is_stopped() {
    let mut test = Test::start(Config::default(), Duration::from_millis(50)).await;
    let mut link = linked(&mut test).await;
    let attempt = link.assign("spin()", None);
    runs(&mut link, &attempt).await;
    test.stop();
    let (number, end) = link.end_of(&attempt).await;
    assert!(matches!(outcome(&end), outcome::Kind::Cancelled(_)), "{end:?}");
    link.acknowledge(number);
    while link.hear().await.is_some() {}
    drop(link);
    test.ended().await;
}

#[tokio::test]
async fn a_node_without_an_sms_stops_where_it_has_nothing() {
    let test = started(Config { sms: "http://127.0.0.1:1".to_owned(), ..Config::default() }).await;
    test.stop();
    test.ended().await;
}
