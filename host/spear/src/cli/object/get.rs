//! `spear object get`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use clap::Args;
use spear_proto::v1::get_object_response;
use spear_types::{Code, Refusal};
use spear_wire::from_status;

use super::locate;
use crate::{
    cli::{Context, view},
    client::Client,
    output::size,
};

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// BUCKET/KEY
    path: String,
    /// The file to write, or `-` for standard output.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// A part of it: from the byte A to the byte B, both included, counted from 0; without B to the end.
    #[arg(long, value_name = "A-B")]
    range: Option<Range>,
}

/// Bytes of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    offset: u64,
    length: Option<u64>,
}

/// Where an object's bytes go: a file appears whole or not at all.
enum Target {
    Stdout,
    File { temporary: tempfile::NamedTempFile, file: PathBuf },
}

impl Get {
    pub(crate) async fn run(self, client: &Client, context: &Context<'_>) -> anyhow::Result<()> {
        let (bucket, key) = locate(&self.path)?;
        let (offset, length) = self.range.map_or((None, None), |range| (Some(range.offset), range.length));
        let (object, mut parts) = client.get_object(&bucket, &key, offset, length).await?;
        let expected = object.size.saturating_sub(offset.unwrap_or(0)).min(length.unwrap_or(u64::MAX));
        let mut target = Target::open(&self.file)?;
        let progress = context.output.progress(self.path, expected);
        let mut got = 0;
        while let Some(response) = parts.message().await.map_err(from_status)? {
            if let Some(get_object_response::Part::Chunk(chunk)) = response.part {
                target.write(&chunk.data)?;
                progress.inc(chunk.data.len() as u64);
                got += chunk.data.len() as u64;
            }
        }
        progress.finish_and_clear();
        if got != expected {
            let message = format!("the object came with {got} of {expected} bytes");
            return Err(Refusal::new(Code::Unreachable, message).into());
        }
        match target.finish()? {
            Some(file) => context.output.answer(&view::object(&object), || format!("{} {}", file.display(), size(got))),
            None => Ok(()),
        }
    }
}

impl FromStr for Range {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "a range is A-B or A-, in bytes counted from 0, and A is not behind B";
        let (from, to) = text.split_once('-').ok_or(SHAPE)?;
        let offset = from.parse().map_err(|_| SHAPE)?;
        if to.is_empty() {
            return Ok(Self { offset, length: None });
        }
        let last: u64 = to.parse().map_err(|_| SHAPE)?;
        let length = last.checked_sub(offset).ok_or(SHAPE)?.saturating_add(1);
        Ok(Self { offset, length: Some(length) })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_two_positions_or_one() {
        let range = |offset, length| Ok(Range { offset, length });
        assert_eq!("0-0".parse(), range(0, Some(1)));
        assert_eq!("7-9".parse(), range(7, Some(3)));
        assert_eq!("7-".parse(), range(7, None));
        assert_eq!(format!("0-{}", u64::MAX).parse(), range(0, Some(u64::MAX)));
        for text in ["", "-", "-5", "9-7", "a-b", "1", "1-2-3", "18446744073709551616-"] {
            assert!(text.parse::<Range>().is_err(), "{text:?}");
        }
    }
}
