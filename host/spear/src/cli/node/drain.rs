//! Moving work away from a node, and waiting until it is gone.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use spear_types::{Code, Duty, NodeInfo, NodeState, Refusal};
use tokio::time;

use super::parse;
use crate::{
    cli::{Context, again::Again, length, view},
    client::{Client, NewDuty},
    output::{counted, dim, good},
};

/// How often the node is looked at. What is left of its work has no event to wait for.
const EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// The node.
    name: String,
    /// What it has may still run for so long; then it goes to other nodes. [default: until it ends]
    #[arg(long, value_name = "TIME", value_parser = length, allow_hyphen_values = true)]
    within: Option<Duration>,
    /// Wait until nothing is left.
    #[arg(long)]
    wait: bool,
}

impl Drain {
    pub(super) async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let name = parse(&self.name)?;
        let mut node = client.set_duty(&name, NewDuty::Draining(self.within)).await?;
        if self.wait {
            node = drained(node, client, context).await?;
        }
        context.output.answer(&view::node(&node), || text(&node))?;
        if node.duty != Duty::Drained {
            context.output.note(dim(format_args!("`spear node get {name}` shows what is left")));
        }
        context.output.note(dim(format_args!("`spear node uncordon {name}` gives it work again")));
        Ok(ExitCode::SUCCESS)
    }
}

/// Waits until nothing is left, and shows how it goes.
async fn drained(mut node: NodeInfo, client: &Client, context: &Context<'_>) -> anyhow::Result<NodeInfo> {
    let bar = context.output.counter(format!("draining {}", node.name), Some(node.reserved.slots.into()));
    let mut again = Again::new(context.output);
    let mut ticks = time::interval(EVERY);
    while !is_drained(&node)? {
        ticks.tick().await;
        match client.node(&node.name).await {
            Ok(found) => {
                again.reached();
                node = found;
            }
            Err(refusal) => bar.suspend(|| again.after(refusal)).await?,
        }
        let all = bar.length().unwrap_or_default();
        bar.set_position(all.saturating_sub(node.reserved.slots.into()));
    }
    bar.finish_and_clear();
    Ok(node)
}

/// # Errors
/// When that will not come: somebody gave it work again.
fn is_drained(node: &NodeInfo) -> Result<bool, Refusal> {
    match (&node.duty, &node.state) {
        (Duty::Drained, _) => Ok(true),
        // What it had is other nodes'.
        (Duty::Draining { .. }, NodeState::Lost { .. }) => Ok(true),
        (Duty::Draining { .. }, _) => Ok(false),
        (Duty::Open | Duty::Cordoned, _) => {
            let message = format!("the node {} is {} and is not drained any more", node.name, node.duty);
            Err(Refusal::new(Code::InvalidRequest, message).help("somebody else changed it meanwhile"))
        }
    }
}

fn text(node: &NodeInfo) -> String {
    let name = &node.name;
    match node.duty {
        Duty::Drained => format!("{} {name}", good("drained")),
        Duty::Draining { .. } if matches!(node.state, NodeState::Lost { .. }) => {
            format!("{name} is lost; what it had is moved")
        }
        _ => format!("draining {name}: {} left", counted(node.reserved.slots, "task")),
    }
}
