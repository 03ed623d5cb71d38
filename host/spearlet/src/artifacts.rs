//! Artifacts by digest: fetched once from the SMS, verified, kept.

use std::{
    collections::BTreeSet,
    mem,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use spear_admission::{Component, MAX_COMPONENT};
use spear_proto::v1::{FetchArtifactRequest, node_service_client::NodeServiceClient};
use spear_store::{Blobs, Error, NewBlob};
use spear_types::{Code, Digest, MAX_ARTIFACTS, Refusal};
use spear_wire::from_status;
use tonic::transport::Channel;

/// The node's artifacts.
pub(crate) struct Artifacts {
    components: Blobs,
    /// Files of programs. What lies here was not looked at as a component.
    archives: Blobs,
    sms: NodeServiceClient<Channel>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: BTreeSet<Digest>,
    /// Those that the SMS was not told of.
    fresh: Vec<Digest>,
}

impl Artifacts {
    pub(crate) async fn open(folder: &Path, sms: Channel) -> Result<Self, Error> {
        let components = Blobs::open(&folder.join("components")).await?;
        let archives = Blobs::open(&folder.join("archives")).await?;
        let mut all = components.digests(MAX_ARTIFACTS).await?;
        all.extend(archives.digests(MAX_ARTIFACTS).await?);
        let all = all.into_iter().take(MAX_ARTIFACTS).collect();
        Ok(Self {
            components,
            archives,
            sms: NodeServiceClient::new(sms),
            held: Mutex::new(Held { all, fresh: Vec::new() }),
        })
    }

    /// What the node holds, as far as the SMS wants to know: for a new link.
    pub(crate) fn held(&self) -> Vec<String> {
        let mut held = self.lock();
        held.fresh.clear();
        held.all.iter().map(ToString::to_string).collect()
    }

    /// What came since the SMS was told last.
    pub(crate) fn take_fresh(&self) -> Vec<String> {
        mem::take(&mut self.lock().fresh).iter().map(ToString::to_string).collect()
    }

    /// The artifact's bytes from the SMS, on their way to one of the shelves.
    ///
    /// # Errors
    /// `UnknownArtifact` when the SMS has none, `DigestMismatch` when what it sent is another.
    async fn fetch(&self, shelf: &Blobs, digest: &Digest) -> Result<NewBlob, Refusal> {
        let request = FetchArtifactRequest { digest: digest.to_string() };
        let mut chunks = self.sms.clone().fetch_artifact(request).await.map_err(not_fetched)?.into_inner();
        let mut writer = shelf.writer(MAX_COMPONENT).await?;
        while let Some(chunk) = chunks.message().await.map_err(not_fetched)? {
            writer.write(chunk.data).await?;
        }
        let blob = writer.finish().await?;
        if blob.digest() != *digest {
            let message = format!("the SMS sent an artifact of digest {} for {digest}", blob.digest());
            return Err(Refusal::new(Code::DigestMismatch, message));
        }
        Ok(blob)
    }

    async fn keep(&self, shelf: &Blobs, blob: NewBlob) -> Result<(), Refusal> {
        let digest = blob.digest();
        shelf.keep(blob).await?;
        self.lock().add(digest);
        tracing::info!(%digest, "artifact fetched");
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // At the worst the SMS is told of one artifact less.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl spear_agents::Artifacts for Artifacts {
    async fn component(&self, digest: &Digest) -> Result<PathBuf, Refusal> {
        if !self.components.contains(digest).await? {
            let blob = self.fetch(&self.components, digest).await?;
            check(&blob).await?;
            self.keep(&self.components, blob).await?;
        }
        Ok(self.components.path(digest))
    }

    async fn archive(&self, digest: &Digest) -> Result<PathBuf, Refusal> {
        if !self.archives.contains(digest).await? {
            let blob = self.fetch(&self.archives, digest).await?;
            self.keep(&self.archives, blob).await?;
        }
        Ok(self.archives.path(digest))
    }
}

impl Held {
    fn add(&mut self, digest: Digest) {
        if self.all.len() < MAX_ARTIFACTS && self.all.insert(digest) {
            self.fresh.push(digest);
        }
    }
}

/// An SMS that this node cannot reach is no reason for the SMS to think that the node is gone.
fn not_fetched(status: tonic::Status) -> Refusal {
    let refusal = from_status(status);
    match refusal.code {
        Code::Unreachable => {
            Refusal::new(Code::Internal, format!("the node cannot fetch the artifact: {}", refusal.message))
        }
        _ => refusal,
    }
}

/// The SMS has looked at it as well, but it is this process that a malformed component would bring down: the engine's own
/// validator overflows its stack on some.
async fn check(blob: &NewBlob) -> Result<(), Refusal> {
    let bytes = blob.read().await?;
    let read = tokio::task::spawn_blocking(move || Component::read(&bytes)).await;
    read.map_err(|error| Refusal::new(Code::Internal, format!("the check broke off: {error}")))?.map(|_| ())
}
