//! Blobs without tables, as a Spearlet keeps its artifacts.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use bytes::Bytes;
use spear_store::{Blobs, Error, NewBlob};
use spear_types::Digest;
use tempfile::TempDir;

use crate::kept;

async fn opened() -> (TempDir, Blobs) {
    let dir = TempDir::new().unwrap();
    let blobs = Blobs::open(dir.path().join("cache")).await.unwrap();
    (dir, blobs)
}

async fn written(blobs: &Blobs, pieces: &[Bytes]) -> NewBlob {
    let mut writer = blobs.writer(u64::MAX).await.unwrap();
    for piece in pieces {
        writer.write(piece.clone()).await.unwrap();
    }
    writer.finish().await.unwrap()
}

/// Bytes that differ from place to place.
fn pattern(length: usize) -> Bytes {
    (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[tokio::test]
async fn what_was_kept_is_read_back_whole_whatever_the_pieces() {
    let (_dir, blobs) = opened().await;
    let whole = pattern((1 << 20) + 7);
    for piece in [1_000, 256 << 10, (256 << 10) + 1, whole.len()] {
        let pieces: Vec<Bytes> = whole.chunks(piece).map(Bytes::copy_from_slice).collect();
        let kept = blobs.keep(written(&blobs, &pieces).await).await.unwrap();
        assert_eq!(kept, (Digest::of(&whole), whole.len() as u64));
        assert_eq!(blobs.read_all(&kept.0, u64::MAX).await.unwrap(), whole);
        assert!(blobs.remove(&kept.0).await.unwrap());
    }
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let (_dir, blobs) = opened().await;
    let (digest, size) = blobs.keep(written(&blobs, &[]).await).await.unwrap();
    assert_eq!((digest, size), (Digest::of(b""), 0));
    assert_eq!(blobs.open_read(&digest).await.unwrap().next().await.unwrap(), None);
}

#[tokio::test]
async fn a_range_is_cut_to_what_there_is() {
    let (_dir, blobs) = opened().await;
    let whole = pattern(600_000);
    let (digest, _) = blobs.keep(written(&blobs, std::slice::from_ref(&whole)).await).await.unwrap();
    for (offset, length) in
        [(0, None), (1, Some(300_000)), (599_999, Some(9)), (600_000, None), (u64::MAX, Some(u64::MAX))]
    {
        let mut reader = blobs.open_read(&digest).await.unwrap().range(offset, length);
        let mut read = Vec::new();
        while let Some(piece) = reader.next().await.unwrap() {
            assert!(piece.len() <= 256 << 10);
            read.extend_from_slice(&piece);
        }
        let start = usize::try_from(offset).unwrap().min(whole.len());
        let end = length.map_or(whole.len(), |length| start.saturating_add(length as usize).min(whole.len()));
        assert_eq!(read, whole[start..end], "{offset} {length:?}");
    }
}

#[tokio::test]
async fn equal_bytes_make_one_file() {
    let (dir, blobs) = opened().await;
    let (first, second) = (written(&blobs, &[pattern(9)]).await, written(&blobs, &[pattern(9)]).await);
    let (first, second) = tokio::join!(blobs.keep(first), blobs.keep(second));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(kept(&dir.path().join("cache")), [Digest::of(&pattern(9))].into());
}

#[tokio::test]
async fn a_limit_stops_the_writer_at_once_and_leaves_nothing() {
    let (dir, blobs) = opened().await;
    let mut writer = blobs.writer(1_000).await.unwrap();
    writer.write(pattern(1_000)).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(writer.write(pattern(1)).await, Err(Error::TooLarge { limit: 1_000 })));
        assert_eq!(kept(&dir.path().join("cache")), [].into());
    }
    assert!(writer.finish().await.is_err());
}

#[tokio::test]
async fn what_is_not_finished_or_not_kept_leaves_nothing() {
    let (dir, blobs) = opened().await;
    let mut writer = blobs.writer(u64::MAX).await.unwrap();
    writer.write(pattern(600_000)).await.unwrap();
    drop(writer);
    drop(written(&blobs, &[pattern(9)]).await);
    assert_eq!(kept(&dir.path().join("cache")), [].into());
}

#[tokio::test]
async fn a_removed_blob_is_unknown_and_still_read_to_its_end_by_who_has_it_open() {
    let (_dir, blobs) = opened().await;
    let (digest, _) = blobs.keep(written(&blobs, &[pattern(9)]).await).await.unwrap();
    let reader = blobs.open_read(&digest).await.unwrap();
    assert!(blobs.contains(&digest).await.unwrap() && blobs.path(&digest).is_file());
    assert!(blobs.remove(&digest).await.unwrap());
    assert!(!blobs.remove(&digest).await.unwrap() && !blobs.contains(&digest).await.unwrap());
    assert!(matches!(blobs.open_read(&digest).await, Err(Error::UnknownBlob { .. })));
    assert_eq!(reader.read_all(9).await.unwrap(), pattern(9));
}

#[tokio::test]
async fn more_than_the_reader_allows_is_not_read() {
    let (_dir, blobs) = opened().await;
    let (digest, _) = blobs.keep(written(&blobs, &[pattern(9)]).await).await.unwrap();
    assert!(matches!(blobs.read_all(&digest, 8).await, Err(Error::TooLarge { limit: 8 })));
}

#[tokio::test]
async fn blobs_are_there_after_a_reopen_and_leftovers_are_not() {
    let (dir, blobs) = opened().await;
    let (digest, _) = blobs.keep(written(&blobs, &[pattern(9)]).await).await.unwrap();
    drop(blobs);
    fs::write(dir.path().join("cache/tmp/.tmpLEFT"), "half").unwrap();
    let blobs = Blobs::open(dir.path().join("cache")).await.unwrap();
    assert!(blobs.contains(&digest).await.unwrap());
    assert_eq!(kept(&dir.path().join("cache")), [digest].into());
}

#[tokio::test]
async fn a_directory_is_open_once() {
    let (dir, blobs) = opened().await;
    assert!(matches!(Blobs::open(dir.path().join("cache")).await, Err(Error::InUse { .. })));
    drop(blobs);
    Blobs::open(dir.path().join("cache")).await.unwrap();
}

#[tokio::test]
async fn only_the_owner_may_read() {
    let (dir, blobs) = opened().await;
    let unfinished = blobs.writer(1).await.unwrap();
    blobs.keep(written(&blobs, &[pattern(9)]).await).await.unwrap();
    check_modes(&dir.path().join("cache"));
    drop(unfinished);
}

/// Directories 0700, files 0600, from `path` down.
pub(crate) fn check_modes(path: &Path) {
    let metadata = fs::metadata(path).unwrap();
    let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(metadata.permissions().mode() & 0o777, expected, "{}", path.display());
    if metadata.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| check_modes(&entry.unwrap().path()));
    }
}

#[tokio::test]
async fn the_blobs_that_are_there_are_listed_up_to_a_limit() {
    let (_dir, blobs) = opened().await;
    let mut placed = Vec::new();
    for length in [1, 2, 3] {
        placed.push(blobs.keep(written(&blobs, &[pattern(length)]).await).await.unwrap().0);
    }
    let mut listed = blobs.digests(10).await.unwrap();
    listed.sort();
    placed.sort();
    assert_eq!(listed, placed);
    assert_eq!(blobs.digests(2).await.unwrap().len(), 2);
}
