//! Why a task runs where it runs, or why it waits.
//!
//! ```text
//! hello version 3, task 0198…
//!   queued, for 2m 13s
//!   it waits: no node has room …    the decision in one sentence, and when
//!
//! ASKED                             what a run takes
//! COULD TAKE IT                     the best first, with each term of the score
//! COULD NOT                         with the first filter that was not passed
//! NOT LOOKED AT                     counted
//! ```

use std::process::ExitCode;

use spear_types::{TaskId, TaskInfo, TaskState, Timestamp};

use super::show;
use crate::{
    cli::{Context, node::cores, view},
    client::{Client, Considered, Decision, Explained, Verdict},
    output::{bad, counted, dim, good, printable, size, span, table, wide_table},
};

pub(super) async fn run(task: TaskId, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
    let explained = client.explain(task).await?;
    context.output.answer(&view::explained(&explained), || text(&explained))?;
    Ok(ExitCode::SUCCESS)
}

fn text(Explained { task, decision }: &Explained) -> String {
    let node = show::node(task).map(|node| format!(" on {node}")).unwrap_or_default();
    let when = Some(show::when(task)).filter(|when| !when.is_empty()).map(|when| format!(", {when}"));
    let head = format!(
        "{} version {}, task {}\n  {}{node}{}",
        task.function,
        task.version,
        task.id,
        show::state(task),
        when.unwrap_or_default()
    );
    let Some(decision) = decision else { return format!("{head}\n  {}", undecided(task)) };
    let parts = [
        Some(format!("{head}\n  {}", sentence(decision, task))),
        Some(asked(decision, task)),
        scored(decision),
        rejected(decision),
        passed_over(decision),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

/// The decision in one sentence. A task that waits for something else than a node is shown where it would go.
fn sentence(decision: &Decision, task: &TaskInfo) -> String {
    let summary = printable(&decision.summary);
    match (&task.state, &decision.node) {
        (TaskState::Queued { .. }, Some(node)) => {
            good(format_args!("it waits for its time or its turn; now it would go to {}", printable(node)))
        }
        (_, Some(_)) => {
            let age = span(Timestamp::now().since(decision.at));
            format!("{} {}", good(summary), dim(format_args!("({age} ago)")))
        }
        (_, None) => bad(summary),
    }
}

/// Why there is no decision to show.
fn undecided(task: &TaskInfo) -> String {
    match &task.state {
        TaskState::Queued { not_before: Some(_), .. } => "nothing is decided before its time has come".to_owned(),
        TaskState::Queued { .. } => "nothing is decided yet: others are before it".to_owned(),
        TaskState::Ended { outcome, .. } if task.attempt == 0 => {
            format!("it was {} before it went anywhere: no node was chosen for it", outcome.name())
        }
        TaskState::Assigned { .. } | TaskState::Running { .. } | TaskState::Ended { .. } => {
            "why it went there is not kept any more: the SMS has the newest decisions in memory only".to_owned()
        }
    }
}

fn asked(decision: &Decision, task: &TaskInfo) -> String {
    let lines = |verb: &str, constraints: &[String]| -> String {
        constraints.iter().map(|constraint| format!("\n  {verb} {}", printable(constraint))).collect()
    };
    format!(
        "ASKED\n  {} cpu, {} memory, priority {}, policy {}{}{}{}",
        cores(decision.cpu),
        size(decision.memory),
        task.priority.get(),
        printable(&decision.policy),
        lines("needs", &decision.constraints),
        lines("prefers", &decision.prefer),
        lines("avoids", &decision.avoid),
    )
}

/// A node, its score and the terms of that.
type Scored<'a> = (&'a str, f64, &'a [(String, f64)]);

/// The nodes that could take it, the best first, with a column for each term.
fn scored(decision: &Decision) -> Option<String> {
    let mut nodes: Vec<Scored<'_>> = decision.nodes.iter().filter_map(score).collect();
    nodes.sort_by(|(_, one, _), (_, other, _)| other.total_cmp(one));
    if nodes.is_empty() {
        return None;
    }
    // What a node's score has no term for is nothing.
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in nodes.iter().flat_map(|(_, _, terms)| terms.iter()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let header = ["  NODE", "SCORE"].into_iter().map(str::to_owned);
    let header = header.chain(names.iter().map(|name| printable(name).to_uppercase())).chain([String::new()]);
    let rows = nodes.iter().map(|(node, score, terms)| {
        let term = |name: &&str| terms.iter().find(|(term, _)| term == name).map_or(0.0, |(_, value)| *value);
        let chosen = decision.node.as_deref() == Some(*node);
        let mark = if chosen { good("chosen") } else { String::new() };
        let score = [format!("  {}", printable(node)), format!("{score:.2}")].into_iter();
        score.chain(names.iter().map(|name| format!("{:.2}", term(name)))).chain([mark]).collect::<Vec<_>>()
    });
    Some(format!("COULD TAKE IT\n{}", wide_table(header, rows)))
}

fn score(considered: &Considered) -> Option<Scored<'_>> {
    match &considered.verdict {
        Verdict::Scored { score, terms } => Some((&considered.node, *score, terms)),
        Verdict::Rejected { .. } => None,
    }
}

/// The nodes that could not.
fn rejected(decision: &Decision) -> Option<String> {
    let row = |considered: &Considered| match &considered.verdict {
        Verdict::Scored { .. } => None,
        Verdict::Rejected { filter, reason } => {
            Some([format!("  {}", printable(&considered.node)), printable(filter), printable(reason)])
        }
    };
    let rows: Vec<_> = decision.nodes.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| format!("COULD NOT\n{}", table(["  NODE", "FILTER", "WHY"], rows)))
}

fn passed_over(decision: &Decision) -> Option<String> {
    let line =
        |over: &crate::client::PassedOver| format!("\n  {}: {}", counted(over.nodes, "node"), printable(&over.reason));
    let lines: String = decision.others.iter().map(line).collect();
    (!lines.is_empty()).then(|| format!("NOT LOOKED AT{lines}"))
}
