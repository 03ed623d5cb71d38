//! Who a program in a container is, and that its folders are its own.

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use super::link::Facts;
use crate::sandbox::{NOBODY, Spec};

/// Who a program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    /// As the engine is told; none: as the image says.
    pub(super) told: Option<String>,
    /// Who that is in the container, where it is known by number.
    pub(super) inside: Option<(u32, u32)>,
    /// Who that is outside of the container.
    outside: Outside,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// The node's own user: its folders are right.
    Ourselves,
    /// This user, to whom folders can be given.
    Is(u32, u32),
    /// Not known here, or not ours to give to: folders are opened to all who reach them.
    Unknown,
}

impl User {
    /// Of a program in an image that says `image`, for a node that is `(uid, gid)`.
    pub(super) fn of(image: Option<&str>, facts: &Facts, (uid, gid): (u32, u32)) -> Self {
        if let Some(user) = image.filter(|user| !is_root(user)) {
            let inside = numbers(user);
            let known = inside.filter(|_| uid == 0 && !facts.rootless && !facts.remapped);
            let outside = known.map_or(Outside::Unknown, |(uid, gid)| Outside::Is(uid, gid));
            return Self { told: None, inside, outside };
        }
        let (inside, outside) = match uid {
            _ if facts.rootless => ((0, 0), Outside::Ourselves),
            0 => ((NOBODY, NOBODY), Outside::Is(NOBODY, NOBODY)),
            _ => ((uid, gid), Outside::Ourselves),
        };
        let outside = if facts.remapped { Outside::Unknown } else { outside };
        Self { told: Some(format!("{}:{}", inside.0, inside.1)), inside: Some(inside), outside }
    }

    /// Lets the program write its folder, and connect to the sockets in the other one.
    ///
    /// Where its user is not known here the folders are opened to everyone: the folder around them has to be the node's alone.
    pub(super) fn own(&self, spec: &Spec) -> io::Result<()> {
        spec.owned()?.iter().try_for_each(|path| self.give(path))
    }

    fn give(&self, path: &Path) -> io::Result<()> {
        match self.outside {
            Outside::Ourselves => Ok(()),
            Outside::Is(uid, gid) => chown(path, Some(uid), Some(gid)),
            Outside::Unknown => fs::set_permissions(path, fs::Permissions::from_mode(0o777)),
        }
    }
}

fn is_root(user: &str) -> bool {
    let name = user.split_once(':').map_or(user, |(name, _)| name);
    name.is_empty() || name == "root" || name.parse() == Ok(0_u32)
}

fn numbers(user: &str) -> Option<(u32, u32)> {
    let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
    Some((uid.parse().ok()?, gid.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOTLESS: Facts = Facts { rootless: true, ..Facts::ROOTFUL };
    const REMAPPED: Facts = Facts { remapped: true, ..Facts::ROOTFUL };

    #[test]
    fn nobody_is_root_on_an_engine_that_runs_as_root() {
        for image in [None, Some("root"), Some("0"), Some("0:0"), Some("root:wheel"), Some(":5"), Some("00")] {
            for us in [(0, 0), (1000, 100)] {
                let user = User::of(image, &Facts::ROOTFUL, us);
                let told = if us.0 == 0 { "65534:65534" } else { "1000:100" };
                assert_eq!(user.told.as_deref(), Some(told), "{image:?}");
            }
        }
    }

    #[test]
    fn the_image_says_who_its_programs_are() {
        let of = |image, facts, us| User::of(Some(image), facts, us);
        let user = |inside, outside| User { told: None, inside, outside };
        assert_eq!(of("33:44", &Facts::ROOTFUL, (0, 0)), user(Some((33, 44)), Outside::Is(33, 44)));
        assert_eq!(of("app", &Facts::ROOTFUL, (0, 0)), user(None, Outside::Unknown));
        assert_eq!(of("33", &Facts::ROOTFUL, (7, 7)), user(Some((33, 0)), Outside::Unknown));
        assert_eq!(of("33", &ROOTLESS, (0, 0)), user(Some((33, 0)), Outside::Unknown));
    }

    #[test]
    fn root_of_a_rootless_engine_is_the_node_itself() {
        let user = User::of(None, &ROOTLESS, (1000, 1000));
        assert_eq!(user, User { told: Some("0:0".to_owned()), inside: Some((0, 0)), outside: Outside::Ourselves });
        assert_eq!(User::of(None, &REMAPPED, (0, 0)).outside, Outside::Unknown);
    }
}
