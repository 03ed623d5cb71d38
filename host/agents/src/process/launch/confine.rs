//! Namespaces and mounts of a cell, and what its program may not do any more.

use std::{fs, io, os::fd::BorrowedFd, path::Path};

use rustix::{
    fs::{StatVfsMountFlags, statvfs},
    io::FdFlags,
    mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount},
    process::{getegid, geteuid},
    thread::{
        CapabilitySet, UnshareFlags, clear_ambient_capability_set, remove_capability_from_bounding_set,
        set_no_new_privs,
    },
};

use crate::process::{
    mounts::{self, Mount},
    orders::{Keep, Means},
};

/// Bytes of `/dev/shm`; they count as memory of the program besides.
const SHARED: &str = "size=64m,mode=1777";

/// Takes namespaces of its own.
pub(super) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    #[expect(deprecated, reason = "it is unsafe for shared files only, and those stay")]
    rustix::thread::unshare(flags)?;
    Ok(())
}

/// Nothing that this program was started with is open for what it starts, apart from standard streams: the node's own files
/// are closed for others anyway, but not those of whoever started the node.
pub(super) fn pass_on_nothing() -> io::Result<()> {
    let open: Vec<i32> =
        fs::read_dir("/proc/self/fd")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > 2) {
        #[expect(
            unsafe_code,
            reason = "whose they are nobody knows; one that is closed by then only answers that it is"
        )]
        // SAFETY: the number is used for one flag and is not kept; this program has one thread, and no owner minds the flag.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        match rustix::io::fcntl_setfd(file, FdFlags::CLOEXEC) {
            // The folder's own, which was read.
            Err(rustix::io::Errno::BADF) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Makes this process the root of a namespace of users, and the next one that it starts the first of one of processes. Why
/// not, where that is not allowed.
pub(super) fn own_users() -> Result<(), String> {
    let (user, group) = (geteuid(), getegid());
    let own = || {
        unshare(UnshareFlags::NEWUSER)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/gid_map", format!("0 {} 1", group.as_raw()))?;
        fs::write("/proc/self/uid_map", format!("0 {} 1", user.as_raw()))?;
        unshare(UnshareFlags::NEWPID)
    };
    own().map_err(|error| format!("no namespace of users: {error}"))
}

/// The keeper's namespaces; what the machine did not give. `first`: it is the first process of a namespace.
pub(super) fn enter(keep: Keep, first: bool) -> Vec<(Means, String)> {
    let mut lacks = Vec::new();
    let mut lacking = |means, done: io::Result<()>| match done {
        Ok(()) => true,
        Err(error) => {
            lacks.push((means, error.to_string()));
            false
        }
    };
    if keep.namespaces && lacking(Means::Mounts, own_mounts()) && first {
        lacking(Means::Processes, own_proc());
    }
    if keep.no_network {
        lacking(Means::Network, unshare(UnshareFlags::NEWNET));
    }
    lacks
}

/// Mounts, IPC objects and host name of its own: nothing that is mounted here is seen outside.
fn own_mounts() -> io::Result<()> {
    unshare(UnshareFlags::NEWNS | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS)?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    if Path::new("/dev/shm").is_dir() {
        mount(
            "tmpfs",
            "/dev/shm",
            "tmpfs",
            MountFlags::NOSUID | MountFlags::NODEV,
            Some(mounts::data(SHARED)?.as_c_str()),
        )?;
    }
    Ok(())
}

/// A `/proc` that has the processes of this namespace only.
fn own_proc() -> io::Result<()> {
    Ok(mount("proc", "/proc", "proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None)?)
}

/// Makes everything that is mounted readable only, apart from `/dev/shm`.
pub(super) fn read_only() -> io::Result<()> {
    let text = fs::read_to_string("/proc/self/mountinfo")?;
    for Mount { point, flags, .. } in
        mounts::parse(&text).into_iter().filter(|mount| mount.point != Path::new("/dev/shm"))
    {
        match mount_remount(&point, MountFlags::BIND | MountFlags::RDONLY | flags, "") {
            // What another mount hides cannot be reached, neither by this nor by the program.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOENT | rustix::io::Errno::ACCESS) => {}
            done => done?,
        }
    }
    Ok(())
}

/// Gives a mount other flags: these, and what it forbids otherwise, which in a namespace of users it has to.
pub(super) fn again(point: &Path, flags: MountFlags) -> io::Result<()> {
    let told = statvfs(point)?.f_flag;
    let same = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    let kept: MountFlags = same.into_iter().filter(|(one, _)| told.contains(*one)).map(|(_, flag)| flag).collect();
    Ok(mount_remount(point, MountFlags::BIND | kept | flags, "")?)
}

/// No program that is started from here on has a privilege, not as root either and not by a file's own.
///
/// # Errors
/// When the machine is too old for it: nothing is started then.
pub(super) fn no_privileges() -> io::Result<()> {
    set_no_new_privs(true)?;
    let _ = clear_ambient_capability_set();
    for bit in 0..64 {
        match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << bit)) {
            Ok(()) => {}
            // The first that the kernel does not know; and who has no right to give rights up has none to give.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::PERM) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
