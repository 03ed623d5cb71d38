//! What was done long ago costs a start nothing, and a page little.

use spear_proto::v1;
use spear_types::TaskId;

use crate::harness::{Home, NewTask, Sms, fill};

#[tokio::test]
async fn a_start_takes_memory_for_what_has_to_be_done_and_a_page_reads_a_page() {
    const TASKS: u64 = 50_000;
    const ANSWER: usize = 2_000;
    let mut sms = Sms::alone_in(Home::new().await, &[]).await;
    sms.deploy("echo").await;
    let empty = sms.program.peak_memory();
    assert_eq!(sms.stop().await, Some(0));
    let folder = sms.home.path().join("state/spear/sms");
    let all = tokio::task::spawn_blocking(move || fill(&folder, "echo", TASKS, ANSWER)).await.unwrap();
    let answers = TASKS * ANSWER as u64;

    for start in ["after it was closed", "after a kill"] {
        sms.kill_and_start_again("sms").await;
        let more = sms.program.peak_memory().saturating_sub(empty);
        assert!(more < answers / 2, "{start} it took {more} bytes more than an empty one; the answers are {answers}");
    }
    let before = sms.program.has_read();
    let newest: Vec<_> = all.iter().rev().copied().collect();
    let request = v1::ListTasksRequest { limit: Some(100), ..v1::ListTasksRequest::default() };
    let page = async |request: v1::ListTasksRequest| -> Vec<TaskId> {
        let (page, next) = sms.api.page(request).await.unwrap();
        assert!(next.is_some());
        page.into_iter().map(|task| task.id).collect()
    };
    assert_eq!(page(request.clone()).await, newest[..100]);
    let after = sms.api.page(v1::ListTasksRequest { limit: Some(1_000), ..request.clone() }).await.unwrap().1;
    assert_eq!(page(v1::ListTasksRequest { after, ..request.clone() }).await, newest[1_000..1_100]);
    let function = Some("echo".to_owned());
    assert_eq!(page(v1::ListTasksRequest { function, ..request }).await, newest[..100]);
    let read = sms.program.has_read() - before;
    // However many tasks there are, and without the answers of those on the page.
    let rows = 100 + 1_000 + 100 + 100;
    assert!(read < rows * ANSWER as u64 / 4, "four pages of {rows} tasks read {read} bytes");

    // It knows each key, and the first one's answer.
    let first =
        sms.api.submit_all([NewTask::of("echo", "0").key("0"), NewTask::of("echo", "49999").key("49999")]).await;
    assert_eq!(first.unwrap(), [(all[0], true), (all[49_999], true)]);
    assert_eq!(sms.api.ended(all[0]).await.text().len(), ANSWER);
}
