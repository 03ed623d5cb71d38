//! `spear build`: the project's own build command, then the check that deploy would make.

use std::process::ExitCode;

use super::{Context, inspect};

pub(crate) fn run(context: &Context<'_>) -> anyhow::Result<ExitCode> {
    let project = context.project()?;
    project.build()?;
    if project.component_path().is_some() {
        let inspected = inspect::Inspected::of_project(&project)?;
        inspected.show(context)?;
        inspected.admit()?;
    }
    context.output.note("deploy it with `spear deploy`");
    Ok(ExitCode::SUCCESS)
}
