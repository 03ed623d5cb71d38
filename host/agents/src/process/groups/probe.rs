//! Which control groups this program may make here.

use std::{fs, io, path::Path, process};

use super::{
    Groups, Hierarchy, Use,
    find::{choose, hierarchies, needs},
    remove,
};
use crate::process::mounts;

/// What of version 2 bounds anything.
const CONTROLLERS: [(&str, Use); 3] = [("memory", Use::Memory), ("cpu", Use::Cpu), ("pids", Use::Processes)];

/// Finds the hierarchies in which a group named `label` can be made, and why not in the others.
pub(in crate::process) fn probe(label: &str) -> (Vec<Hierarchy>, Vec<String>) {
    let read = || -> io::Result<_> {
        let mounts = mounts::parse(&fs::read_to_string("/proc/self/mountinfo")?);
        Ok(hierarchies(&fs::read_to_string("/proc/self/cgroup")?, &mounts))
    };
    let found = match read() {
        Ok(found) => found,
        Err(error) => return (Vec::new(), vec![format!("control groups: {error}")]),
    };
    let (mut there, mut reasons) = (Vec::new(), Vec::new());
    for mut hierarchy in found {
        if hierarchy.unified {
            hierarchy.uses = vec![Use::Time, Use::End];
            match delegate(&hierarchy.own, label) {
                Ok(uses) => hierarchy.uses.extend(uses),
                Err(error) => reasons.push(format!("control groups of {}: {error}", hierarchy.own.display())),
            }
        }
        match if hierarchy.uses.is_empty() { Ok(Vec::new()) } else { attempt(&hierarchy, label) } {
            Ok(uses) => there.push(Hierarchy { uses, ..hierarchy }),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    (choose(there), reasons)
}

/// Makes a group, sees what it has, and removes it.
fn attempt(hierarchy: &Hierarchy, label: &str) -> io::Result<Vec<Use>> {
    let group = Groups::make(&format!("{label}-probe"), std::slice::from_ref(hierarchy))?;
    let folders = group.folders();
    let has = |what: &Use| folders.iter().any(|folder| folder.join(needs(hierarchy.unified, *what)).exists());
    let uses = hierarchy.uses.iter().copied().filter(has).collect();
    remove::groups(&folders);
    Ok(uses)
}

/// Sees to it that groups below the own one have controllers. The kernel gives none to the children of a group that has
/// processes of its own; where this program is the only one it moves to a child.
fn delegate(own: &Path, label: &str) -> io::Result<Vec<Use>> {
    let words = |file: &str| -> io::Result<Vec<String>> {
        Ok(fs::read_to_string(own.join(file))?.split_whitespace().map(str::to_owned).collect())
    };
    let (has, gives) = (words("cgroup.controllers")?, words("cgroup.subtree_control")?);
    let wanted: Vec<_> = CONTROLLERS.into_iter().filter(|(name, _)| has.iter().any(|one| one == name)).collect();
    let missing: Vec<_> = wanted.iter().filter(|(name, _)| !gives.iter().any(|one| one == name)).collect();
    let give =
        || missing.iter().try_for_each(|(name, _)| fs::write(own.join("cgroup.subtree_control"), format!("+{name}")));
    if give().is_err() {
        let alone = words("cgroup.procs")? == [process::id().to_string()];
        if !alone {
            return Err(io::Error::other("other programs are in the node's own group: give it one of its own"));
        }
        // It stays there until the node ends; the next one finds it empty and removes it.
        let inner = own.join(format!("{label}-node"));
        fs::create_dir(&inner)?;
        fs::write(inner.join("cgroup.procs"), "0")?;
        give()?;
    }
    Ok(wanted.into_iter().map(|(_, what)| what).collect())
}
