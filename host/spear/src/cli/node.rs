//! `spear node`: what runs functions.

mod drain;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;
use spear_types::{NodeName, Refusal};

use self::drain::Drain;
pub(crate) use self::show::{cores, drain_until};
use super::{Ask, Context, view};
use crate::{
    client::{Client, NewDuty},
    output::dim,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Node {
    /// List the nodes, with what they have, what of it is given away and how busy they are.
    Ls,
    /// Show one.
    Get {
        /// The node.
        name: String,
    },
    /// Move work away from one: it takes nothing new, finishes what it can, and the rest goes to other nodes.
    Drain(Drain),
    /// Give one nothing new; it finishes what it has.
    Cordon {
        /// The node.
        name: String,
    },
    /// Give one work again.
    Uncordon {
        /// The node.
        name: String,
    },
}

impl Ask for Node {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ls => ls(client, context).await?,
            Self::Get { name } => {
                let node = client.node(&parse(&name)?).await?;
                context.output.answer(&view::node(&node), || show::describe(&node))?;
            }
            Self::Drain(drain) => return drain.run(client, context).await,
            Self::Cordon { name } => {
                let node = client.set_duty(&parse(&name)?, NewDuty::Cordoned).await?;
                context.output.answer(&view::node(&node), || format!("{} gets nothing new", node.name))?;
                context.output.note(dim(format_args!("`spear node uncordon {}` takes it back", node.name)));
            }
            Self::Uncordon { name } => {
                let node = client.set_duty(&parse(&name)?, NewDuty::Open).await?;
                context.output.answer(&view::node(&node), || format!("{} takes work", node.name))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn ls(client: &Client, context: &Context<'_>) -> anyhow::Result<()> {
    let nodes = client.nodes().await?;
    if nodes.is_empty() {
        context.output.note("no node registered; start one with `spear spearlet`");
    }
    let values: Vec<Value> = nodes.iter().map(view::node).collect();
    context.output.answer(&values, || show::list(&nodes))
}

/// A name from the command line.
fn parse(name: &str) -> Result<NodeName, Refusal> {
    Ok(name.parse()?)
}
