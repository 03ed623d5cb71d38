//! Which engine there is, as it was a moment ago.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{image::Image, link::Link, words};

/// An answer so old is as good as another one.
const FRESH: Duration = Duration::from_secs(1);
/// An answer so old is given while the next one is fetched. Status is asked for every second or so; one that nobody has asked
/// for in a while is not believed.
const BELIEVED: Duration = Duration::from_secs(10);
/// Until an engine that does not answer is taken for gone. A loaded one takes a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// The engine of one node: found, lost and found again.
#[derive(Debug)]
pub(super) struct Engine {
    hosts: Vec<String>,
    pub(super) prefix: String,
    seen: watch::Sender<Seen>,
    looking: AtomicBool,
    /// Whether something could not be removed.
    pub(super) owing: AtomicBool,
    live: Mutex<HashSet<String>>,
    images: Mutex<HashMap<String, Arc<Image>>>,
}

#[derive(Debug, Clone)]
struct Seen {
    /// None: long ago.
    at: Option<Instant>,
    answer: Result<Arc<Link>, String>,
}

impl Engine {
    pub(super) fn new(hosts: Vec<String>, prefix: String) -> Self {
        let seen = Seen { at: None, answer: Err("the engine was not asked yet".to_owned()) };
        Self {
            hosts,
            prefix,
            seen: watch::Sender::new(seen),
            looking: AtomicBool::new(false),
            owing: AtomicBool::new(false),
            live: Mutex::default(),
            images: Mutex::default(),
        }
    }

    /// The engine, or why there is none. Waits only where nothing is known that can be believed.
    pub(super) async fn link(self: &Arc<Self>) -> Result<Arc<Link>, String> {
        let mut next = self.seen.subscribe();
        let Seen { at, answer } = next.borrow_and_update().clone();
        let age = at.map_or(Duration::MAX, |at| at.elapsed());
        if age < FRESH {
            return answer;
        }
        self.look();
        if age < BELIEVED {
            return answer;
        }
        match timeout(PATIENCE, next.changed()).await {
            Ok(_) => self.seen.borrow().answer.clone(),
            Err(_) => Err(self.silent()),
        }
    }

    /// A request failed on its way: what is remembered is not believed any more.
    pub(super) fn doubt(self: &Arc<Self>) {
        self.seen.send_if_modified(|seen| {
            seen.at = None;
            false
        });
        self.look();
    }

    /// Looks in the background, once at a time.
    fn look(self: &Arc<Self>) {
        if self.looking.swap(true, SeqCst) {
            return;
        }
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            let answer = timeout(PATIENCE, engine.find()).await.unwrap_or_else(|_| Err(engine.silent()));
            let found = answer.as_ref().ok().cloned();
            // In this order: who looks afterwards finds that nobody does, or the answer.
            engine.looking.store(false, SeqCst);
            engine.seen.send_replace(Seen { at: Some(Instant::now()), answer });
            if let Some(link) = found.filter(|_| engine.owing.swap(false, SeqCst)) {
                let removed = engine.sweep(&link.docker).await;
                tracing::info!(removed, "removed containers that the engine could not be told of before");
            }
        });
    }

    /// The one that there was, if it still answers; else the first that does.
    async fn find(&self) -> Result<Arc<Link>, String> {
        let known = self.seen.borrow().answer.clone();
        if let Ok(link) = known
            && link.answers().await.is_ok()
        {
            return Ok(link);
        }
        let mut reasons = Vec::new();
        for host in &self.hosts {
            match Link::to(host).await {
                Ok(link) => return Ok(Arc::new(link)),
                Err(why) => reasons.push((host.as_str(), why)),
            }
        }
        Err(words::none_answers(&reasons))
    }

    fn silent(&self) -> String {
        format!("no container engine: {} does not answer", self.hosts.join(", "))
    }

    /// The names of the sandboxes that this program has.
    pub(super) fn live(&self) -> MutexGuard<'_, HashSet<String>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of images, by how they were asked for.
    pub(super) fn images(&self) -> MutexGuard<'_, HashMap<String, Arc<Image>>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
