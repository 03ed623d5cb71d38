//! `spear invoke`: run a function now.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{
    Ask, Context,
    call::CallArgs,
    ended::{Beside, EXIT_CODES, Ended},
    view,
};
use crate::client::Client;

/// Run a function now and print its answer.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Invoke {
    #[command(flatten)]
    call: CallArgs,
    #[command(flatten)]
    beside: Beside,
}

impl Ask for Invoke {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let function = self.call.function()?;
        let invoked = client.invoke(&function, self.call.version, self.call.call()?).await?;
        let value = json!({
            "task": invoked.task,
            "function": function,
            "version": invoked.version,
            "node": invoked.node,
            "outcome": view::outcome(&invoked.outcome),
            "usage": view::usage(&invoked.usage),
            "ran": invoked.ran,
        });
        let ended = Ended {
            task: invoked.task,
            version: invoked.version,
            node: Some(invoked.node.as_str()),
            attempt: None,
            outcome: &invoked.outcome,
            usage: &invoked.usage,
            ran: invoked.ran.as_ref(),
        };
        ended.answer(&value, &self.beside, client, context).await
    }
}
