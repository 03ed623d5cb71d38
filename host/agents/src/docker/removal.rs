//! Nothing is left: neither of a sandbox that is over nor of an earlier program.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::SeqCst},
    time::Duration,
};

use bollard::{
    Docker,
    errors::Error,
    models::ContainerSummary,
    query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder},
};
use futures::StreamExt;
use tokio::time::timeout;

use super::{create::PREFIX_LABEL, engine::Engine, words};

/// Until the engine has to have removed a container; more is left to a sweep. Killing and unmounting takes tens of ms.
const PATIENCE: Duration = Duration::from_secs(20);
/// Removed at once in a sweep; an engine takes no more at a time to any effect.
const AT_ONCE: usize = 8;

impl Engine {
    /// Removes the container with this name, whatever it does. What fails is owed, and done when the engine answers again.
    pub(super) async fn remove(self: &Arc<Self>, docker: &Docker, name: &str) {
        let gone = timeout(PATIENCE, remove(docker, name)).await.unwrap_or(Err(Error::RequestTimeoutError));
        self.live().remove(name);
        if let Err(error) = gone {
            tracing::warn!(container = name, error = words::of(&error), "a container could not be removed; it will be");
            self.owe();
            self.doubt();
        }
    }

    /// Removes every container of this node's that no sandbox of this program has. How many there were.
    pub(super) async fn sweep(self: &Arc<Self>, docker: &Docker) -> usize {
        let left = match self.left(docker).await {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!(error = words::of(&error), "containers that are left could not be listed; they will be");
                return self.owe();
            }
        };
        futures::stream::iter(&left).for_each_concurrent(AT_ONCE, |name| self.remove(docker, name)).await;
        left.len()
    }

    /// Notes that something could not be removed. Nothing was.
    pub(super) fn owe(&self) -> usize {
        self.owing.store(true, SeqCst);
        0
    }

    async fn left(&self, docker: &Docker) -> Result<Vec<String>, Error> {
        let ours = HashMap::from([("label".to_owned(), vec![format!("{PREFIX_LABEL}={}", self.prefix)])]);
        let all = ListContainersOptionsBuilder::new().all(true).filters(&ours).build();
        let all = docker.list_containers(Some(all)).await?;
        let live = self.live();
        Ok(all.into_iter().filter_map(name_of).filter(|name| !live.contains(name)).collect())
    }
}

fn name_of(container: ContainerSummary) -> Option<String> {
    let name = container.names?.into_iter().next()?;
    Some(name.strip_prefix('/').map_or_else(|| name.clone(), str::to_owned))
}

/// Until it is not there any more; also where somebody else removes it.
async fn remove(docker: &Docker, name: &str) -> Result<(), Error> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker.remove_container(name, Some(options)).await {
        Err(error) if words::says_missing(&error) => Ok(()),
        Err(Error::DockerResponseServerError { status_code: 409, .. }) => {
            let removed = WaitContainerOptionsBuilder::new().condition("removed").build();
            // Whatever it answers: it is gone then.
            let _gone = docker.wait_container(name, Some(removed)).next().await;
            Ok(())
        }
        done => done,
    }
}
