//! `spear object put`.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use futures::{Stream, StreamExt as _};
use indicatif::ProgressBar;
use spear_proto::v1;
use spear_types::Condition;
use spear_wire::Encode as _;
use tokio::{fs::File, io::AsyncRead, sync::oneshot};
use tokio_util::io::ReaderStream;

use super::{IfMatch, describe, locate};
use crate::{
    cli::{Context, view},
    client::Client,
    output::good,
};

/// Pieces in which files are read.
const PIECE: usize = 256 << 10;

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// BUCKET/KEY
    path: String,
    /// The file, or `-` for standard input.
    file: PathBuf,
    /// The media type. [default: by the file's name]
    #[arg(short = 't', long, value_name = "TYPE")]
    content_type: Option<String>,
    #[command(flatten)]
    if_match: IfMatch,
    /// Only if there is no object.
    #[arg(long, conflicts_with_all = ["if_match", "if_version"])]
    if_absent: bool,
}

impl Put {
    pub(crate) async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<()> {
        let (bucket, key) = locate(&self.path)?;
        let condition = self.condition().encode();
        let (reader, size) = open(&self.file).await?;
        let guess = || mime_guess::from_path(&self.file).first().map(|guess| guess.to_string());
        let content_type = self.content_type.or_else(guess);
        let header = v1::PutObjectHeader { bucket: bucket.into(), key: key.into(), content_type, size, condition };
        let progress = context.output.progress(self.path, size.unwrap_or_default());
        let (broke, broken) = oneshot::channel();
        let put = client.put_object(header, pieces(reader, progress.clone(), broke));
        let object = tokio::select! {
            object = put => Ok(object?),
            Ok(error) = broken => Err(error).with_context(|| format!("cannot read {}", self.file.display())),
        };
        progress.finish_and_clear();
        let object = object?;
        context.output.answer(&view::object(&object), || format!("{} {}", good("put"), describe(&object)))
    }

    fn condition(&self) -> Condition {
        let absent = self.if_absent.then_some(Condition::Absent);
        self.if_match.condition().or(absent).unwrap_or_default()
    }
}

/// What is read, and its size where that is known.
async fn open(file: &Path) -> anyhow::Result<(Box<dyn AsyncRead + Send + Unpin>, Option<u64>)> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(tokio::io::stdin()), None));
    }
    let unreadable = || format!("cannot read {}", file.display());
    let open = File::open(file).await.with_context(unreadable)?;
    let metadata = open.metadata().await.with_context(unreadable)?;
    Ok((Box::new(open), metadata.is_file().then_some(metadata.len())))
}

/// A file in pieces. One that breaks off says so and does not end: half of it must not pass for all.
fn pieces(
    reader: impl AsyncRead + Send + Unpin + 'static,
    progress: ProgressBar,
    broke: oneshot::Sender<io::Error>,
) -> impl Stream<Item = Bytes> + Send {
    let pieces = ReaderStream::with_capacity(reader, PIECE);
    futures::stream::unfold((pieces, Some(broke)), move |(mut pieces, mut broke)| {
        let progress = progress.clone();
        async move {
            match pieces.next().await? {
                Ok(piece) => {
                    progress.inc(piece.len() as u64);
                    Some((piece, (pieces, broke)))
                }
                Err(error) => {
                    let _ = broke.take().map(|broke| broke.send(error));
                    std::future::pending().await
                }
            }
        }
    })
}
