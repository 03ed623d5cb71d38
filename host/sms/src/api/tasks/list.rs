//! Pages of tasks: those that live from memory and those that ended from the disk, merged by their ids.
//!
//! Ids sort by time, and a page goes on below the id that the one before ended with. A task keeps its id when it ends, so
//! that it comes in one page, whichever half it is found in by then.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use spear_proto::v1;
use spear_state::{Page, PageRequest};
use spear_types::{Code, FunctionName, OutcomeKind, Refusal, TaskId, TaskInfo};
use spear_wire::Decode as _;

use super::View;

/// The most tasks of a page.
const MAX_LIMIT: usize = 1_000;

/// Tasks of a page where nobody says.
const LIMIT: usize = 100;

/// The most states that are asked for: there are fewer.
const MAX_STATES: usize = 32;

/// What is wanted.
struct Wanted {
    function: Option<FunctionName>,
    /// Names of states of tasks that live; none: of all.
    live: Option<BTreeSet<&'static str>>,
    /// Outcomes of those that ended; none: they are not wanted at all.
    ended: Option<Vec<OutcomeKind>>,
}

const LIVE: [&str; 3] = ["queued", "assigned", "running"];

pub(super) async fn list(view: &View, request: v1::ListTasksRequest) -> Result<v1::ListTasksResponse, Refusal> {
    let v1::ListTasksRequest { function, states, limit, after } = request;
    let wanted = Wanted::decode(function, &states)?;
    let limit = limit.map_or(LIMIT, |limit| limit as usize);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Refusal::new(Code::InvalidRequest, format!("a limit of {limit} tasks is not 1 to {MAX_LIMIT}")));
    }
    let before: Option<TaskId> = after.as_deref().map(str::parse).transpose()?;
    let (tasks, next) = page(view, wanted, before, limit).await?;
    let tasks = tasks.into_iter().map(spear_wire::Encode::encode).collect();
    Ok(v1::ListTasksResponse { tasks, next: next.map(|task| task.to_string()) })
}

async fn page(
    view: &View,
    wanted: Wanted,
    before: Option<TaskId>,
    limit: usize,
) -> Result<(Vec<TaskInfo>, Option<TaskId>), Refusal> {
    let live = view.scheduler.look(|state| match wanted.live {
        Some(_) => state.tasks(before, limit, |task| wanted.takes(task)),
        None => Page::default(),
    });
    let live = live.await?;
    // Read after what lives, and once that is remembered: what was not there any more has ended, and is here.
    let ended = match wanted.ended {
        Some(outcomes) => {
            let request = PageRequest { function: wanted.function, outcomes, before, limit };
            view.disk.read(move |journal| journal.page(&request)).await?
        }
        None => Page::default(),
    };
    Ok(merge(live, ended, limit))
}

impl Wanted {
    fn decode(function: Option<String>, states: &[String]) -> Result<Self, Refusal> {
        if states.len() > MAX_STATES {
            let message = format!("{} states are over the limit of {MAX_STATES}", states.len());
            return Err(Refusal::new(Code::InvalidRequest, message));
        }
        let function = function.map(TryInto::try_into).transpose()?;
        if states.is_empty() {
            return Ok(Self { function, live: Some(BTreeSet::from(LIVE)), ended: Some(Vec::new()) });
        }
        let (mut live, mut outcomes, mut all_ended) = (BTreeSet::new(), Vec::new(), false);
        for name in states {
            match LIVE.into_iter().find(|live| live == name) {
                Some(name) => drop(live.insert(name)),
                None if name == "ended" => all_ended = true,
                None => outcomes.push(OutcomeKind::decode(name.as_str()).map_err(|_| unknown(name))?),
            }
        }
        if all_ended {
            outcomes.clear();
        }
        let ended = (all_ended || !outcomes.is_empty()).then_some(outcomes);
        Ok(Self { function, live: (!live.is_empty()).then_some(live), ended })
    }

    /// Whether a task that lives is wanted.
    fn takes(&self, task: &TaskInfo) -> bool {
        self.function.as_ref().is_none_or(|function| *function == task.function)
            && self.live.as_ref().is_some_and(|live| live.contains(task.state.name()))
    }
}

fn unknown(name: &str) -> Refusal {
    let shown: String = name.chars().take(64).collect();
    let outcomes = OutcomeKind::ALL.map(OutcomeKind::name).join(", ");
    Refusal::new(Code::InvalidRequest, format!("{shown:?} is no state of a task"))
        .help(format!("there are {}, ended, and of those that ended {outcomes}", LIVE.join(", ")))
}

