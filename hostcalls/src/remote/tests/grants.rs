//! Every capability under every grant: one table, asked as a component and over the socket.

use spear_types::{Access, Grants, Limits};

use super::{
    Clients, Function,
    asks::{Answer, Ask, Object, Value},
};

/// What is asked, and what it needs.
const TABLE: [(Ask, Need); 25] = [
    (Ask::Object(Object::Get), Need::Bucket(Access::Read)),
    (Ask::Object(Object::GetRange), Need::Bucket(Access::Read)),
    (Ask::Object(Object::Stat), Need::Bucket(Access::Read)),
    (Ask::Object(Object::List), Need::Bucket(Access::Read)),
    (Ask::Object(Object::Put), Need::Bucket(Access::Write)),
    (Ask::Object(Object::Delete), Need::Bucket(Access::Write)),
    (Ask::Object(Object::AddRef), Need::Bucket(Access::Write)),
    (Ask::Object(Object::RemoveRef), Need::Bucket(Access::Write)),
    (Ask::Object(Object::Pin), Need::Bucket(Access::Write)),
    (Ask::Object(Object::Unpin), Need::Bucket(Access::Write)),
    (Ask::Object(Object::Batch(1)), Need::Bucket(Access::Write)),
    (Ask::Value(Value::Get), Need::Store(Access::Read)),
    (Ask::Value(Value::GetMany(2)), Need::Store(Access::Read)),
    (Ask::Value(Value::List), Need::Store(Access::Read)),
    (Ask::Value(Value::Put), Need::Store(Access::Write)),
    (Ask::Value(Value::Delete), Need::Store(Access::Write)),
    (Ask::Value(Value::Increment), Need::Store(Access::ReadWrite)),
    (Ask::Value(Value::ApplyPuts), Need::Store(Access::Write)),
    (Ask::Value(Value::ApplyIncrement), Need::Store(Access::ReadWrite)),
    (Ask::Value(Value::ApplyNothing), Need::Store(Access::Write)),
    (Ask::Secret("mine"), Need::Secret),
    (Ask::Invoke("mine"), Need::Function),
    (Ask::Submit, Need::Function),
    (Ask::Status, Need::Told),
    (Ask::Object(Object::Batch(0)), Need::Bucket(Access::Write)),
];

#[derive(Debug, Clone, Copy)]
enum Need {
    Bucket(Access),
    Store(Access),
    Secret,
    Function,
    /// The grant of the function; without it nothing is said of its task.
    Told,
}

/// Every grant that could be taken for the one that is needed, and whether it is.
fn grants(need: Need) -> Vec<(Grants, bool)> {
    let accesses = [Access::Read, Access::Write, Access::ReadWrite];
    let none = || Grants::default();
    let mut all = vec![(none(), false)];
    match need {
        Need::Bucket(need) => all.extend(accesses.into_iter().flat_map(|access| {
            let of = |name: &str| Grants { objects: [(name.parse().unwrap(), access)].into(), ..none() };
            let store = Grants { kv: [("mine".parse().unwrap(), access)].into(), ..none() };
            [(of("mine"), access.covers(need)), (of("other"), false), (store, false)]
        })),
        Need::Store(need) => all.extend(accesses.into_iter().flat_map(|access| {
            let of = |name: &str| Grants { kv: [(name.parse().unwrap(), access)].into(), ..none() };
            let bucket = Grants { objects: [("mine".parse().unwrap(), access)].into(), ..none() };
            [(of("mine"), access.covers(need)), (of("other"), false), (bucket, false)]
        })),
        Need::Secret => {
            let of = |name: &str| Grants { secrets: [name.parse().unwrap()].into(), ..none() };
            all.extend([(of("mine"), true), (of("other"), false)]);
        }
        Need::Function | Need::Told => {
            let of = |name: &str| Grants { tasks: [name.parse().unwrap()].into(), ..none() };
            all.extend([(of("mine"), true), (of("other"), false)]);
        }
    }
    all
}

