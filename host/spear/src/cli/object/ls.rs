//! `spear object ls`.

use clap::Args;
use serde_json::Value;
use spear_types::{BucketName, ObjectInfo, ObjectPage, Refusal};

use crate::{
    cli::{Context, view},
    client::Client,
    output::{size, table, time},
};

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// BUCKET or BUCKET/PREFIX
    path: String,
    /// Only what comes after this key.
    #[arg(long, value_name = "KEY")]
    after: Option<String>,
    /// So many at the most. [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Ls {
    pub(crate) async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<()> {
        let objects = self.find(client).await?;
        let values: Vec<Value> = objects.iter().map(view::object).collect();
        context.output.answer(&values, || list(&objects))
    }

    async fn find(self, client: &Client) -> anyhow::Result<Vec<ObjectInfo>> {
        let Self { path, mut after, limit } = self;
        let (bucket, prefix) =
            path.split_once('/').map_or((&*path, None), |(bucket, prefix)| (bucket, Some(prefix.to_owned())));
        let bucket: BucketName = bucket.parse().map_err(Refusal::from)?;
        let mut objects = Vec::new();
        loop {
            let left = limit.map_or(ObjectPage::MAX, |limit| limit.saturating_sub(objects.len() as u32));
            if left == 0 {
                return Ok(objects);
            }
            let page = client.list_objects(&bucket, prefix.clone(), after, left.min(ObjectPage::MAX)).await?;
            objects.extend(page.objects);
            let Some(next) = page.next else { return Ok(objects) };
            after = Some(next.into());
        }
    }
}

fn list(objects: &[ObjectInfo]) -> String {
    let row = |object: &ObjectInfo| {
        [
            object.key.to_string(),
            size(object.size),
            object.version.to_string(),
            object.references.to_string(),
            if object.pinned { "yes" } else { "" }.to_owned(),
            time(object.modified),
            object.etag.to_string()[..12].to_owned(),
        ]
    };
    if objects.is_empty() {
        String::new()
    } else {
        table(["KEY", "SIZE", "VERSION", "REFS", "PINNED", "MODIFIED", "ETAG"], objects.iter().map(row))
    }
}
