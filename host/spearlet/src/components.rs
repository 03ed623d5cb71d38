//! Components that are ready to run, kept in memory.

mod newest;

use std::sync::Arc;

use quick_cache::sync::Cache;
use spear_agents::{Agents, Prepared, Unready};
use spear_engine::{Attempt, Listener, Report, Running, Terms};
use spear_types::{Code, Implementation, Ran, Refusal, Skipped};
use tokio::task::JoinError;

use self::newest::Newest;
use crate::artifacts::Artifacts;

/// How many are kept: their code is mapped from disk, what is held is a few KiB each.
const KEPT: usize = 1_000;

/// What makes two prepared components the same: never the function's name alone, which another SMS may use for other bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) implementations: Arc<[Implementation]>,
    pub(crate) terms: Terms,
}

/// What runs a version on this node.
pub(crate) struct Ready {
    ran: Ran,
    prepared: Prepared,
}

/// Says of a run's end by what it was run.
#[derive(Clone)]
struct Marked<L> {
    ready: Arc<Ready>,
    listener: L,
}

/// The node's agents and what they have prepared; a cheap clone.
#[derive(Clone)]
pub(crate) struct Components(Arc<Shared>);

struct Shared {
    agents: Agents,
    artifacts: Arc<Artifacts>,
    prepared: Cache<Key, Arc<Ready>>,
    newest: Newest,
}

impl Components {
    pub(crate) fn new(agents: Agents, artifacts: Arc<Artifacts>) -> Self {
        Self(Arc::new(Shared { agents, artifacts, prepared: Cache::new(KEPT), newest: Newest::default() }))
    }

    /// Other agents can run something than before: what was chosen is chosen anew.
    pub(crate) fn choose_anew(&self) {
        self.0.prepared.clear();
    }

    /// The node's agents.
    pub(crate) fn agents(&self) -> &Agents {
        &self.0.agents
    }

    /// The component, where it is prepared.
    pub(crate) fn kept(&self, key: &Key) -> Option<Arc<Ready>> {
        self.0.prepared.get(key)
    }

    /// The prepared component; of many that ask at once one does the work.
    ///
    /// The work goes on when nobody waits for it any more: the next one who asks must not start it again.
    pub(crate) async fn get(&self, key: Key) -> Result<Arc<Ready>, Refusal> {
        if let Some(prepared) = self.kept(&key) {
            return Ok(prepared);
        }
        let shared = Arc::clone(&self.0);
        let made = tokio::spawn(async move { shared.prepared.get_or_insert_async(&key, shared.prepare(&key)).await });
        made.await.map_err(broke_off)?
    }

    pub(crate) async fn run<S: Send + 'static>(
        &self,
        ready: &Arc<Ready>,
        attempt: Attempt,
        slot: S,
    ) -> Result<Report, Refusal> {
        let report = ready.prepared.run(attempt, slot).await?;
        Ok(Report { ran: Some(ready.ran.clone()), ..report })
    }

    pub(crate) fn start<S: Send + 'static>(
        &self,
        ready: &Arc<Ready>,
        attempt: Attempt,
        slot: S,
        listener: impl Listener,
    ) -> Result<Running, Refusal> {
        let listener = Marked { ready: Arc::clone(ready), listener };
        ready.prepared.start(attempt, slot, listener)
    }
}

impl Shared {
    /// The first implementation that can be run here.
    async fn prepare(self: &Arc<Self>, key: &Key) -> Result<Arc<Ready>, Refusal> {
        let (mut skipped, mut lacking) = (Vec::new(), None);
        for implementation in key.implementations.iter() {
            let agent = implementation.agent();
            match self.agents.prepare(implementation, &key.terms, &*self.artifacts).await {
                Ok(prepared) => {
                    let ready = Arc::new(Ready { ran: Ran { agent, skipped }, prepared });
                    if let Some(owner) = &key.terms.owner {
                        self.newest.came(owner, &ready);
                    }
                    return Ok(ready);
                }
                Err(Unready::Unrunnable(unrunnable)) => skipped.push(Skipped { agent, reason: unrunnable.reason }),
                Err(Unready::Lacking(refusal)) => {
                    skipped.push(Skipped { agent, reason: refusal.message.clone() });
                    lacking = Some(refusal);
                }
                Err(Unready::Refused(refusal)) => return Err(refusal),
            }
        }
        if let Some(refusal) = lacking.filter(|_| skipped.len() == 1) {
            return Err(refusal);
        }
        let why: Vec<String> = skipped.iter().map(|Skipped { agent, reason }| format!("{agent}: {reason}")).collect();
        Err(Refusal::new(Code::NoNodeFits, format!("nothing of it runs here: {}", why.join("; "))))
    }
}

impl<L: Listener> Listener for Marked<L> {
    fn wrote(&self) {
        self.listener.wrote();
    }

    fn ended(&self, report: Result<Report, Refusal>) {
        let ran = || Some(self.ready.ran.clone());
        self.listener.ended(report.map(|report| Report { ran: ran(), ..report }));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn broke_off(error: JoinError) -> Refusal {
    Refusal::new(Code::Internal, format!("preparing the component broke off: {error}"))
}