#[tokio::test]
async fn a_program_may_what_a_component_may_and_nothing_else() {
    for (ask, need) in TABLE {
        for (grants, granted) in grants(need) {
            let shown = format!("{ask:?} with {:?}", grants.lines());
            let function = Function::granted(grants);
            let (mut state, log) = function.component();
            let component = ask.component(&mut state).await;
            let reached = function.cluster.asked();
            let attempt = function.attempt(1);
            let program = ask.program(&mut Clients::over(&attempt.connect().await)).await;
            let name = |answer: &Answer| answer.as_ref().err().map(|(name, _)| *name);
            let wanted = match need {
                _ if granted => None,
                Need::Told => Some("unknown-task"),
                _ => Some("denied"),
            };
            assert_eq!((name(&program), name(&component)), (wanted, wanted), "{shown}: {program:?} {component:?}");
            let asks = u32::from(granted || matches!(need, Need::Told));
            assert_eq!((reached, function.cluster.asked()), (asks, 2 * asks), "{shown}: reached the cluster");
            let denied = wanted == Some("denied");
            assert_eq!(attempt.session.denial().is_some(), denied, "{shown}");
            assert_eq!(state.denial().is_some(), denied, "{shown}");
            assert_eq!(attempt.log.take().lines.len(), usize::from(denied), "{shown}: a denial is logged");
            assert_eq!(log.take().lines.len(), usize::from(denied), "{shown}");
            if denied {
                let Err((_, text)) = program else { unreachable!() };
                assert!(text.contains("[grants"), "{shown}: {text} names the line to add");
            }
            assert_eq!(attempt.session.meter().hostcalls, 1, "{shown}");
        }
    }
}

fn everything() -> Grants {
    let access = Access::ReadWrite;
    Grants {
        objects: [("mine".parse().unwrap(), access)].into(),
        kv: [("mine".parse().unwrap(), access)].into(),
        tasks: ["mine".parse().unwrap()].into(),
        ..Grants::default()
    }
}

#[tokio::test]
async fn a_limit_says_the_same_to_a_program_as_to_a_component() {
    let limits = Limits { payload: 10, calls: 0, ..Limits::DEFAULTS };
    for (ask, says) in [
        (Ask::Object(Object::Large), "11 bytes are over the limit `payload` of 10"),
        (Ask::Object(Object::Batch(1_001)), "1001 operations are over the limit of 1000"),
        (Ask::Value(Value::GetMany(1_001)), "1001 keys are over the limit of 1000"),
        (Ask::Value(Value::Large), "the limit is 1048576"),
        (Ask::Invoke("mine"), "the limit `calls` is 0"),
        (Ask::Submit, "the limit `calls` is 0"),
    ] {
        let function = Function::new(everything(), limits.clone());
        let component = ask.component(&mut function.component().0).await;
        let attempt = function.attempt(1);
        let program = ask.program(&mut Clients::over(&attempt.connect().await)).await;
        assert_eq!(program, component, "{ask:?}");
        let Err((name, text)) = program else { panic!("{ask:?} is within its limits") };
        assert!(name == "over-limit" && text.contains(says), "{ask:?}: {text}");
        assert_eq!(function.cluster.asked(), 0, "{ask:?}");
    }
}

#[tokio::test]
async fn what_is_carried_is_counted_alike() {
    let granted = || Grants { secrets: ["mine".parse().unwrap()].into(), ..everything() };
    for (ask, _) in TABLE {
        let function = Function::granted(granted());
        let (mut state, _) = function.component();
        ask.component(&mut state).await.unwrap();
        let attempt = function.attempt(1);
        ask.program(&mut Clients::over(&attempt.connect().await)).await.unwrap();
        let (program, component) = (attempt.session.meter(), state.meter());
        // A component opens a bucket or a store first, and sends its name once.
        let opens = matches!(ask, Ask::Object(_) | Ask::Value(_));
        let opened = if opens { (1, "mine".len() as u64) } else { (0, 0) };
        assert_eq!(
            (program.hostcalls + opened.0, program.bytes_out + opened.1),
            (component.hostcalls, component.bytes_out),
            "{ask:?}"
        );
        assert_eq!(program.bytes_in, component.bytes_in, "{ask:?}");
    }
}
