use std::{fmt, path::Path, rc::Rc};

use spear_types::GrantPolicy;

use crate::{
    Call, Reply,
    bindings::spear::hostcalls::{kv::Expected, tasks as wire},
    fake::{
        self, Line, Shared, World,
        bucket::Operation,
        objects::info,
        parse,
        tasks::{Task, run_all},
        values::Change,
    },
    http::{self, Request, Response},
    objects::Info,
    tasks::{self, TaskId},
};

/// SPEAR in memory, for one test.
///
/// The host of a thread is the one that was made last in it, also where nobody holds on to it. It starts empty; the methods that fill it look at no grant.
pub struct Host(Shared);

/// Making and filling one.
///
/// # Panics
///
/// Each of these where a name, a key or a manifest is malformed: it is the test that is wrong, not the function.
impl Host {
    /// A host under the `spear.toml` beside the `Cargo.toml` of the crate that is tested. A test that makes no host has
    /// this one.
    ///
    /// # Panics
    ///
    /// Where there is none, or it is no manifest; the text names the file and the line.
    pub fn from_manifest() -> Self {
        Self::of(World::of_manifest())
    }

    /// A host under another manifest, given as text.
    ///
    /// # Panics
    ///
    /// Where it is no manifest; the text names the line.
    pub fn with_manifest(text: &str) -> Self {
        Self::of(World::new(text, Path::new("the manifest")))
    }

    fn of(world: World) -> Self {
        let world = world.share();
        fake::install(&world);
        Self(world)
    }

    /// Under an operator's policy, given as text: what it does not allow is denied, whatever the manifest grants.
    pub fn policy(self, text: &str) -> Self {
        self.0.borrow_mut().limit(&GrantPolicy::parse(text).unwrap_or_else(|refusal| panic!("the policy: {refusal}")));
        self
    }

    /// With an object.
    pub fn object(self, bucket: &str, key: &str, bytes: impl AsRef<[u8]>) -> Self {
        let put = Operation::Put {
            key: parse(key),
            bytes: Rc::from(bytes.as_ref()),
            content_type: None,
            condition: spear_types::Condition::None,
        };
        let put = self.0.borrow_mut().buckets.apply(&parse(bucket), [put]);
        put.unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// With a value in a key-value store.
    pub fn value(self, store: &str, key: &str, value: impl AsRef<[u8]>) -> Self {
        let put = Change::Put { key: parse(key), value: value.as_ref().to_vec(), expected: Expected::Anything };
        let put = self.0.borrow_mut().stores.apply(&parse(store), [put]);
        put.unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// With a secret.
    pub fn secret(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.0.borrow_mut().secrets.insert(parse(name), value.as_ref().to_vec());
        self
    }

    /// With a stand-in for another function, invoked or submitted: what it answers, or with `Err(Failure::new(…).into())` how it fails.
    ///
    /// It runs under the grants of the function that is tested.
    pub fn function(self, name: &str, run: impl Fn(Call) -> Result<Reply, tasks::Error> + 'static) -> Self {
        self.0.borrow_mut().functions.insert(parse(name), Rc::new(run));
        self
    }

    /// With submitted tasks that wait: they run when [`Host::run_tasks`] says so. Otherwise one runs as soon as it is
    /// submitted, in all of its attempts; delays and backoffs are not waited for.
    pub fn tasks_wait(self) -> Self {
        self.0.borrow_mut().functions.later = true;
        self
    }

    /// With a stand-in for another host, written as a grant is: `https://api.example.com`. The first that matches answers.
    pub fn http(self, host: &str, answer: impl Fn(&Request) -> Response + 'static) -> Self {
        self.0.borrow_mut().hosts.insert(parse(host), Rc::new(move |request| Ok(answer(request))));
        self
    }

    /// With another host that does not answer, but this happens.
    pub fn http_fails(self, host: &str, error: http::Error) -> Self {
        self.0.borrow_mut().hosts.insert(parse(host), Rc::new(move |_| Err(error.clone())));
        self
    }
}

/// Looking at it afterwards.
///
/// # Panics
///
/// Each of these where a name or a key is malformed.
impl Host {
    /// The bytes of an object, where there is one.
    pub fn get_object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        self.0.borrow().buckets.get(&parse(bucket), &parse(key)).ok().map(|object| object.bytes.to_vec())
    }

    /// What is known of an object, where there is one.
    pub fn stat_object(&self, bucket: &str, key: &str) -> Option<Info> {
        self.0.borrow().buckets.get(&parse(bucket), &parse(key)).ok().map(|object| info(&object.info).into())
    }

    /// A value of a key-value store, where there is one.
    pub fn get_value(&self, store: &str, key: &str) -> Option<Vec<u8>> {
        let world = self.0.borrow();
        world.stores.get(&parse(store))?.get(&parse(key)).map(|entry| entry.value.clone())
    }

    /// The lines of the log, in order. Each is printed too, for `cargo test -- --nocapture`.
    pub fn logs(&self) -> Vec<Line> {
        self.0.borrow().log.lines().to_vec()
    }

    /// What was denied, each with the line to add.
    pub fn denials(&self) -> Vec<String> {
        self.0.borrow().denials.iter().map(ToString::to_string).collect()
    }

    /// The tasks that were submitted, in order; a key that was known submitted none.
    pub fn submitted(&self) -> Vec<Submitted> {
        self.0.borrow().functions.tasks.iter().map(Submitted::from).collect()
    }

    /// Runs the tasks that wait, in order, and what they submit.
    pub fn run_tasks(&self) {
        run_all(&self.0);
    }

    /// The HTTP requests that stand-ins were sent, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.0.borrow().hosts.sent.clone()
    }
}

/// A task that was submitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its id.
    pub task: TaskId,
    /// The function.
    pub function: String,
    /// What it is sent.
    pub call: Call,
    /// How it is to be run.
    pub options: tasks::Options,
}

impl From<&Task> for Submitted {
    fn from(Task { id, name, call, options, .. }: &Task) -> Self {
        let wire::Call { content_type, headers, body } = call.clone();
        Self {
            task: id.as_str().into(),
            function: name.to_string(),
            call: Call { content_type, headers, body },
            options: options.clone().into(),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host of {}", self.0.borrow().function)
    }
}
