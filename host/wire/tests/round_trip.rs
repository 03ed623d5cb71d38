//! What is encoded decodes to the same value, and no message makes a decoder panic.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message as _;
use spear_types::{
    Access, AgentInfo, AgentKind, Artifact, AttemptId, Body, Call, Capacity, Code, Condition, Constraints, Cpu, Denial,
    Digest, Duty, Exit, Expected, Failure, Frame, FunctionSpec, FunctionVersion, Granted, Grants, Image,
    Implementation, InstanceCounts, KvChange, KvChanged, KvEntry, KvPage, Lacking, LimitRequest, Limits, Load,
    NodeInfo, NodeState, ObjectInfo, Outcome, OutcomeKind, Payload, Penalty, Placement, PlacementPolicy, Pool,
    Priority, Program, Reserved, RetryPolicy, Reuse, ScheduleInfo, Settings, TaskId, TaskInfo, TaskOptions, TaskState,
    Timestamp, Trap, Usage,
};
use spear_wire::{Decode, Encode, v1};

fn survives<T, M>(value: &T) -> Result<(), TestCaseError>
where
    T: Clone + std::fmt::Debug + PartialEq + Encode<M> + Decode<M>,
{
    prop_assert_eq!(
        &T::decode(value.clone().encode()).map_err(|refusal| TestCaseError::fail(refusal.to_string()))?,
        value
    );
    Ok(())
}

fn limits() -> impl Strategy<Value = Limits> {
    let sizes = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    (sizes, 0..u64::from(u32::MAX), any::<Option<u64>>(), any::<u32>(), any::<u32>()).prop_map(
        |((memory, payload, log, hostcall), seconds, fuel, tables, handles)| Limits {
            memory,
            timeout: Duration::from_secs(seconds),
            fuel,
            cpu: fuel.map(|_| Cpu::from_millis(handles)),
            payload,
            log,
            hostcall,
            tables,
            handles,
            calls: handles,
            requests: tables,
        },
    )
}

fn grants() -> impl Strategy<Value = Grants> {
    let access = prop_oneof![Just(Access::Read), Just(Access::Write), Just(Access::ReadWrite)];
    let table = || proptest::collection::btree_map("[a-z]{1,20}", access.clone(), 0..4);
    let list = |pattern| proptest::collection::btree_set(pattern, 0..4);
    let hosts = list("https?://(\\*|\\*\\.[a-z]{1,9}\\.test|[a-z]{1,9})(:[1-9][0-9]{0,3}|:\\*)?");
    let sockets = list("(tcp|udp)://10\\.[0-9]\\.[0-9]\\.[0-9]:([1-9][0-9]{0,3}|\\*)");
    let networks = list("10\\.[0-9]\\.0\\.0/16");
    let tables = (table(), table(), table());
    (tables, list("[a-z]{1,9}"), list("[a-z]{1,9}"), hosts, sockets, networks).prop_map(
        |((objects, kv, files), tasks, secrets, hosts, sockets, networks)| Grants {
            objects: objects.into_iter().map(|(name, access)| (name.parse().unwrap(), access)).collect(),
            kv: kv.into_iter().map(|(name, access)| (name.parse().unwrap(), access)).collect(),
            files: files.into_iter().map(|(name, access)| (name.parse().unwrap(), access)).collect(),
            tasks: tasks.iter().map(|name| name.parse().unwrap()).collect(),
            secrets: secrets.iter().map(|name| name.parse().unwrap()).collect(),
            http: hosts.iter().map(|host| host.parse().unwrap()).collect(),
            sockets: sockets.iter().map(|address| address.parse().unwrap()).collect(),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        },
    )
}

fn settings() -> impl Strategy<Value = Settings> {
    proptest::collection::btree_map(".{0,20}", ".*", 0..4).prop_map(|entries| entries.try_into().unwrap())
}

