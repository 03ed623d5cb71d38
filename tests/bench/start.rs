//! An SMS with a past.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use spear_proto::v1;

use crate::{
    disk,
    harness::{Function, Home, Sms, fill},
    percentile,
};

const ANSWER: usize = 200;

pub(crate) async fn run(folder: &Path, count: u64) {
    let mut sms = Sms::alone_in(Home::alone_in(folder).await, &[]).await;
    sms.api.deploy(&Function::guest("echo")).await.expect("a version");
    sms.stop().await;
    let data = sms.home.path().join("state/spear/sms");
    let begin = Instant::now();
    let all = tokio::task::spawn_blocking({
        let data = data.clone();
        move || fill(&data, "echo", count, ANSWER)
    });
    let all = all.await.expect("a full journal");
    println!("{count} ended tasks with answers of {ANSWER} bytes were written in {:?}", begin.elapsed());
    for start in ["after it was closed", "after a kill", "after another"] {
        let begin = Instant::now();
        sms.kill_and_start_again("sms").await;
        let took = begin.elapsed();
        let (read, memory) = (sms.program.has_read() >> 20, sms.program.peak_memory() >> 20);
        println!("  start, {start}: {took:?}; it read {read} MiB and has {memory} MiB of memory");
    }
    let (size, read) = disk::read(&data.join("tasks.redb"));
    println!("  its file has {} MiB; reading it from end to end takes {read:?}", size >> 20);
    let middle = all[all.len() / 2].to_string();
    let first = v1::ListTasksRequest { limit: Some(100), ..v1::ListTasksRequest::default() };
    let newest = sms.api.page(first.clone()).await.expect("a page").0;
    assert_eq!(newest[0].id, *all.last().expect("a task"));
    let function = Some("echo".to_owned());
    for (what, request) in [
        ("the first page", first.clone()),
        ("one in the middle", v1::ListTasksRequest { after: Some(middle), ..first.clone() }),
        ("one of a function", v1::ListTasksRequest { function, ..first.clone() }),
        ("one of an outcome", v1::ListTasksRequest { states: vec!["succeeded".to_owned()], ..first.clone() }),
        ("one of what nobody has", v1::ListTasksRequest { states: vec!["failed".to_owned()], ..first }),
    ] {
        let mut times = Vec::new();
        for _ in 0..200 {
            let begin = Instant::now();
            sms.api.page(request.clone()).await.expect("a page");
            times.push(begin.elapsed());
        }
        let (p50, p99): (Duration, _) = (percentile(&mut times, 50), percentile(&mut times, 99));
        println!("  {what} of 100: p50 {p50:?}, p99 {p99:?}");
    }
}
