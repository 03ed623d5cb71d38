//! `spear inspect`: what a component imports, what it is granted, what is missing.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use spear_admission::{Component, Entry, ImportReview, Review, Verdict};
use spear_types::{Code, Cut, Digest, Granted, Lacking, Placement, Refusal};

use super::{Context, placement, view};
use crate::{
    client::Client,
    output::{bad, dim, good, size, table},
    project::{Project, artifacts},
};

/// Who grants where the operator was not asked.
const MANIFEST: &str = "spear.toml";

/// What a component imports, what it is granted, what is missing.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A component. [default: the project's, with the grants of its manifest]
    component: Option<PathBuf>,
    /// Ask the SMS what its operator allows of the manifest's grants.
    #[arg(long, conflicts_with = "component")]
    operator: bool,
}

/// A component against its grants.
pub(crate) struct Inspected {
    path: PathBuf,
    size: u64,
    digest: Digest,
    review: Review,
    /// Whose word the grants are.
    who: &'static str,
    /// Where its runs may go: a project says so.
    placement: Option<Placement>,
}

impl Inspect {
    pub(crate) async fn run(self, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        let inspected = match self.component {
            Some(path) => {
                let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                Inspected::new(path, &bytes, &Granted::default(), MANIFEST)?
            }
            None if self.operator => {
                let project = context.project()?;
                let client = Client::new(&context.config.client.sms)?;
                let asked = project.manifest.grants.clone();
                let granted = client.review_grants(&project.manifest.function.name, asked).await?;
                Inspected::under(&project, &granted, "spear.toml and the operator")?
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
        Self::under(project, &Granted::all(project.manifest.grants.clone()), MANIFEST)
    }

    fn under(project: &Project, granted: &Granted, who: &'static str) -> Result<Self, Refusal> {
        let path = project.component_path().ok_or_else(|| {
            Refusal::new(Code::InvalidManifest, "no [[run]] is a component: there are no imports to look at")
                .help("`spear deploy` takes it as it is")
        })?;
        let bytes = artifacts::read(&path)?;
        let inspected = Self::new(path, &bytes, granted, who)?;
        Ok(Self { placement: Some(project.manifest.placement.clone()), ..inspected })
    }

    fn new(path: PathBuf, bytes: &[u8], granted: &Granted, who: &'static str) -> Result<Self, Refusal> {
        let review = Component::read(bytes)?.review(granted);
        Ok(Self { path, size: bytes.len() as u64, digest: Digest::of(bytes), review, who, placement: None })
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
        json!({
            "component": self.path,
            "size": self.size,
            "digest": self.digest,
            "review": self.review,
            "placement": self.placement.as_ref().map(|placement| view::placement(placement, None)),
            "refusal": problems,
        })
    }

    fn text(&self) -> String {
        let head =
            format!("{} {}", self.path.display(), dim(format_args!("{}, sha-256 {}", size(self.size), self.digest)));
        let imports =
            table(["IMPORT", "NEEDS", "VERDICT"], self.review.imports.iter().map(|import| row(import, self.who)));
        let exports =
            if self.review.exports.is_empty() { "nothing".to_owned() } else { self.review.exports.join("\n  ") };
        let exports = format!("EXPORTS\n  {exports}");
        let calls = self.review.entries.iter().map(|entry| call(entry, "NAME")).collect::<Vec<_>>().join("\n  ");
        let calls = (!calls.is_empty()).then(|| format!("CALLED BY\n  {calls}"));
        let placement = self.placement.iter().filter(|placement| **placement != Placement::default());
        let placement = placement.map(|asked| placement::text(asked, None));
        let unused = self.review.unused.iter().map(|line| format!("{} {line}", bad("granted and not used:")));
        let cuts = self.review.cut.iter().map(cut);
        [head, imports, exports]
            .into_iter()
            .chain(calls)
            .chain(placement)
            .chain(cuts)
            .chain(unused)
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}

/// The command that calls it.
pub(crate) fn call(entry: &Entry, name: &str) -> String {
    match entry {
        Entry::Handler => format!("spear invoke {name} -d BODY"),
        Entry::Http => format!("spear invoke {name} --path PATH"),
        Entry::Command => format!("spear invoke {name} -- ARGUMENTS"),
        Entry::Functions => format!("spear invoke {name} 'FUNCTION(ARGUMENTS)'"),
    }
}

/// What the operator leaves of a grant.
pub(crate) fn cut(cut: &Cut) -> String {
    let left = if cut.left.is_empty() { "nothing".to_owned() } else { cut.left.join(", ") };
    format!("{} {}, of which is left: {left}", bad("not allowed by the operator:"), cut.asked)
}

fn row(import: &ImportReview, who: &str) -> [String; 3] {
    let verdict = match &import.verdict {
        Verdict::Provided => "provided".to_owned(),
        Verdict::Granted { by } => good(format_args!("granted by {who}: {}", by.join(", "))),
        Verdict::Closed { add, lacking: Lacking::Manifest } => {
            dim(format_args!("refuses everything without {}", add.replace('\n', " ")))
        }
        Verdict::Closed { add, lacking: Lacking::Policy } => {
            bad(format_args!("refuses everything, the operator does not allow {}", add.replace('\n', ", ")))
        }
        Verdict::Missing { add, lacking: Lacking::Manifest } => {
            bad(format_args!("missing: add {}", add.replace('\n', " ")))
        }
        Verdict::Missing { add, lacking: Lacking::Policy } => {
            bad(format_args!("missing in the operator's policy: {}", add.replace('\n', ", ")))
        }
        Verdict::Unavailable { reason } => bad(format_args!("not to be had: {reason}")),
    };
    [format!("  {}", import.name), import.needs.unwrap_or_default().to_owned(), verdict]
}
