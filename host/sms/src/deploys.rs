//! A deploy: header, bytes, checks, and only then a version. Whatever is refused leaves nothing behind.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use spear_admission::{Component, MAX_COMPONENT};
use spear_proto::v1::{self, deploy_request::Part};
use spear_state::Command;
use spear_store::{Deployed, FunctionDraft, NewBlob, Store};
use spear_types::{
    Code, Digest, FunctionName, FunctionSpec, GrantPolicy, Granted, Grants, LimitPolicy, Limits, Refusal,
};
use spear_wire::{Decode as _, from_status, required};
use tokio::{sync::Semaphore, time::timeout};
use tonic::Streaming;

use crate::{functions::Functions, scheduler::Scheduler};

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
    digest: Digest,
    size: u64,
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
        let blob = self.receive(parts, plan.size).await?;
        plan.check(&blob)?;
        let granted = self.granted(&plan.spec.name, plan.spec.grants.clone());
        self.admit(&blob, granted.clone()).await?;
        let Plan { spec, limits, turn, .. } = plan;
        let FunctionSpec { name, description, limits: _, grants: _, settings, placement } = spec;
        let draft = FunctionDraft { name, description, limits, grants: granted, settings, placement };
        let (store, functions, scheduler) = (self.store.clone(), self.functions.clone(), self.scheduler.clone());
        to_its_end(async move {
            let (_turn, _held) = (turn, functions.hold().await);
            let deployed = store.deploy(draft, blob, SystemTime::now()).await?;
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
        let v1::DeployHeader { spec, digest, size } = header;
        let spec = FunctionSpec::decode(required(spec, "header.spec")?)?;
        if size > MAX_COMPONENT {
            return Err(Refusal::new(
                Code::TooLarge,
                format!("the artifact has {size} bytes, the limit is {MAX_COMPONENT}"),
            ));
        }
        let limits = self.policy.resolve(&spec.limits)?;
        let turn = self.take_turn(&spec.name)?;
        Ok(Plan { limits, digest: digest.parse()?, size, spec, turn })
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

    async fn receive(&self, mut parts: Streaming<v1::DeployRequest>, size: u64) -> Result<NewBlob, Refusal> {
        let mut writer = self.store.writer(size).await?;
        while let Some(part) = next(&mut parts).await? {
            let Part::Chunk(v1::Chunk { data }) = part else { return Err(no_header()) };
            writer.write(data).await?;
        }
        Ok(writer.finish().await?)
    }

    /// Reads the component and holds it against its grants, where blocking is allowed.
    async fn admit(&self, blob: &NewBlob, granted: Granted) -> Result<(), Refusal> {
        let turn = Arc::clone(&self.checking).acquire_owned().await;
        let bytes = blob.read().await?;
        // The check goes on when nobody waits for it any more, and so does its turn.
        let check = move || {
            let _turn = turn;
            Component::read(&bytes)?.review(&granted).admit()
        };
        let admitted = tokio::task::spawn_blocking(check).await;
        admitted.map_err(|error| Refusal::new(Code::Internal, format!("the check broke off: {error}")))?
    }
}

impl Plan {
    fn check(&self, blob: &NewBlob) -> Result<(), Refusal> {
        if blob.size() != self.size {
            let message = format!("the artifact came with {} of {} bytes", blob.size(), self.size);
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
        if blob.digest() != self.digest {
            let message = format!("the artifact has the digest {}, {} was said", blob.digest(), self.digest);
            return Err(Refusal::new(Code::DigestMismatch, message));
        }
        Ok(())
    }
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
