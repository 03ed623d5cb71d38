//! A call of `hello`, with every limit on: in a fresh instance and in one that waits, beside the floor of a fresh one, a
//! bare loop over wasmtime that does the same with nothing around it. `cargo xtask bench engine` runs it.

#![allow(missing_docs, reason = "a benchmark has no API")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use spear_engine::{Attempt, Config, Engine, Prepared, Terms};
use spear_hostcalls::{
    Backends, Hostcalls,
    files::Folders,
    http::Network,
    kv,
    objects::{self, Answer, Operation, Range},
    secrets,
    tasks::{self, Invocation, NewTask},
};
use spear_types::{
    BucketName, Code, Condition, Digest, Identity, KvChange, KvChanged, KvEntry, KvKey, KvPage, Limits, ObjectChange,
    ObjectInfo, ObjectKey, ObjectPage, Outcome, Payload, Pool, Refusal, Reuse, SecretName, Settings, StoreName, TaskId,
    TaskInfo,
};
use tokio::runtime::Runtime;

mod bare;

const CALLS: usize = 5_000;
const REPETITIONS: usize = 5;

fn main() -> anyhow::Result<()> {
    let runtime = Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let bare = bare::Bare::new()?;
    let config = Config { slots: 64, threads: 2, maxima: Limits::MAXIMA, cache: folder.path().join("compiled") };
    let _context = runtime.enter();
    let nowhere = Arc::new(Nowhere);
    let backends = Backends {
        objects: nowhere.clone(),
        kv: nowhere.clone(),
        tasks: nowhere.clone(),
        secrets: nowhere,
        network: Network::new(None)?,
        folders: Folders::default(),
    };
    let engine = Engine::new(&config, Hostcalls::new(backends))?;
    println!("call of hello, {CALLS} calls, median of {REPETITIONS} repetitions; {}", engine.allocation());
    let floor = measure(|| runtime.block_on(bare.call()))?;
    print("bare loop over wasmtime, epoch and limiter on (floor)", floor, floor);
    let serial = Reuse::Serial(Pool { calls: u32::MAX, ..Pool::default() });
    for (name, fuel, reuse) in [
        ("engine, timed", None, Reuse::Never),
        ("engine, metered", Some(1 << 40), Reuse::Never),
        ("engine, timed, one instance for all calls", None, serial),
        ("engine, metered, one instance for all calls", Some(1 << 40), serial),
    ] {
        let prepared = prepare(&engine, fuel, reuse)?;
        print(name, measure(|| runtime.block_on(call(&engine, &prepared)))?, floor);
    }
    Ok(())
}

/// p50 and p99.
type Spread = (Duration, Duration);

fn measure(mut call: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Spread> {
    let mut spreads = Vec::new();
    for _ in 0..REPETITIONS {
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let started = Instant::now();
            call()?;
            times.push(started.elapsed());
        }
        times.sort_unstable();
        spreads.push((times[CALLS / 2], times[CALLS * 99 / 100]));
    }
    spreads.sort_unstable();
    Ok(spreads[REPETITIONS / 2])
}

fn print(name: &str, (p50, p99): Spread, floor: Spread) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let ratio = micros(p50) / micros(floor.0);
    println!("{name:55} p50 {:7.1} µs  p99 {:7.1} µs  {ratio:5.2} × floor", micros(p50), micros(p99));
}

fn prepare(engine: &Engine, fuel: Option<u64>, reuse: Reuse) -> anyhow::Result<Arc<Prepared>> {
    let path = std::path::Path::new(spear_test_guests::HELLO);
    let digest = Digest::of(&std::fs::read(path)?);
    let limits = Limits { fuel, ..Limits::DEFAULTS };
    let terms = Terms { limits, granted: Arc::default(), settings: Settings::default(), owner: None };
    Ok(engine.prepare(&digest, path, &terms, reuse)?)
}

async fn call(engine: &Engine, prepared: &Arc<Prepared>) -> anyhow::Result<()> {
    let identity = Identity {
        task: TaskId::generate(),
        attempt: 1,
        function: "hello".parse()?,
        version: 1,
        node: "bench".parse()?,
        trace_parent: None,
        callers: Vec::new(),
    };
    let call = Payload { body: Bytes::from_static(b"world"), ..Payload::default() };
    let report = engine.run(prepared, Attempt { identity, call: call.into(), time: None }, ()).await?;
    anyhow::ensure!(matches!(report.outcome, Outcome::Succeeded(_)), "{}", report.outcome);
    Ok(())
}

/// `hello` asks for nothing.
struct Nowhere;

fn none<'a, T: 'a>() -> BoxFuture<'a, Result<T, Refusal>> {
    async { Err(Refusal::new(Code::Unreachable, "there is nothing here")) }.boxed()
}

impl objects::Backend for Nowhere {
    fn get<'a>(&'a self, _: &'a BucketName, _: &'a ObjectKey, _: Range, _: u64) -> Answer<'a, Bytes> {
        none()
    }

    fn put<'a>(
        &'a self,
        _: &'a BucketName,
        _: &'a ObjectKey,
        _: Bytes,
        _: Option<String>,
        _: Condition,
    ) -> Answer<'a, ObjectInfo> {
        none()
    }

    fn stat<'a>(&'a self, _: &'a BucketName, _: &'a ObjectKey) -> Answer<'a, ObjectInfo> {
        none()
    }

    fn list<'a>(&'a self, _: &'a BucketName, _: String, _: Option<String>, _: u32) -> Answer<'a, ObjectPage> {
        none()
    }

    fn change<'a>(&'a self, _: &'a BucketName, _: &'a ObjectKey, _: ObjectChange) -> Answer<'a, Option<ObjectInfo>> {
        none()
    }

    fn batch<'a>(&'a self, _: &'a BucketName, _: Vec<Operation>) -> Answer<'a, Vec<Option<ObjectInfo>>> {
        none()
    }
}

impl kv::Backend for Nowhere {
    fn get<'a>(&'a self, _: &'a StoreName, _: Vec<KvKey>) -> Answer<'a, Vec<Option<KvEntry>>> {
        none()
    }

    fn apply<'a>(&'a self, _: &'a StoreName, _: Vec<KvChange>) -> Answer<'a, Vec<KvChanged>> {
        none()
    }

    fn list<'a>(&'a self, _: &'a StoreName, _: String, _: Option<String>, _: u32) -> Answer<'a, KvPage> {
        none()
    }
}

impl tasks::Backend for Nowhere {
    fn invoke(&self, _: Invocation) -> BoxFuture<'_, Result<Outcome, Refusal>> {
        none()
    }

    fn submit(&self, _: NewTask) -> BoxFuture<'_, Result<TaskId, Refusal>> {
        none()
    }

    fn status(&self, _: TaskId, _: Duration) -> BoxFuture<'_, Result<(TaskInfo, Option<Outcome>), Refusal>> {
        none()
    }
}

impl secrets::Backend for Nowhere {
    fn get<'a>(&'a self, _: &'a SecretName) -> BoxFuture<'a, Result<Bytes, Refusal>> {
        none()
    }
}
