//! A deploy: header, bytes, checks, and only then a version. Whatever is refused leaves nothing behind.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use spear_admission::{Component, Entry, MAX_COMPONENT, Review};
use spear_proto::v1::{self, deploy_request::Part};
use spear_state::Command;
use spear_store::{Deployed, FunctionDraft, NewBlob, Store};
use spear_types::{
    AgentKind, Artifact, Code, FunctionName, FunctionSpec, GrantPolicy, Granted, Grants, Implementation, LimitPolicy,
    Limits, NO_SERIAL_COMMAND, Refusal, Reuse,
};
use spear_wire::{Decode as _, from_status, required};
use tokio::{sync::Semaphore, time::timeout};
use tonic::Streaming;

use crate::{enforceable::enforceable, functions::Functions, scheduler::Scheduler};

/// How long an upload may pause: it holds a file, and a deploy its function's name.
pub(crate) const PAUSE: Duration = Duration::from_secs(30);

/// Makes versions of functions.
pub(crate) struct Deploys {
    store: Store,
    policy: LimitPolicy,
    grants: Arc<GrantPolicy>,
    functions: Functions,
    scheduler: Scheduler,
    under_way: Arc<Mutex<HashSet<FunctionName>>>,
    /// A component made for it keeps the validator busy for seconds: one at a time, so an author cannot take every core.
    checking: Arc<Semaphore>,
}

/// A deploy whose header was accepted.
struct Plan {
    spec: FunctionSpec,
    limits: Limits,
    turn: Turn,
}

/// The right to deploy a function; dropping it gives it back.
struct Turn {
    name: FunctionName,
    under_way: Arc<Mutex<HashSet<FunctionName>>>,
}

impl Deploys {
    pub(crate) fn new(
        store: Store,
        policy: LimitPolicy,
        grants: Arc<GrantPolicy>,
        functions: Functions,
        scheduler: Scheduler,
    ) -> Self {
        let (under_way, checking) = (Arc::default(), Arc::new(Semaphore::new(1)));
        Self { store, policy, grants, functions, scheduler, under_way, checking }
    }

    /// Takes a deploy to its end.
    ///
    /// # Errors
    /// Everything that can be known from the header is refused before a byte of the artifact is taken.
    pub(crate) async fn deploy(&self, mut parts: Streaming<v1::DeployRequest>) -> Result<Deployed, Refusal> {
        let Part::Header(header) = next(&mut parts).await?.ok_or_else(no_header)? else { return Err(no_header()) };
        let plan = self.plan(header)?;
        let granted = self.granted(&plan.spec.name, plan.spec.grants.clone());
        let blobs = self.receive(&mut parts, &plan.spec.implementations, &granted).await?;
        let Plan { spec, limits, turn } = plan;
        let FunctionSpec { name, description, limits: _, grants: _, settings, placement, implementations } = spec;
        let draft = FunctionDraft { name, description, limits, grants: granted, settings, placement, implementations };
        let (store, functions, scheduler) = (self.store.clone(), self.functions.clone(), self.scheduler.clone());
        to_its_end(async move {
            let (_turn, _held) = (turn, functions.hold().await);
            let deployed = store.deploy(draft, blobs, SystemTime::now()).await?;
            if let Deployed::Created(function) = &deployed {
                functions.changed(&function.name);
                let function = functions.limited(function.clone()).function;
                scheduler.apply_now(Command::FunctionDeployed(function))?;
            }
            Ok(deployed)
        })
        .await
    }

    /// Deletes a function with all its versions, and says how many there were. Its tasks and schedules end.
    ///
    /// # Errors
    /// `UnknownFunction`.
    pub(crate) async fn delete(&self, name: FunctionName) -> Result<u32, Refusal> {
        let (store, functions, scheduler) = (self.store.clone(), self.functions.clone(), self.scheduler.clone());
        to_its_end(async move {
            let _removal = functions.removal().await;
            let versions = store.delete_function(&name).await?;
            functions.changed(&name);
            scheduler.apply_now(Command::FunctionRemoved(name))?;
            Ok(versions)
        })
        .await
    }

    /// What a function would have of what it asks for.
    pub(crate) fn granted(&self, name: &FunctionName, asked: Grants) -> Granted {
        Granted::all(asked).limited(&self.grants, name)
    }

    fn plan(&self, header: v1::DeployHeader) -> Result<Plan, Refusal> {
        let v1::DeployHeader { spec } = header;
        let spec = FunctionSpec::decode(required(spec, "header.spec")?)?;
        let artifacts = spec.implementations.iter().filter_map(Implementation::artifact);
        if let Some(Artifact { size, .. }) = artifacts.clone().find(|artifact| artifact.size > MAX_COMPONENT) {
            let message = format!("an artifact has {size} bytes, the limit is {MAX_COMPONENT}");
            return Err(Refusal::new(Code::TooLarge, message));
        }
        let limits = self.policy.resolve(&spec.limits)?;
        enforceable(&limits, &spec)?;
        let turn = self.take_turn(&spec.name)?;
        Ok(Plan { limits, spec, turn })
    }

