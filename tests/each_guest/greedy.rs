//! The host's memory stays bounded, whatever a guest asks for.

use std::fs;

use spear_types::Outcome;

use crate::harness::Sms;

/// What the host may take on top of what it takes anyway: the guest's own memory of 64 MiB, and as much again.
const ROOM_KIB: u64 = 128 << 10;

/// The most memory that the program ever had, in KiB.
fn peak(sms: &Sms) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", sms.program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn with_greedy() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("greedy").await;
    // Compiling takes memory too, and is not what is measured.
    let outcome = sms.api.invoke("greedy", "").await.unwrap().outcome;
    assert_eq!(outcome.name(), "failed");
    sms
}

/// What came of asking in this way, within bounded memory.
async fn ask(way: &str) -> Outcome {
    let sms = with_greedy().await;
    let before = peak(&sms);
    let outcome = sms.api.invoke("greedy", way.to_owned()).await.unwrap().outcome;
    let taken = peak(&sms) - before;
    assert!(taken < ROOM_KIB, "{way}: the host took {taken} KiB more; {outcome}");
    outcome
}

fn assert_over_limit(outcome: &Outcome, names: &str) {
    let Outcome::Failed(failure) = outcome else { panic!("{outcome}") };
    assert!(failure.code == "over-limit" && failure.message.contains(names), "{outcome}");
}

#[tokio::test]
async fn a_million_handles_meet_the_limit_of_handles() {
    assert_over_limit(&ask("handles").await, "`handles`");
}

#[tokio::test]
async fn ten_thousand_keys_or_operations_are_too_many_for_one_batch() {
    for way in ["keys", "operations"] {
        assert_over_limit(&ask(way).await, &format!("10000 {way} are over the limit of 1000 for a batch"));
    }
}

#[tokio::test]
async fn what_requests_without_a_grant_are_called_is_not_kept() {
    let Outcome::Succeeded(reply) = ask("requests").await else { panic!("it asks for no grant") };
    assert_eq!(reply.body, "0");
}

#[tokio::test]
async fn an_object_over_the_payload_limit_is_not_taken() {
    assert_over_limit(&ask("object").await, "`payload`");
}

#[tokio::test]
async fn a_list_of_4_gib_in_one_mib_is_broken_off_at_the_limit_of_hostcall_bytes() {
    let outcome = ask("list").await;
    assert!(
        matches!(&outcome, Outcome::Trapped(trap) if trap.message.contains("fuel") || trap.message.contains("hostcall")),
        "{outcome}"
    );
}

#[tokio::test]
async fn a_line_of_1_gib_is_not_believed_and_one_of_40_mib_is_not_taken() {
    for way in ["message", "line"] {
        let outcome = ask(way).await;
        assert!(matches!(&outcome, Outcome::Trapped(_)), "{way}: {outcome}");
    }
}

#[tokio::test]
async fn a_gib_on_standard_output_without_an_end_of_line_is_cut_into_lines_up_to_the_limit() {
    let outcome = ask("stdout").await;
    assert_eq!(outcome.name(), "succeeded", "{outcome}");
}
