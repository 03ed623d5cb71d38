//! `spear inspect`: what a component imports, what it is granted, what is missing.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use spear_admission::{Component, ImportReview, Review, Verdict};
use spear_types::{Digest, Granted, Grants, Refusal};

use super::Context;
use crate::{
    output::{bad, dim, good, size, table},
    project::Project,
};

/// What a component imports, what it is granted, what is missing.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component. [default: the project's, with the grants of its manifest]
    component: Option<PathBuf>,
}

/// A component against its grants.
pub(crate) struct Inspected {
    path: PathBuf,
    size: u64,
    digest: Digest,
    review: Review,
}

impl Inspect {
    pub(crate) fn run(self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let inspected = match self.component {
            Some(path) => {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                Inspected::new(path, &bytes, &Grants::default())?
            }
            None => Inspected::of_project(&context.project()?)?,
        };
        inspected.show(context)?;
        inspected.admit()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Inspected {
    pub(crate) fn of_project(project: &Project) -> Result<Self, Refusal> {
        Self::new(project.component_path(), &project.component()?, &project.manifest.grants)
    }

    fn new(path: PathBuf, bytes: &[u8], grants: &Grants) -> Result<Self, Refusal> {
        let review = Component::read(bytes)?.review(&Granted::all(grants.clone()));
        Ok(Self { path, size: bytes.len() as u64, digest: Digest::of(bytes), review })
    }

    pub(crate) fn show(&self, context: &Context<'_>) -> anyhow::Result<()> {
        context.output.answer(&self.value(), || self.text())
    }

    /// The refusal that a deploy would get.
    pub(crate) fn admit(&self) -> Result<(), Refusal> {
        self.review.admit()
    }

    fn value(&self) -> Value {
        let problems = self.admit().err().map(
            |refusal| json!({ "code": refusal.code.to_string(), "message": refusal.message, "help": refusal.help }),
        );
        json!({ "component": self.path, "size": self.size, "digest": self.digest, "review": self.review, "refusal": problems })
    }

    fn text(&self) -> String {
        let head =
            format!("{} {}", self.path.display(), dim(format_args!("{}, sha-256 {}", size(self.size), self.digest)));
        let imports = table(["IMPORT", "VERDICT"], self.review.imports.iter().map(row));
        let exports = format!("EXPORTS\n  {}", self.review.exports.join("\n  "));
        let unused = self.review.unused.iter().map(|line| format!("{} {line}", bad("granted and not used:")));
        [head, imports, exports].into_iter().chain(unused).collect::<Vec<_>>().join("\n\n")
    }
}

fn row(import: &ImportReview) -> [String; 2] {
    let verdict = match &import.verdict {
        Verdict::Provided => "provided".to_owned(),
        Verdict::Granted { by } => good(format_args!("granted by {}", by.join(", "))),
        Verdict::Missing { add } => bad(format_args!("missing: add {}", add.replace('\n', " "))),
        Verdict::Unavailable { reason } => bad(format_args!("not to be had: {reason}")),
    };
    [format!("  {}", import.name), verdict]
}
