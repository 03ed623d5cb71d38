//! `spear deploy`: a new version of the project's function.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use spear_admission::Component;
use spear_types::Granted;

use super::{Ask, Context, function, inspect, view};
use crate::client::{Client, Deployed};

/// Make a new version of the project's function.
#[derive(Debug, Args)]
pub(crate) struct Deploy {
    /// Build it first.
    #[arg(short, long)]
    build: bool,
}

impl Ask for Deploy {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let project = context.project()?;
        if self.build {
            project.build()?;
        }
        let artifact = project.component()?;
        // The SMS checks the same; here it costs no upload.
        let asked = project.manifest.grants.clone();
        let component = Component::read(&artifact)?;
        component.review(&Granted::all(asked.clone())).admit()?;
        let granted = client.review_grants(&project.manifest.function.name, asked).await?;
        let review = component.review(&granted);
        review.admit()?;
        granted.cuts().iter().for_each(|cut| context.output.note(inspect::cut(cut)));
        let progress = context.output.progress(project.manifest.function.name.to_string(), artifact.len() as u64);
        let sent = progress.clone();
        let deployed = client.deploy(project.manifest.spec(), artifact.into(), move |bytes| sent.inc(bytes)).await;
        progress.finish_and_clear();
        let (function, made) = match deployed? {
            Deployed::Created(function) => (function, true),
            Deployed::Unchanged(function) => (function, false),
        };
        let answer =
            json!({ "result": if made { "created" } else { "unchanged" }, "function": view::function(&function) });
        context.output.answer(&answer, || function::deployed(&function, made))?;
        if let Some(entry) = review.entries.first() {
            context.output.note(format_args!("call it with `{}`", inspect::call(entry, function.name.as_str())));
        }
        Ok(ExitCode::SUCCESS)
    }
}