/// One page of two: down to where both have looked, and no longer than `limit`.
fn merge(live: Page, ended: Page, limit: usize) -> (Vec<TaskInfo>, Option<TaskId>) {
    // Where there may be more below, the other half may have what lies between.
    let floor = live.next.max(ended.next);
    let all = live.tasks.into_iter().chain(ended.tasks).filter(|task| floor.is_none_or(|floor| task.id >= floor));
    // Of a task that is in both the end is newer.
    let all: BTreeMap<Reverse<TaskId>, TaskInfo> = all.map(|task| (Reverse(task.id), task)).collect();
    let cut = all.len() > limit;
    let page: Vec<TaskInfo> = all.into_values().take(limit).collect();
    let next = if cut { page.last().map(|task| task.id) } else { floor };
    (page, next)
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};

    use super::*;
    use crate::testing::{Middle, function, success};

    fn states(names: &[&str]) -> Wanted {
        Wanted::decode(None, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// Reads all pages, and does something between each two.
    async fn pages(view: &View, names: &[&str], limit: usize, mut between: impl AsyncFnMut(usize)) -> Vec<TaskInfo> {
        let (mut all, mut before, mut count) = (Vec::new(), None, 0);
        loop {
            let (tasks, next) = page(view, states(names), before, limit).await.unwrap();
            assert!(tasks.len() <= limit, "{}", tasks.len());
            all.extend(tasks);
            if next.is_none() {
                return all;
            }
            (before, count) = (next, count + 1);
            between(count).await;
        }
    }

    #[tokio::test]
    async fn a_task_that_ends_while_pages_are_read_comes_once() {
        let mut runner = TestRunner::deterministic();
        for _ in 0..20 {
            let cases = (1..60usize, 1..9usize, prop::collection::vec(any::<prop::sample::Index>(), 60));
            let tree = cases.new_tree(&mut runner).unwrap();
            let (count, limit, ends) = tree.current();
            let middle = Middle::new();
            let mut tasks = middle.submit(&function("f"), count).await;
            let (early, late) = ends.split_at(count / 3);
            for end in early {
                let _ = middle.scheduler.apply(spear_state::Command::Cancel(*end.get(&tasks))).await;
            }
            let view = middle.view();
            let read = pages(&view, &[], limit, async |page| {
                for end in late.iter().skip(page).step_by(3) {
                    let _ = middle.scheduler.apply(spear_state::Command::Cancel(*end.get(&tasks))).await;
                }
            });
            let read: Vec<TaskId> = read.await.iter().map(|task| task.id).collect();
            tasks.reverse();
            assert_eq!(read, tasks, "{count} tasks in pages of {limit}");
        }
    }

    #[tokio::test]
    async fn pages_have_the_states_and_the_function_that_are_asked_for() {
        let middle = Middle::new();
        let [f, g] = [function("f"), function("g")];
        let first = middle.submit(&f, 3).await;
        let others = middle.submit(&g, 2).await;
        let link = middle.join("one", 1).await;
        // The slot is the first task's, and after it the other function's.
        middle.report(link, middle.assigned().await, success()).await;
        middle.cancel(first[2]).await;
        let view = middle.view();
        let of = async |names: &[&str]| -> Vec<TaskId> {
            pages(&view, names, 2, async |_| {}).await.iter().map(|task| task.id).collect()
        };
        assert_eq!(of(&["succeeded"]).await, first[..1]);
        assert_eq!(of(&["cancelled", "trapped"]).await, first[2..]);
        assert_eq!(of(&["ended"]).await, [first[2], first[0]]);
        assert_eq!(of(&["assigned"]).await, others[..1]);
        assert_eq!(of(&["queued", "succeeded"]).await, [others[1], first[1], first[0]]);
        let wanted = Wanted { function: Some(g.name.clone()), ..states(&[]) };
        let (tasks, next) = page(&view, wanted, None, 10).await.unwrap();
        assert_eq!((tasks.len(), next), (2, None));
        assert!(tasks.iter().all(|task| task.function == g.name));
    }

    #[test]
    fn a_state_that_is_none_is_named_and_so_are_those_there_are() {
        let refusal = Wanted::decode(None, &["runing".to_owned()]).map(drop).unwrap_err();
        assert!(refusal.message.contains("runing"), "{refusal}");
        assert!(refusal.help.is_some_and(|help| help.contains("running") && help.contains("timed-out")));
    }
}
