//! `cargo xtask demo`: what SPEAR does, on real input, in one go.

use std::{fs, path::Path};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::Value;

use crate::{
    cluster::{Build, Cluster},
    guests, shell,
};

const PICTURE: &str = "tests/assets/picture.jpg";

/// Build everything, run it, and show what it does.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Leave it running and say how to talk to it.
    #[arg(long)]
    keep: bool,
    #[arg(skip)]
    build: Build,
}

impl Demo {
    /// The demo on what the tests built.
    pub(crate) fn with_tests() -> Self {
        Self { keep: false, build: Build::WithTests }
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        guests::require_target("wasm32-wasip2")?;
        guests::build(&["hello", "thumbnail", "spin"])?;
        let cluster = Cluster::start(self.build)?;
        for guest in ["hello", "thumbnail", "spin"] {
            cluster.deploy(&shell::root().join("examples-guests").join(guest))?;
        }
        greet(&cluster)?;
        shrink(&cluster)?;
        stop_spinning(&cluster)?;
        after(&cluster)?;
        println!("\nEverything was right.");
        if self.keep {
            println!("{}", cluster.keep());
        }
        Ok(())
    }
}

/// An answer, a log line and the usage.
fn greet(cluster: &Cluster) -> anyhow::Result<()> {
    title("hello: text in, text out, a line of log");
    let invoked = cluster.ask(["invoke", "hello", "--data", "world"])?;
    ensure!(invoked["outcome"]["body"] == "Hello, world!", "hello answered {invoked}");
    show_run(&invoked);
    let task = invoked["task"].as_str().context("an invoke has a task")?;
    let logs = cluster.ask(["logs", task])?;
    let line = &logs[0]["lines"][0];
    ensure!(line["message"] == "greeting world", "the log of hello is {logs}");
    println!("  log      {} {} {}", line["level"], line["message"], line["fields"]);
    Ok(())
}

/// A real picture in, a smaller one out, and the same one again.
fn shrink(cluster: &Cluster) -> anyhow::Result<()> {
    title("thumbnail: a picture from one bucket, a smaller one into another");
    cluster.ask(["object", "put", "photos/picture.jpg", PICTURE])?;
    let call = ["invoke", "thumbnail", "--data", r#"{"key":"picture.jpg","width":200}"#];
    let (first, second) = (cluster.ask(call)?, cluster.ask(call)?);
    let answer = |invoked: &Value| -> anyhow::Result<Value> {
        let body = invoked["outcome"]["body"].as_str().with_context(|| format!("thumbnail answered {invoked}"))?;
        Ok(serde_json::from_str(body)?)
    };
    ensure!(answer(&first)?["etag"] == answer(&second)?["etag"], "two runs gave two pictures: {first} {second}");
    show_run(&first);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("thumbnail.jpg");
    cluster.ask(["object".as_ref(), "get".as_ref(), "thumbnails/picture.jpg".as_ref(), file.as_os_str()])?;
    let (before, after) = (size(&shell::root().join(PICTURE))?, size(&file)?);
    println!("  picture  {before} → {after}");
    ensure!(before == "1000×750" && after == "200×150", "the picture has another size than was asked");
    Ok(())
}

/// A guest that never ends, ended by its limit.
fn stop_spinning(cluster: &Cluster) -> anyhow::Result<()> {
    title("spin: a function that never ends meets its limit of 500 ms");
    let invoked = cluster.ask(["invoke", "spin"])?;
    show_run(&invoked);
    ensure!(invoked["outcome"]["kind"] == "timed-out", "spin ended as {invoked}");
    let wall = invoked["usage"]["wall_ms"].as_f64().context("a run has its wall time")?;
    ensure!((500.0..600.0).contains(&wall), "spin ended after {wall} ms");
    Ok(())
}

/// The node serves on, and everything is where it should be.
fn after(cluster: &Cluster) -> anyhow::Result<()> {
    title("after that");
    let nodes = cluster.ask(["node", "ls"])?;
    ensure!(nodes[0]["state"] == "live", "the node is {nodes}");
    cluster.show(["function", "ls"])?;
    cluster.show(["object", "ls", "thumbnails"])?;
    cluster.show(["node", "ls"])
}

fn show_run(invoked: &Value) {
    let Value::Object(outcome) = &invoked["outcome"] else { return };
    let told = outcome.iter().filter(|(key, value)| !value.is_null() && !["kind", "headers"].contains(&key.as_str()));
    let told: Vec<String> = told.map(|(key, value)| format!("{key} {value}")).collect();
    println!("  outcome  {}: {}", invoked["outcome"]["kind"].as_str().unwrap_or("?"), told.join(", "));
    let usage = &invoked["usage"];
    let fuel = usage["fuel"].as_u64().map_or_else(|| "not metered".to_owned(), |fuel| fuel.to_string());
    println!(
        "  usage    wall {} ms, cpu {} ms, peak memory {} bytes, fuel {fuel}",
        usage["wall_ms"], usage["cpu_ms"], usage["peak_memory_bytes"]
    );
}

fn title(text: &str) {
    println!("\n── {text}");
}

fn size(picture: &Path) -> anyhow::Result<String> {
    let bytes = fs::read(picture).with_context(|| format!("cannot read {}", picture.display()))?;
    let size = imagesize::blob_size(&bytes)?;
    Ok(format!("{}×{}", size.width, size.height))
}
