//! A fresh call of `hello`, with every limit on: through the engine, beside its floor, a bare loop over wasmtime that does
//! the same with nothing around it. `cargo xtask bench engine` runs it.

#![allow(missing_docs, reason = "a benchmark has no API")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::FutureExt as _;
use spear_engine::{Attempt, Config, Engine, Prepared};
use spear_hostcalls::{
    Hostcalls,
    objects::{Answer, Backend, Range},
};
use spear_types::{
    BucketName, Code, Digest, Grants, Identity, Limits, ObjectInfo, ObjectKey, ObjectPage, Outcome, Payload, Refusal,
    TaskId,
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
    let engine = Engine::new(&config, Hostcalls::new(Arc::new(NoObjects)))?;
    println!("fresh call of hello, {CALLS} calls, median of {REPETITIONS} repetitions; {}", engine.allocation());
    let floor = measure(|| runtime.block_on(bare.call()))?;
    print("bare loop over wasmtime, epoch and limiter on (floor)", floor, floor);
    for (name, fuel) in [("engine, timed", None), ("engine, metered", Some(1 << 40))] {
        let prepared = prepare(&engine, fuel)?;
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

fn prepare(engine: &Engine, fuel: Option<u64>) -> anyhow::Result<Arc<Prepared>> {
    let path = std::path::Path::new(spear_test_guests::HELLO);
    let digest = Digest::of(&std::fs::read(path)?);
    let limits = Limits { fuel, ..Limits::DEFAULTS };
    Ok(Arc::new(engine.prepare(&digest, path, &Grants::default(), &limits)?))
}

async fn call(engine: &Engine, prepared: &Arc<Prepared>) -> anyhow::Result<()> {
    let identity = Identity {
        task: TaskId::generate(),
        attempt: 1,
        function: "hello".parse()?,
        version: 1,
        node: "bench".parse()?,
        trace_parent: None,
    };
    let call = Payload { body: Bytes::from_static(b"world"), ..Payload::default() };
    let report = engine.run(prepared, Attempt { identity, call }, ()).await?;
    anyhow::ensure!(matches!(report.outcome, Outcome::Succeeded(_)), "{}", report.outcome);
    Ok(())
}

/// `hello` asks for no object.
struct NoObjects;

fn none<'a, T: 'a>() -> Answer<'a, T> {
    async { Err(Refusal::new(Code::Unreachable, "no objects here")) }.boxed()
}

impl Backend for NoObjects {
    fn get<'a>(&'a self, _: &'a BucketName, _: &'a ObjectKey, _: Range, _: u64) -> Answer<'a, Bytes> {
        none()
    }

    fn put<'a>(&'a self, _: &'a BucketName, _: &'a ObjectKey, _: Bytes, _: Option<String>) -> Answer<'a, ObjectInfo> {
        none()
    }

    fn stat<'a>(&'a self, _: &'a BucketName, _: &'a ObjectKey) -> Answer<'a, ObjectInfo> {
        none()
    }

    fn list<'a>(&'a self, _: &'a BucketName, _: String, _: Option<String>, _: u32) -> Answer<'a, ObjectPage> {
        none()
    }

    fn delete<'a>(&'a self, _: &'a BucketName, _: &'a ObjectKey) -> Answer<'a, ()> {
        none()
    }
}
