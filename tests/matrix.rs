//! Every capability, granted and not: one table, a test for each of its columns, and three clients.
//!
//! ```text
//! Row: grants, call ─┬▶ a component    the guest of that name
//!                    ├▶ a process      the same over its socket
//!                    ╰▶ a container    the same; skipped with a word on stderr where there is no engine
//! ```

mod program;
mod rows;
mod world;

use std::fs;

use spear_proto::v1;
use spear_types::{AgentKind, LimitRequest, Outcome};

use self::{
    rows::{Over, Row, TREASURE, Written},
    world::World,
};
use crate::harness::Function;

/// A test of each case for each client.
macro_rules! for_each_client {
    ($($case:ident),+ $(,)?) => {
        $(mod $case {
            use spear_types::AgentKind;

            use super::World;

            #[tokio::test]
            async fn by_a_component() {
                super::$case(World::of(AgentKind::Wasm).await.expect("every machine has it")).await;
            }

            #[tokio::test]
            async fn by_a_process() {
                if let Some(world) = World::of(AgentKind::Process).await {
                    super::$case(world).await;
                }
            }

            #[tokio::test]
            async fn by_a_container() {
                if let Some(world) = World::of(AgentKind::Docker).await {
                    super::$case(world).await;
                }
            }
        })+
    };
}

for_each_client! {
    what_is_granted_works,
    what_is_not_granted_is_denied_with_the_line_to_add,
    what_is_granted_to_another_function_is_not_granted_to_this_one,
    what_is_granted_to_be_read_is_not_written,
    what_is_over_its_limit_is_refused_by_the_name_of_the_limit,
    what_is_granted_nothing_does_not_get_in_or_gets_nothing,
}

fn body(row: &Row, outcome: &Outcome) -> String {
    let Outcome::Succeeded(reply) = outcome else { panic!("{}: {outcome}", row.name) };
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// It was denied with the lines to add, and neither outcome nor log has what is behind the grant.
fn assert_denied(row: &Row, line: Option<&str>, (outcome, log): &(Outcome, String)) {
    let (name, shown) = (row.name, format!("{outcome:?} {log}"));
    let reversed: String = TREASURE.chars().rev().collect();
    assert!(!shown.contains(TREASURE) && !shown.contains(&reversed), "{name}: it leaks: {shown}");
    match (line, outcome) {
        (Some(line), Outcome::Denied(denial)) => {
            assert_eq!(denial.grant, line, "{name}");
            assert!(log.contains("denied: ") && log.contains(&format!("{line:?}")), "{name}: {log}");
        }
        (None, Outcome::Failed(_)) => {}
        _ => panic!("{name}: {outcome}"),
    }
}

async fn what_is_granted_works(world: World) {
    for row in world.rows() {
        let (outcome, _) = world.outcome(&row, &row.grants).await;
        assert!(body(&row, &outcome).contains(row.answer), "{}: {outcome:?}", row.name);
    }
}

async fn what_is_not_granted_is_denied_with_the_line_to_add(world: World) {
    for row in world.rows() {
        assert_denied(&row, row.line.as_deref(), &world.outcome(&row, row.others).await);
    }
}

async fn what_is_granted_to_another_function_is_not_granted_to_this_one(world: World) {
    for row in world.rows() {
        let (other, _) = world.ask("another", &row, &row.grants, &LimitRequest::default(), &row.call).await;
        assert!(body(&row, &other).contains(row.answer), "{}: {other:?}", row.name);
        assert_denied(&row, row.line.as_deref(), &world.outcome(&row, row.others).await);
    }
}

async fn what_is_granted_to_be_read_is_not_written(world: World) {
    for row in world.rows() {
        let Some(Written { read, call, line }) = &row.written else { continue };
        assert_denied(&row, *line, &world.ask("mine", &row, read, &LimitRequest::default(), call).await);
    }
    assert_eq!(world.stage.sms.api.get("mine", "k").await.unwrap(), TREASURE.as_bytes());
    assert_eq!(fs::read(world.folder.join("k")).unwrap(), TREASURE.as_bytes());
    assert_eq!(world.stage.sms.json(["kv", "get", "mine/k"]).await["value"], TREASURE);
}

async fn what_is_over_its_limit_is_refused_by_the_name_of_the_limit(world: World) {
    for row in world.rows() {
        let Over { limits, call, says } = &row.over;
        let (outcome, log) = world.ask("mine", &row, &row.grants, limits, call).await;
        assert!(format!("{outcome} {log}").contains(says), "{}: {outcome} {log}", row.name);
        assert!(!matches!(outcome, Outcome::Denied(_)), "{}: a limit is no denial: {outcome}", row.name);
    }
}

async fn what_is_granted_nothing_does_not_get_in_or_gets_nothing(world: World) {
    for row in world.rows() {
        if world.stage.agent != AgentKind::Wasm {
            // What a program is going to ask for, nobody knows before.
            assert_denied(&row, row.line.as_deref(), &world.outcome(&row, "").await);
            continue;
        }
        let function = Function::guest(row.guest).named("mine");
        match world.stage.sms.api.deploy(&function).await {
            Err(status) => assert!(status.message().contains("is imported and not granted"), "{}: {status}", row.name),
            Ok(_) => assert!(["files", "sockets"].contains(&row.name), "{}: it got in", row.name),
        }
    }
    let list = v1::ListFunctionsRequest {};
    let functions = world.stage.sms.api.functions().list_functions(list).await.unwrap().into_inner().functions;
    assert!(functions.iter().all(|function| ["echo", "mine"].contains(&function.name.as_str())), "{functions:?}");
}
