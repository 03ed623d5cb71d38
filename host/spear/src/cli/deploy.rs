//! `spear deploy`: a new version of the project's function.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use spear_admission::{Component, Review};
use spear_types::{AgentKind, Granted, Refusal};

use super::{Ask, Context, function, inspect, view};
use crate::{
    client::{Client, Deployed},
    project::artifacts::Built,
};

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
        let built = project.implementations()?;
        let asked = project.manifest.grants.clone();
        let mine = review(&built, &Granted::all(asked.clone()))?;
        let granted = client.review_grants(&project.manifest.function.name, asked).await?;
        let review = if mine.is_some() { review(&built, &granted)? } else { None };
        granted.cuts().iter().for_each(|cut| context.output.note(inspect::cut(cut)));
        let size = built.iter().map(|built| built.bytes.len() as u64).sum();
        let progress = context.output.progress(project.manifest.function.name.to_string(), size);
        let sent = progress.clone();
        let (implementations, artifacts) =
            built.into_iter().map(|Built { implementation, bytes }| (implementation, bytes)).unzip();
        let spec = project.manifest.spec(implementations);
        let deployed = client.deploy(spec, artifacts, move |bytes| sent.inc(bytes)).await;
        progress.finish_and_clear();
        let (function, made) = match deployed? {
            Deployed::Created(function) => (function, true),
            Deployed::Unchanged(function) => (function, false),
        };
        let answer =
            json!({ "result": if made { "created" } else { "unchanged" }, "function": view::function(&function) });
        context.output.answer(&answer, || function::deployed(&function, made))?;
        if let Some(entry) = review.as_ref().and_then(|review| review.entries.first()) {
            context.output.note(format_args!("call it with `{}`", inspect::call(entry, function.name.as_str())));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The component's review, where there is one. The SMS makes the same; here it costs no upload.
fn review(built: &[Built], granted: &Granted) -> Result<Option<Review>, Refusal> {
    let wasm = built.iter().find(|built| built.implementation.agent() == AgentKind::Wasm);
    let Some(Built { bytes, .. }) = wasm else { return Ok(None) };
    let review = Component::read(bytes)?.review(granted);
    review.admit()?;
    Ok(Some(review))
}
