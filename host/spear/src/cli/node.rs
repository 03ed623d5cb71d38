//! `spear node`: what runs functions.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::Value;
use spear_types::NodeInfo;

use super::{Ask, Context, view};
use crate::{
    client::Client,
    output::{table, time},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Node {
    /// List the nodes.
    Ls,
}

impl Ask for Node {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let Self::Ls = self;
        let nodes = client.nodes().await?;
        if nodes.is_empty() {
            context.output.note("no node registered; start one with `spear spearlet`");
        }
        let values: Vec<Value> = nodes.iter().map(view::node).collect();
        context.output.answer(&values, || list(&nodes))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn list(nodes: &[NodeInfo]) -> String {
    if nodes.is_empty() {
        return String::new();
    }
    let row = |node: &NodeInfo| {
        [
            node.name.to_string(),
            node.address.clone(),
            format!("{}/{}", node.load.running, node.capacity.slots),
            node.spear_version.clone(),
            time(node.last_heard),
            node.state.to_string(),
        ]
    };
    table(["NAME", "ADDRESS", "RUNNING", "SPEAR", "LAST HEARD", "STATE"], nodes.iter().map(row))
}
