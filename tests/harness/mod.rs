//! Real programs on sockets of their own, and what tests ask of them.
//!
//! ```text
//! Home ─▶ Program ─▶ Sms, Spearlet ─┬▶ Api: raw gRPC, to be as rude as a client can be
//! folder  process    what they say  ├▶ Link: the same, as a node
//!                    Proxy between  └▶ Ran: the command line, as a person has it
//! ```

mod api;
mod follow;
mod full_node;
mod function;
mod home;
mod journal;
pub(crate) mod link;
mod program;
mod proxy;
mod random;
mod refused;
mod sms;
mod spearlet;
mod tasks;
mod tools;
mod web;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

pub(crate) use self::{
    api::{Answer, Api, Invoked, TaskLog, payload},
    follow::{Place, assert_whole},
    full_node::FullNode,
    function::{Function, messages},
    home::{Home, Ran},
    journal::fill,
    link::{Link, register},
    program::Program,
    proxy::{Cable, Proxy},
    random::{Random, seed},
    refused::Refused,
    sms::{Kept, Sms},
    spearlet::Spearlet,
    tasks::{Ended, NewTask, Watch, ended_at, retries},
    tools::Tools,
    web::Web,
};

/// Far longer than anything takes, building a project on a busy machine too: who waits so long waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits for something that has no event of its own to wait for: what another process remembers.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < end, "never came within {PATIENCE:?}: {what}");
        pause().await;
    }
}

/// Between two looks at what has no event, or two calls of who may be dead.
pub(crate) async fn pause() {
    const PAUSE: Duration = Duration::from_millis(5);
    sleep(PAUSE).await;
}

/// Waits for an event.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    timeout(PATIENCE, event).await.unwrap_or_else(|_| panic!("never came within {PATIENCE:?}: {what}"))
}

/// How often a time is taken. The machine under us may take a core away for longer than any promise.
pub(crate) const ROUNDS: usize = 9;

/// Holds the median of how late runs were against what SPEAR promises of a limit's end.
pub(crate) fn assert_in_time(what: &str, mut late: Vec<Duration>) {
    const PROMISED: Duration = Duration::from_millis(10);
    late.sort();
    assert!(late[late.len() / 2] <= PROMISED, "{what}: late by {late:?}");
}

/// The folder of a guest, with its manifest.
pub(crate) fn example(guest: &str) -> PathBuf {
    root().join("examples-guests").join(guest)
}

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in host/spear")
}