fn call() -> impl Strategy<Value = Call> {
    let command = (proptest::collection::vec(".*", 0..4), any::<Vec<u8>>());
    prop_oneof![
        payload().prop_map(Call::Payload),
        command.prop_map(|(args, stdin)| Call::Command { args, stdin: stdin.into() }),
        ".*".prop_map(Call::Typed),
    ]
}

fn kv_change() -> impl Strategy<Value = KvChange> {
    let expected =
        prop_oneof![Just(Expected::Anything), Just(Expected::Absent), any::<u64>().prop_map(Expected::Version)];
    ("[a-z]{1,9}", any::<Vec<u8>>(), expected, any::<i64>(), 0..3).prop_map(|(key, value, expected, by, kind)| {
        let key = key.parse().unwrap();
        match kind {
            0 => KvChange::Put { key, value: value.into(), expected },
            1 => KvChange::Delete { key, expected },
            _ => KvChange::Increment { key, by },
        }
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    let headers = proptest::collection::vec((".*", ".*"), 0..4);
    (any::<Option<String>>(), headers, any::<Vec<u8>>()).prop_map(|(content_type, headers, body)| Payload {
        content_type,
        headers,
        body: Bytes::from(body),
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let frame = (".*", any::<Option<String>>(), any::<Option<u32>>());
    let frame = frame.prop_map(|(function, file, line)| Frame { function, file, line });
    let trap = (".*", proptest::collection::vec(frame, 0..3)).prop_map(|(message, frames)| Trap { message, frames });
    let exit = any::<Option<(u8, Vec<u8>)>>();
    let failure = (".*", ".*", any::<bool>(), exit);
    let lacking = prop_oneof![Just(Lacking::Manifest), Just(Lacking::Policy)];
    prop_oneof![
        payload().prop_map(Outcome::Succeeded),
        failure.prop_map(|(code, message, retryable, exit)| Outcome::Failed(Failure {
            code,
            message,
            retryable,
            exit: exit.map(|(code, stdout)| Exit { code, stdout: stdout.into() }),
        })),
        trap.prop_map(Outcome::Trapped),
        any::<u64>().prop_map(|limit| Outcome::OutOfFuel { limit }),
        any::<(u64, u64)>().prop_map(|(limit, asked)| Outcome::OutOfMemory { limit, asked }),
        any::<u32>().prop_map(|limit| Outcome::TimedOut { limit: Duration::from_millis(limit.into()) }),
        Just(Outcome::Cancelled),
        ".*".prop_map(|reason| Outcome::NodeLost { node: "n1".parse().unwrap(), reason }),
        ".*".prop_map(|message| Outcome::Refused { code: Code::UnknownFunction, message }),
        (".*", ".*", lacking).prop_map(|(what, grant, lacking)| Outcome::Denied(Denial { what, grant, lacking })),
    ]
}

fn placement() -> Placement {
    let constraints = |text: &str| Constraints::try_from(vec![text.parse().unwrap()]).unwrap();
    Placement {
        cpu: Cpu::from_millis(500),
        memory: Some(1),
        constraints: constraints("zone in [a, b]"),
        prefer: constraints("gpu = true"),
        avoid: constraints("disk != ssd"),
        priority: Priority::try_from(7).unwrap(),
        policy: PlacementPolicy::Pack,
    }
}

fn task_state() -> impl Strategy<Value = TaskState> {
    let node = || "n1".parse().unwrap();
    let kind = prop::sample::select(OutcomeKind::ALL.to_vec());
    (kind, 0u64..1 << 50, 0u8..4, any::<bool>()).prop_map(move |(kind, micros, which, some)| {
        let time = Timestamp::from_micros(micros);
        match which {
            0 => TaskState::Queued { not_before: some.then_some(time), after: some.then_some(kind) },
            1 => TaskState::Assigned { node: node() },
            2 => TaskState::Running { node: node(), since: time, cancelling: some },
            _ => TaskState::Ended { outcome: kind, at: time, node: some.then(node) },
        }
    })
}

/// One of each kind.
fn implementations(size: u64, serial: bool) -> Vec<Implementation> {
    let artifact = Artifact { digest: Digest::of(b"hello"), size };
    let env = [("A".to_owned(), "b".to_owned())];
    let program = |files| Program::new(vec!["sh".to_owned(), "-c".to_owned()], env.clone().into(), files).unwrap();
    let reuse = if serial { Reuse::Serial(Pool::default()) } else { Reuse::Never };
    let image = Image::try_from("busybox@sha256:00".to_owned()).unwrap();
    let bodies = [Body::Wasm(artifact), Body::Process(program(Some(artifact))), Body::Docker(image, program(None))];
    let wasm = |body: &Body| matches!(body, Body::Wasm(_));
    let reuse = |body: &Body| if wasm(body) { Reuse::Never } else { reuse };
    bodies.into_iter().map(|body| Implementation { reuse: reuse(&body), body }).collect()
}

proptest! {
    #[test]
    fn functions_survive_the_wire(limits in limits(), grants in grants(), settings in settings(), description: Option<String>, version: u32, size: u64, serial: bool) {
        let created = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (name, implementations) = ("hello".parse().unwrap(), implementations(size, serial));
        let spec = FunctionSpec { name, description, limits: LimitRequest::from(limits.clone()), grants, settings, placement: placement(), implementations };
        survives::<_, v1::FunctionSpec>(&spec)?;
        let FunctionSpec { name, description, grants, settings, placement, implementations, .. } = spec;
        let grants = Granted::all(grants);
        survives::<_, v1::FunctionVersion>(&FunctionVersion { name, version, description, limits, grants, settings, placement, implementations, created })?;
    }

    #[test]
    fn outcomes_and_usage_survive_the_wire(outcome in outcome(), fuel: Option<u64>, counts: [u64; 4], micros: (u32, u32)) {
        survives::<_, v1::Outcome>(&outcome)?;
        let [peak_memory, hostcalls, bytes_in, bytes_out] = counts;
        let (wall, cpu) = (Duration::from_micros(micros.0.into()), Duration::from_micros(micros.1.into()));
        survives::<_, v1::Usage>(&Usage { wall, cpu, fuel, peak_memory, hostcalls, bytes_in, bytes_out })?;
    }

    #[test]
    fn objects_and_nodes_survive_the_wire(key in "[a-z/]{0,9}[a-z]", size: u64, version: u64, text: String, lost: bool) {
        prop_assume!(key.parse::<spear_types::ObjectKey>().is_ok());
        let modified = UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789);
        let (bucket, key, etag) = ("photos".parse().unwrap(), key.parse().unwrap(), Digest::of(b"x"));
        survives::<_, v1::Object>(&ObjectInfo { bucket, key, size, etag, version, content_type: Some(text.clone()), modified, references: version, pinned: lost })?;
        let state = if lost { NodeState::Lost { reason: text.clone() } } else { NodeState::Live };
        let node = NodeInfo {
            name: "n1".parse().unwrap(),
            address: text.clone(),
            capacity: Capacity { slots: 1, cpu: Cpu::from_millis(1_500), memory: size },
            reserved: Reserved { slots: 2, cpu: Cpu::from_millis(3), memory: version },
            load: Load { running: 2, cpu: Cpu::from_millis(4), memory: 5 },
            labels: [("zone".parse().unwrap(), "a".parse().unwrap())].into(),
            agents: vec![
                AgentInfo::able(AgentKind::Wasm),
                AgentInfo {
                    unavailable: Some("no engine".to_owned()),
                    instances: InstanceCounts { idle: 1, hits: 2, misses: 3, starts: 4 },
                    ..AgentInfo::able(AgentKind::Docker)
                },
            ],
            artifacts: 6,
            penalty: lost.then_some(Penalty { failures: 7, until: modified }),
            spear_version: text,
            last_heard: modified,
            state,
            duty: if lost { Duty::Draining { until: modified } } else { Duty::Cordoned },
        };
        survives::<_, v1::Node>(&node)?;
    }

    #[test]
    fn tasks_survive_the_wire(state in task_state(), number: u32, micros in 0u64..1 << 50, some: bool) {
        let time = Timestamp::from_micros(micros);
        survives::<_, v1::Task>(&TaskInfo {
            id: TaskId::generate(),
            function: "hello".parse().unwrap(),
            version: number,
            priority: Priority::DEFAULT,
            schedule: some.then(|| "nightly".parse().unwrap()),
            submitted: time,
            deadline: some.then_some(time),
            attempt: number,
            state,
            changed: time,
        })?;
        survives::<_, v1::Schedule>(&ScheduleInfo {
            name: "nightly".parse().unwrap(),
            function: "hello".parse().unwrap(),
            cron: "@daily".to_owned(),
            created: time,
            next: some.then_some(time),
            last: some.then(TaskId::generate),
        })?;
        survives::<_, v1::TaskOptions>(&TaskOptions {
            priority: some.then_some(Priority::DEFAULT),
            delay: Duration::from_micros(micros),
            deadline: some.then_some(Duration::from_micros(micros)),
            retry: RetryPolicy { max_attempts: number % 100 + 1, ..RetryPolicy::default() },
            key: some.then(|| "key".parse().unwrap()),
            trace_parent: some.then(|| "00-".to_owned()),
        })?;
        survives::<_, v1::Attempt>(&AttemptId { task: TaskId::generate(), attempt: number })?;
    }

    #[test]
    fn calls_survive_the_wire(call in call()) {
        survives::<_, v1::Call>(&call)?;
    }

    #[test]
    fn values_survive_the_wire(change in kv_change(), value: Vec<u8>, version: u64, existed: bool, number: i64) {
        survives::<_, v1::ValueChange>(&change)?;
        let entry = KvEntry { value: value.into(), version };
        survives::<_, v1::Value>(&entry)?;
        let page = KvPage { entries: vec![(change.key().clone(), entry)], next: existed.then(|| change.key().clone()) };
        survives::<_, v1::ListValuesResponse>(&page)?;
        for changed in [
            KvChanged::Put { version },
            KvChanged::Deleted { existed },
            KvChanged::Incremented { number, version },
        ] {
            survives::<_, v1::ValueChanged>(&changed)?;
        }
    }

    #[test]
    fn conditions_survive_the_wire(version: u64) {
        let etag = Digest::of(b"x");
        for condition in [Condition::None, Condition::Etag(etag), Condition::Version(version), Condition::Absent] {
            survives::<_, Option<v1::Condition>>(&condition)?;
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes: Vec<u8>) {
        let _ = v1::FunctionSpec::decode(bytes.as_slice()).map(FunctionSpec::decode);
        let _ = v1::FunctionVersion::decode(bytes.as_slice()).map(FunctionVersion::decode);
        let _ = v1::Outcome::decode(bytes.as_slice()).map(Outcome::decode);
        let _ = v1::Usage::decode(bytes.as_slice()).map(Usage::decode);
        let _ = v1::Object::decode(bytes.as_slice()).map(ObjectInfo::decode);
        let _ = v1::Node::decode(bytes.as_slice()).map(NodeInfo::decode);
        let _ = v1::Grants::decode(bytes.as_slice()).map(Grants::decode);
        let _ = v1::Call::decode(bytes.as_slice()).map(Call::decode);
        let _ = v1::ValueChange::decode(bytes.as_slice()).map(KvChange::decode);
        let _ = v1::ListValuesResponse::decode(bytes.as_slice()).map(KvPage::decode);
        let _ = v1::Task::decode(bytes.as_slice()).map(TaskInfo::decode);
        let _ = v1::TaskOptions::decode(bytes.as_slice()).map(TaskOptions::decode);
        let _ = v1::Schedule::decode(bytes.as_slice()).map(ScheduleInfo::decode);
        let _ = v1::Placement::decode(bytes.as_slice()).map(Placement::decode);
        let _ = v1::Payload::decode(bytes.as_slice()).map(Payload::decode);
    }
}
