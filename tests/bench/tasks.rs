//! One SMS and one Spearlet, each a process of its own: durable tasks that do nothing.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use spear_proto::v1::{self, watch_tasks_request::Of};
use spear_types::{TaskId, TaskState, Timestamp};
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
};

use crate::{
    disk,
    harness::{Api, Function, Home, NewTask, Program, Sms, Spearlet, pause},
    percentile,
};

const BATCH: u64 = 1_000;
/// Who submits a batch while the one before runs.
const CLIENTS: u64 = 4;

pub(crate) async fn run(folder: &Path, count: u64) {
    let sms = Sms::alone_in(Home::alone_in(folder).await, &[]).await;
    let node = Spearlet::of(&sms, "one").await;
    sms.api.deploy(&Function::guest("echo")).await.expect("a version");
    // Code is fetched and compiled, threads and connections are there.
    let warm = submit(&sms.url, 10).await;
    nothing_is_left(&sms.api).await;

    throughput(&sms, &node, count.div_ceil(BATCH), warm).await;
    let fsync = disk::show(folder, "after");
    latency(&sms.api, fsync).await;
}

/// Submits batches from all clients; the ids.
async fn submit(url: &str, batches: u64) -> Vec<TaskId> {
    let left = Arc::new(Mutex::new(batches));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (api, left) = (Api::new(url), Arc::clone(&left));
        clients.spawn(async move {
            let mut ids = Vec::new();
            loop {
                {
                    let mut left = left.lock().await;
                    if *left == 0 {
                        return ids;
                    }
                    *left -= 1;
                }
                let tasks = (0..BATCH).map(|_| NewTask::of("echo", ""));
                ids.extend(api.submit_all(tasks).await.expect("an acknowledged batch").into_iter().map(|(id, _)| id));
            }
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

async fn nothing_is_left(api: &Api) {
    let states = ["queued", "assigned", "running"].map(str::to_owned).to_vec();
    let request = v1::ListTasksRequest { states, limit: Some(1), ..v1::ListTasksRequest::default() };
    while !api.page(request.clone()).await.expect("a listing").0.is_empty() {
        pause().await;
    }
}

async fn throughput(sms: &Sms, node: &Spearlet, batches: u64, warm: Vec<TaskId>) {
    let (sms_cpu, node_cpu) = (cpu(&sms.program), cpu(&node.program));
    let begin = Instant::now();
    let ids = submit(&sms.url, batches).await;
    let acknowledged = begin.elapsed();
    nothing_is_left(&sms.api).await;
    let took = begin.elapsed();
    let (sms_cpu, node_cpu) = (cpu(&sms.program) - sms_cpu, cpu(&node.program) - node_cpu);

    let count = ids.len() as u32;
    let rate = |time: Duration| f64::from(count) / time.as_secs_f64();
    println!("{count} durable tasks that do nothing, in batches of {BATCH} from {CLIENTS} clients, one node:");
    println!("  acknowledged   {:>10.0}/s   in {acknowledged:?}", rate(acknowledged));
    println!("  recorded ends  {:>10.0}/s   in {took:?}", rate(took));
    println!("  computing      SMS {:?} a task, Spearlet {:?} a task", sms_cpu / count, node_cpu / count);
    println!("  memory         SMS {} MiB, Spearlet {} MiB", mib(sms), node.program.peak_memory() >> 20);

    let listed = sms.api.list(None, &[]).await.expect("a listing");
    let wanted: BTreeSet<_> = ids.iter().chain(&warm).copied().collect();
    let ended: BTreeSet<_> = listed.iter().map(|task| task.id).collect();
    let attempts: u64 = listed.iter().map(|task| u64::from(task.attempt)).sum();
    assert!(ended == wanted && listed.len() == wanted.len(), "{} of {} are listed", listed.len(), wanted.len());
    assert!(listed.iter().all(|task| task.state.name() == "succeeded"));
    for task in ids.iter().step_by(ids.len() / 100 + 1) {
        assert_eq!(sms.api.ended(*task).await.text(), "");
    }
    println!("  counted        each of them ended once, in {attempts} attempts with {} to warm up", warm.len());
}

/// The time that a program's threads have computed.
fn cpu(program: &Program) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", program.id())).expect("a running program");
    // The name is in brackets and may have blanks; user and system time are the 12th and 13th after it.
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

fn mib(sms: &Sms) -> u64 {
    sms.program.peak_memory() >> 20
}

/// One task at a time, once the one before has ended.
async fn latency(api: &Api, fsync: Duration) {
    const TIMES: usize = 500;
    let mut watch = api.watch(Of::Function("echo".to_owned())).await.expect("a watch");
    let (seen, mut changes) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        // It breaks when the SMS is ended.
        while let Ok(Some(task)) = watch.try_next().await {
            let _ = seen.send((task, Instant::now()));
        }
    });
    let (mut by_client, mut by_sms, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TIMES {
        let begin = Instant::now();
        let task = api.submit(NewTask::of("echo", "")).await.expect("a task");
        let mut running: HashMap<TaskId, (Instant, Timestamp)> = HashMap::new();
        loop {
            let (info, at) = changes.recv().await.expect("the watch goes on");
            match info.state {
                TaskState::Running { since, .. } => drop(running.insert(info.id, (at, since))),
                TaskState::Ended { .. } if info.id == task => {
                    let (at_client, since) = running[&task];
                    by_client.push(at_client - begin);
                    by_sms.push(since.since(info.submitted));
                    ended.push(at - begin);
                    break;
                }
                TaskState::Ended { .. } | TaskState::Queued { .. } | TaskState::Assigned { .. } => {}
            }
        }
    }
    println!("one task at a time on an idle system, {TIMES} times:");
    for (what, times) in [
        ("submit → running, by the client", &mut by_client),
        ("submitted → running, by the SMS", &mut by_sms),
        ("submit → ended, by the client", &mut ended),
    ] {
        let (p50, p99) = (percentile(times, 50), percentile(times, 99));
        let ratio = p50.as_secs_f64() / fsync.as_secs_f64();
        println!("  {what:<32} p50 {p50:>10.1?}   p99 {p99:>10.1?}   p50 is {ratio:.2} × one fdatasync");
    }
}
