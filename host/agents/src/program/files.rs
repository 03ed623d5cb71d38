//! A version's files: an archive from the SMS, unpacked once.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

/// The most files of an archive, and the most bytes that they may come to: an author chose them.
const MAX_FILES: usize = 100_000;
const MAX_BYTES: u64 = 1 << 30;

/// Unpacks an archive, whole or not at all. Where the folder is there already, somebody did.
pub(super) fn unpack(archive: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or_else(|| Path::new("."));
    super::private(parent)?;
    let fresh = tempfile::Builder::new().prefix(".").tempdir_in(parent)?;
    entries(File::open(archive)?, fresh.path())?;
    // Of any user that the program becomes; the folder around it is the node's alone.
    fs::set_permissions(fresh.path(), fs::Permissions::from_mode(0o755))?;
    let fresh = fresh.keep();
    fs::rename(&fresh, folder).or_else(|error| {
        fs::remove_dir_all(&fresh)?;
        // Somebody was faster: the same files are there.
        if folder.is_dir() { Ok(()) } else { Err(error) }
    })
}

/// Files and folders only, below the folder only.
fn entries(archive: impl io::Read, folder: &Path) -> io::Result<()> {
    let mut bytes: u64 = 0;
    let mut archive = tar::Archive::new(archive);
    archive.set_preserve_permissions(true);
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        bytes = bytes.saturating_add(entry.size());
        if count >= MAX_FILES || bytes > MAX_BYTES {
            return Err(io::Error::other(format!("it has more than {MAX_FILES} files or {MAX_BYTES} bytes")));
        }
        let kind = entry.header().entry_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(io::Error::other(format!("{} is neither a file nor a folder", entry.path()?.display())));
        }
        if !entry.unpack_in(folder)? {
            return Err(io::Error::other(format!("{} is not below its folder", entry.path()?.display())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, tar::EntryType)]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, kind) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_mode(0o755);
            header.set_entry_type(*kind);
            let raw = header.as_gnu_mut().unwrap();
            raw.name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            archive.append(&header, &b"hi"[..]).unwrap();
        }
        archive.into_inner().unwrap()
    }

    #[test]
    fn files_are_unpacked_once_and_what_leads_elsewhere_is_refused_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (tar, files) = (folder.path().join("a.tar"), folder.path().join("files/one"));
        fs::write(&tar, archive(&[("bin/run", tar::EntryType::Regular)])).unwrap();
        unpack(&tar, &files).unwrap();
        assert_eq!(fs::read(files.join("bin/run")).unwrap(), b"hi");
        fs::remove_file(&tar).unwrap();
        unpack(&tar, &files).unwrap();
        for (name, kind) in [
            ("../out", tar::EntryType::Regular),
            ("link", tar::EntryType::Symlink),
            ("pipe", tar::EntryType::Fifo),
            ("hard", tar::EntryType::Link),
        ] {
            let other = folder.path().join("files/other");
            fs::write(&tar, archive(&[("fine", tar::EntryType::Regular), (name, kind)])).unwrap();
            assert!(unpack(&tar, &other).is_err(), "{name}");
            assert!(!other.exists() && !folder.path().join("files/out").exists());
            assert_eq!(fs::read_dir(folder.path().join("files")).unwrap().count(), 1, "nothing is left half-made");
        }
    }
}
