//! What there is, what is granted, and what happened.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    rc::Rc,
    str::FromStr,
    time::Instant,
};

use spear_types::{
    Denial, FunctionName, GrantPolicy, Granted, Grants, Lacking, LimitPolicy, Limits, Manifest, SecretName, Settings,
};

use super::{bucket::Buckets, http::Hosts, log::Log, tasks::Functions, values::Stores};

/// One test's world.
pub(crate) type Shared = Rc<RefCell<World>>;

/// What a function finds when it is tested.
pub(crate) struct World {
    pub(crate) function: FunctionName,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) started: Instant,
    pub(crate) log: Log,
    pub(crate) denials: Vec<Denial>,
    pub(crate) buckets: Buckets,
    pub(crate) stores: Stores,
    pub(crate) secrets: BTreeMap<SecretName, Vec<u8>>,
    pub(crate) functions: Functions,
    pub(crate) hosts: Hosts,
    pub(crate) hostcalls: u64,
    /// Handles that are open now.
    pub(crate) handles: u32,
    pub(crate) granted: Granted,
}

thread_local! {
    static CURRENT: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// The world of this thread; the manifest's where nobody made one.
pub(crate) fn current() -> Shared {
    CURRENT.with_borrow_mut(|current| Rc::clone(current.get_or_insert_with(|| World::of_manifest().share())))
}

/// Makes it the world of this thread.
pub(crate) fn install(world: &Shared) {
    CURRENT.set(Some(Rc::clone(world)));
}

impl World {
    /// Under the `spear.toml` of the crate that is tested.
    pub(crate) fn of_manifest() -> Self {
        let file = manifest_file();
        match fs::read_to_string(&file) {
            Ok(text) => Self::new(&text, &file),
            Err(error) => panic!("{}: {error}; `Host::with_manifest` takes the text of another one", file.display()),
        }
    }

    /// Under the manifest `text`, which is in `file`.
    pub(crate) fn new(text: &str, file: &Path) -> Self {
        let manifest = Manifest::parse(text).unwrap_or_else(|refusal| panic!("{}: {refusal}", file.display()));
        let limits = LimitPolicy::default().resolve(&manifest.limits);
        let limits = limits.unwrap_or_else(|refusal| panic!("{}: {refusal}", file.display()));
        Self {
            functions: Functions::of(manifest.function.name.clone()),
            function: manifest.function.name,
            log: Log::new(limits.log),
            limits,
            settings: manifest.config,
            granted: Granted::all(manifest.grants),
            started: Instant::now(),
            denials: Vec::new(),
            buckets: Buckets::default(),
            stores: Stores::default(),
            secrets: BTreeMap::new(),
            hosts: Hosts::default(),
            hostcalls: 0,
            handles: 0,
        }
    }

    pub(crate) fn share(self) -> Shared {
        Rc::new(RefCell::new(self))
    }

    /// Takes away what an operator's policy does not allow.
    pub(crate) fn limit(&mut self, policy: &GrantPolicy) {
        self.granted = self.granted.clone().limited(policy, &self.function);
    }

    /// Asks for something. What was denied is remembered and logged, once for a function that asks again and again.
    pub(crate) fn check(&mut self, ask: impl Fn(&Grants) -> Result<(), Denial>) -> Result<(), String> {
        self.granted.check(ask).map_err(|denial| {
            let text = denial.to_string();
            if self.denials.last() != Some(&denial) {
                let lacking = match denial.lacking {
                    Lacking::Manifest => "spear.toml",
                    Lacking::Policy => "the operator's policy",
                };
                self.log.denied(&denial.what, &denial.grant, lacking);
                self.denials.push(denial);
            }
            text
        })
    }

    /// Opens one handle more.
    pub(crate) fn open(&mut self) -> Result<(), String> {
        if self.handles >= self.limits.handles {
            return Err(format!("{} handles are open, the limit `handles`", self.limits.handles));
        }
        self.handles += 1;
        Ok(())
    }
}

/// Reads a name that the test, and not the function, gives.
pub(crate) fn parse<T: FromStr<Err: std::fmt::Display>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// Cargo says where the crate that it tests is; without Cargo it is where we are.
fn manifest_file() -> PathBuf {
    let folder = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    folder.join(spear_types::manifest::FILE_NAME)
}
