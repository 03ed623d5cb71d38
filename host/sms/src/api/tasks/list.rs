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

use super::Tasks;

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

pub(super) async fn list(api: &Tasks, request: v1::ListTasksRequest) -> Result<v1::ListTasksResponse, Refusal> {
    let v1::ListTasksRequest { function, states, limit, after } = request;
    let wanted = Wanted::decode(function, &states)?;
    let limit = limit.map_or(LIMIT, |limit| limit as usize);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Refusal::new(Code::InvalidRequest, format!("a limit of {limit} tasks is not 1 to {MAX_LIMIT}")));
    }
    let before: Option<TaskId> = after.as_deref().map(str::parse).transpose()?;
    let live = match &wanted.live {
        Some(_) => api.scheduler.look(|state| state.tasks(before, limit, |task| wanted.takes(task))).await?,
        None => {
            api.scheduler.durable().await?;
            Page::default()
        }
    };
    // Read after what lives, and once that is remembered: what was not there any more has ended, and is here.
    let ended = match wanted.ended {
        Some(outcomes) => {
            let request = PageRequest { function: wanted.function, outcomes, before, limit };
            api.disk.read(move |journal| journal.page(&request)).await?
        }
        None => Page::default(),
    };
    let (tasks, next) = merge(live, ended, limit);
    let tasks = tasks.into_iter().map(spear_wire::Encode::encode).collect();
    Ok(v1::ListTasksResponse { tasks, next: next.map(|task| task.to_string()) })
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
