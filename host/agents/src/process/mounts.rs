//! `/proc/self/mountinfo`, taken apart.

use std::{
    ffi::{CString, OsString},
    io,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
};

use rustix::mount::MountFlags;

/// A mount, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    /// What of its file system is mounted.
    pub(super) root: PathBuf,
    /// Where.
    pub(super) point: PathBuf,
    /// How.
    pub(super) flags: MountFlags,
    /// Its kind: `ext4`, `cgroup2` …
    pub(super) kind: String,
    /// What its file system was told: the controllers of a control group.
    pub(super) options: Vec<String>,
}

/// All mounts; lines that cannot be read are left out.
pub(super) fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(line).collect()
}

/// `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn line(line: &str) -> Option<Mount> {
    let (mount, system) = line.split_once(" - ")?;
    let mount: Vec<_> = mount.split(' ').collect();
    let system: Vec<_> = system.split(' ').collect();
    Some(Mount {
        root: unescaped(mount.get(3)?),
        point: unescaped(mount.get(4)?),
        flags: flags(mount.get(5)?),
        kind: (*system.first()?).to_owned(),
        options: system.get(2)?.split(',').map(str::to_owned).collect(),
    })
}

/// Spaces and the like are written as three octal digits.
fn unescaped(path: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = (*first == b'\\').then(|| after.get(..3)).flatten().and_then(|digits| str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn flags(options: &str) -> MountFlags {
    let flag = |option: &str| match option {
        "ro" => MountFlags::RDONLY,
        "nosuid" => MountFlags::NOSUID,
        "nodev" => MountFlags::NODEV,
        "noexec" => MountFlags::NOEXEC,
        "noatime" => MountFlags::NOATIME,
        "nodiratime" => MountFlags::NODIRATIME,
        "relatime" => MountFlags::RELATIME,
        "nosymfollow" => MountFlags::NOSYMFOLLOW,
        _ => MountFlags::empty(),
    };
    options.split(',').map(flag).collect()
}

/// Options of a file system as the kernel takes them.
pub(super) fn data(options: &str) -> io::Result<CString> {
    Ok(CString::new(options)?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_mount_is_read_with_its_optional_fields_and_its_escapes() {
        let text = "36 35 98:0 /a /b\\040c\\134 rw,nosuid,relatime shared:1 master:2 - ext4 /dev/x rw,discard\n\
                    31 23 0:28 / /sys/fs/cgroup/cpu ro,noatime - cgroup cgroup rw,cpu,cpuacct\nnonsense\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].point, Path::new("/b c\\"));
        assert_eq!(mounts[0].flags, MountFlags::NOSUID | MountFlags::RELATIME);
        assert_eq!(
            (mounts[1].kind.as_str(), mounts[1].options.as_slice()),
            ("cgroup", &["rw".into(), "cpu".into(), "cpuacct".into()][..])
        );
        assert!(mounts[1].flags.contains(MountFlags::RDONLY));
    }
}
