//! `spear object`: bytes in buckets.

mod get;
mod ls;
mod put;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;
use spear_types::{BucketName, Code, Condition, Digest, ObjectChange, ObjectInfo, ObjectKey, Refusal};

use super::{Ask, Context, view};
use crate::{client::Client, output::size};

#[derive(Debug, Subcommand)]
pub(crate) enum Object {
    /// Put a file as an object; the bucket comes to be with its first.
    ///
    /// An object that is replaced passes on its references and its pin.
    Put(put::Put),
    /// Get an object.
    Get(get::Get),
    /// List a bucket's objects.
    Ls(ls::Ls),
    /// Show what is known of an object.
    Stat {
        /// BUCKET/KEY
        path: String,
    },
    /// Remove an object.
    Rm {
        /// BUCKET/KEY
        path: String,
        /// Also if it is pinned or referenced.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        if_match: IfMatch,
    },
    /// Add a reference to an object.
    Ref {
        /// BUCKET/KEY
        path: String,
    },
    /// Remove a reference; the object goes with its last one unless it is pinned.
    Unref {
        /// BUCKET/KEY
        path: String,
    },
    /// Have an object stay without a reference.
    Pin {
        /// BUCKET/KEY
        path: String,
    },
    /// Take the pin away; the object stays until its last reference goes.
    Unpin {
        /// BUCKET/KEY
        path: String,
    },
}

/// What has to be there first.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct IfMatch {
    /// Only if the object there has this etag.
    #[arg(long, value_name = "ETAG", value_parser = etag)]
    if_match: Option<Digest>,
    /// Only if the object there has this version.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    if_version: Option<u64>,
}

impl Ask for Object {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Put(put) => put.run(client, context).await?,
            Self::Get(get) => get.run(client, context).await?,
            Self::Ls(ls) => ls.run(client, context).await?,
            Self::Stat { path } => {
                let (bucket, key) = locate(&path)?;
                let object = client.stat_object(&bucket, &key).await?;
                context.output.answer(&view::object(&object), || describe(&object))?;
            }
            Self::Rm { path, force, if_match } => {
                let condition = if_match.condition().unwrap_or_default();
                change(client, context, &path, ObjectChange::Delete { condition, force }).await?;
            }
            Self::Ref { path } => change(client, context, &path, ObjectChange::AddRef).await?,
            Self::Unref { path } => change(client, context, &path, ObjectChange::RemoveRef).await?,
            Self::Pin { path } => change(client, context, &path, ObjectChange::Pin).await?,
            Self::Unpin { path } => change(client, context, &path, ObjectChange::Unpin).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl IfMatch {
    fn condition(&self) -> Option<Condition> {
        self.if_match.map(Condition::Etag).or_else(|| self.if_version.map(Condition::Version))
    }
}

async fn change(client: &Client, context: &Context<'_>, path: &str, change: ObjectChange) -> anyhow::Result<()> {
    let (bucket, key) = locate(path)?;
    match client.change_object(&bucket, &key, change).await? {
        Some(object) => context.output.answer(&view::object(&object), || describe(&object)),
        None => context.output.answer(&json!({ "removed": path }), || format!("removed {path}")),
    }
}

fn describe(object: &ObjectInfo) -> String {
    let content_type = object.content_type.as_deref().unwrap_or("no media type");
    let references = match object.references {
        1 => "1 reference".to_owned(),
        references => format!("{references} references"),
    };
    let pinned = if object.pinned { ", pinned" } else { "" };
    format!(
        "{}/{} version {}, {}, {content_type}, {references}{pinned}\netag {}",
        object.bucket,
        object.key,
        object.version,
        size(object.size),
        object.etag
    )
}

/// An etag, in quotes as HTTP has it or without.
fn etag(text: &str) -> Result<Digest, String> {
    text.trim_matches('"')
        .parse()
        .map_err(|_| "an etag has 64 hexadecimal digits; `spear object stat` shows it".to_owned())
}

/// BUCKET/KEY
fn locate(path: &str) -> Result<(BucketName, ObjectKey), Refusal> {
    let malformed = || Refusal::new(Code::InvalidName, format!("{path:?} is not BUCKET/KEY"));
    let (bucket, key) = path.split_once('/').ok_or_else(malformed)?;
    Ok((bucket.parse()?, key.parse()?))
}