    /// Two deploys of one name at once are one author's mistake or two authors' race: the later one hears of it instead
    /// of winning by chance.
    fn take_turn(&self, name: &FunctionName) -> Result<Turn, Refusal> {
        if !lock(&self.under_way).insert(name.clone()) {
            return Err(Refusal::new(Code::DeployInProgress, format!("another deploy of {name} is under way"))
                .help("wait for it to end and look with `spear function ls`, then deploy again"));
        }
        Ok(Turn { name: name.clone(), under_way: Arc::clone(&self.under_way) })
    }

    /// Takes the artifacts, one after the other, each checked once it is there.
    async fn receive(
        &self,
        parts: &mut Streaming<v1::DeployRequest>,
        implementations: &[Implementation],
        granted: &Granted,
    ) -> Result<Vec<NewBlob>, Refusal> {
        let (mut blobs, mut rest) = (Vec::new(), Bytes::new());
        for implementation in implementations {
            let Some(artifact) = implementation.artifact() else { continue };
            let blob = self.receive_one(parts, artifact, &mut rest).await?;
            if implementation.agent() == AgentKind::Wasm {
                self.admit(&blob, granted.clone(), implementation.reuse).await?;
            }
            blobs.push(blob);
        }
        match rest.is_empty() && next(parts).await?.is_none() {
            true => Ok(blobs),
            false => Err(Refusal::new(Code::TooLarge, "more bytes came than the artifacts have")),
        }
    }

    /// `rest` is what came of the next one with the last one's end.
    async fn receive_one(
        &self,
        parts: &mut Streaming<v1::DeployRequest>,
        artifact: Artifact,
        rest: &mut Bytes,
    ) -> Result<NewBlob, Refusal> {
        let (mut writer, mut left) = (self.store.writer(artifact.size).await?, artifact.size);
        while left > 0 {
            if rest.is_empty() {
                *rest = match next(parts).await? {
                    Some(Part::Chunk(v1::Chunk { data })) => data,
                    Some(Part::Header(_)) => return Err(no_header()),
                    None => break,
                };
            }
            let taken = rest.split_to(rest.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            left -= taken.len() as u64;
            writer.write(taken).await?;
        }
        let blob = writer.finish().await?;
        check(artifact, &blob)?;
        Ok(blob)
    }

    /// Reads the component and holds it against its grants, where blocking is allowed.
    async fn admit(&self, blob: &NewBlob, granted: Granted, reuse: Reuse) -> Result<(), Refusal> {
        let turn = Arc::clone(&self.checking).acquire_owned().await;
        let bytes = blob.read().await?;
        // The check goes on when nobody waits for it any more, and so does its turn.
        let check = move || {
            let _turn = turn;
            let review = Component::read(&bytes)?.review(&granted);
            review.admit()?;
            serial(&review, reuse)
        };
        let admitted = tokio::task::spawn_blocking(check).await;
        admitted.map_err(|error| Refusal::new(Code::Internal, format!("the check broke off: {error}")))?
    }
}

/// Whether what a call goes to can be called again in one instance.
fn serial(review: &Review, reuse: Reuse) -> Result<(), Refusal> {
    match (review.entries.first(), reuse) {
        (Some(Entry::Command), Reuse::Serial(_)) => Err(Refusal::new(Code::InvalidManifest, NO_SERIAL_COMMAND)),
        _ => Ok(()),
    }
}

fn check(artifact: Artifact, blob: &NewBlob) -> Result<(), Refusal> {
    let Artifact { digest, size } = artifact;
    if blob.size() != size {
        let message = format!("the artifact came with {} of {size} bytes", blob.size());
        return Err(Refusal::new(Code::InvalidRequest, message));
    }
    if blob.digest() != digest {
        let message = format!("the artifact has the digest {}, {digest} was said", blob.digest());
        return Err(Refusal::new(Code::DigestMismatch, message));
    }
    Ok(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.under_way).remove(&self.name);
    }
}

/// Does what has two halves, also when whoever asked for it has gone: the store must not know of a function what the state
/// does not.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let broke_off = |error| Refusal::new(Code::Internal, format!("it broke off: {error}"));
    tokio::spawn(work).await.map_err(broke_off)?
}

async fn next(parts: &mut Streaming<v1::DeployRequest>) -> Result<Option<Part>, Refusal> {
    let paused = |_| Refusal::new(Code::InvalidRequest, format!("nothing came of the artifact for {PAUSE:?}"));
    let request = timeout(PAUSE, parts.message()).await.map_err(paused)?.map_err(from_status)?;
    request.map(|request| required(request.part, "part")).transpose()
}

fn no_header() -> Refusal {
    Refusal::new(Code::InvalidRequest, "a deploy is one header first, then the artifact's bytes")
}

fn lock(names: &Mutex<HashSet<FunctionName>>) -> MutexGuard<'_, HashSet<FunctionName>> {
    // Inserting and removing a name leave the set whole.
    names.lock().unwrap_or_else(PoisonError::into_inner)
}
