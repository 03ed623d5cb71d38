//! `spear object`: bytes in buckets.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Subcommand;
use futures::{Stream, TryStreamExt as _};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use spear_proto::v1::{self, get_object_response};
use spear_types::{BucketName, ObjectInfo, ObjectKey, Refusal};
use spear_wire::from_status;
use tokio::{fs::File, io::AsyncRead};
use tokio_util::io::ReaderStream;

use super::{Ask, Context, view};
use crate::{
    client::Client,
    output::{good, size, table, time},
};

/// Pieces in which files are read.
const PIECE: usize = 256 << 10;

#[derive(Debug, Subcommand)]
pub(crate) enum Object {
    /// Put a file as an object; the bucket comes to be with its first.
    Put {
        /// BUCKET/KEY
        path: String,
        /// The file, or `-` for standard input.
        file: PathBuf,
        /// The media type. [default: by the file's name]
        #[arg(short = 't', long, value_name = "TYPE")]
        content_type: Option<String>,
    },
    /// Get an object.
    Get {
        /// BUCKET/KEY
        path: String,
        /// The file to write, or `-` for standard output.
        #[arg(default_value = "-")]
        file: PathBuf,
    },
    /// List a bucket's objects.
    Ls {
        /// BUCKET or BUCKET/PREFIX
        path: String,
    },
    /// Show what is known of an object.
    Stat {
        /// BUCKET/KEY
        path: String,
    },
    /// Remove an object.
    Rm {
        /// BUCKET/KEY
        path: String,
    },
}

impl Ask for Object {
    async fn ask(self, client: &Client, context: &Context<'_>) -> anyhow::Result<ExitCode> {
        match self {
            Self::Put { path, file, content_type } => put(client, context, &path, &file, content_type).await?,
            Self::Get { path, file } => get(client, context, &path, &file).await?,
            Self::Ls { path } => ls(client, context, &path).await?,
            Self::Stat { path } => {
                let (bucket, key) = locate(&path)?;
                let object = client.stat_object(&bucket, &key).await?;
                context.output.answer(&view::object(&object), || describe(&object))?;
            }
            Self::Rm { path } => {
                let (bucket, key) = locate(&path)?;
                client.delete_object(&bucket, &key).await?;
                context.output.answer(&json!({ "removed": path }), || format!("removed {path}"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn put(
    client: &Client,
    context: &Context<'_>,
    path: &str,
    file: &Path,
    content_type: Option<String>,
) -> anyhow::Result<()> {
    let (bucket, key) = locate(path)?;
    let content_type = content_type.or_else(|| mime_guess::from_path(file).first().map(|guess| guess.to_string()));
    let (reader, size): (Box<dyn AsyncRead + Send + Unpin>, Option<u64>) = if file.as_os_str() == "-" {
        (Box::new(tokio::io::stdin()), None)
    } else {
        let file = open(file).await?;
        let size = file.metadata().await?.len();
        (Box::new(file), Some(size))
    };
    let header = v1::PutObjectHeader { bucket: bucket.into(), key: key.into(), content_type, size, condition: None };
    let progress = context.output.progress(path.to_owned(), size.unwrap_or_default());
    let object = client.put_object(header, pieces(reader, progress.clone())).await;
    progress.finish_and_clear();
    let object = object?;
    context.output.answer(&view::object(&object), || format!("{} {}", good("put"), describe(&object)))
}

/// A file in pieces. One that breaks off under us ends before the size that was said, which the SMS refuses.
fn pieces(reader: impl AsyncRead + Send + Unpin + 'static, progress: ProgressBar) -> impl Stream<Item = Bytes> + Send {
    let pieces = ReaderStream::with_capacity(reader, PIECE).inspect_ok(move |piece| progress.inc(piece.len() as u64));
    futures::StreamExt::filter_map(pieces, |piece| async { piece.ok() })
}

async fn get(client: &Client, context: &Context<'_>, path: &str, file: &Path) -> anyhow::Result<()> {
    let (bucket, key) = locate(path)?;
    let (object, mut parts) = client.get_object(&bucket, &key).await?;
    let mut target = Target::open(file)?;
    let progress = context.output.progress(path.to_owned(), object.size);
    while let Some(response) = parts.message().await.map_err(from_status)? {
        if let Some(get_object_response::Part::Chunk(chunk)) = response.part {
            target.write(&chunk.data)?;
            progress.inc(chunk.data.len() as u64);
        }
    }
    progress.finish_and_clear();
    match target.finish()? {
        Some(file) => {
            context.output.answer(&view::object(&object), || format!("{} {}", file.display(), size(object.size)))
        }
        None => Ok(()),
    }
}

/// Where an object's bytes go: a file appears whole or not at all.
enum Target {
    Stdout,
    File { temporary: tempfile::NamedTempFile, file: PathBuf },
}

impl Target {
    fn open(file: &Path) -> anyhow::Result<Self> {
        if file.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let temporary =
            tempfile::NamedTempFile::new_in(folder).with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self::File { temporary, file: file.to_owned() })
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match self {
            Self::Stdout => Ok(std::io::stdout().write_all(bytes)?),
            Self::File { temporary, .. } => Ok(temporary.write_all(bytes)?),
        }
    }

    fn finish(self) -> anyhow::Result<Option<PathBuf>> {
        match self {
            Self::Stdout => Ok(std::io::stdout().flush().map(|()| None)?),
            Self::File { temporary, file } => {
                temporary.persist(&file).with_context(|| format!("cannot write {}", file.display()))?;
                Ok(Some(file))
            }
        }
    }
}

async fn ls(client: &Client, context: &Context<'_>, path: &str) -> anyhow::Result<()> {
    let (bucket, prefix) =
        path.split_once('/').map_or((path, None), |(bucket, prefix)| (bucket, Some(prefix.to_owned())));
    let bucket: BucketName = bucket.parse().map_err(Refusal::from)?;
    let mut objects = Vec::new();
    let mut after = None;
    loop {
        let page = client.list_objects(&bucket, prefix.clone(), after).await?;
        objects.extend(page.objects);
        match page.next {
            Some(next) => after = Some(next.into()),
            None => break,
        }
    }
    let values: Vec<Value> = objects.iter().map(view::object).collect();
    context.output.answer(&values, || list(&objects))
}

fn list(objects: &[ObjectInfo]) -> String {
    let row = |object: &ObjectInfo| {
        [
            object.key.to_string(),
            size(object.size),
            object.version.to_string(),
            time(object.modified),
            object.etag.to_string()[..12].to_owned(),
        ]
    };
    if objects.is_empty() {
        String::new()
    } else {
        table(["KEY", "SIZE", "VERSION", "MODIFIED", "ETAG"], objects.iter().map(row))
    }
}

fn describe(object: &ObjectInfo) -> String {
    let content_type = object.content_type.as_deref().unwrap_or("no media type");
    format!(
        "{}/{} version {}, {}, {content_type}\netag {}",
        object.bucket,
        object.key,
        object.version,
        size(object.size),
        object.etag
    )
}

async fn open(file: &Path) -> anyhow::Result<File> {
    File::open(file).await.with_context(|| format!("cannot read {}", file.display()))
}

/// BUCKET/KEY
fn locate(path: &str) -> anyhow::Result<(BucketName, ObjectKey)> {
    let (bucket, key) = path.split_once('/').with_context(|| format!("{path:?} is not BUCKET/KEY"))?;
    Ok((bucket.parse().map_err(Refusal::from)?, key.parse().map_err(Refusal::from)?))
}
