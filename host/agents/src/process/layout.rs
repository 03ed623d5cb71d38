//! Where a program finds its folders.
//!
//! Where the machine gives namespaces they are mounted at the same short paths for every program, and what is the node's own
//! is hidden with all that is in it. Otherwise they are where the node made them.

use std::path::{Path, PathBuf};

use super::orders::Bind;
use crate::sandbox::{Inside, Spec};

/// Hidden from every program: the sockets of the machine's services are here, those of container engines among them.
pub(super) const RUN: &str = "/run";

/// What programs' own folders are mounted in, below [`RUN`].
pub(super) const OWN: &str = "/run/spear";

/// The folders below it.
pub(super) const FOLDERS: [&str; 3] = ["/run/spear/work", "/run/spear/files", "/run/spear/hostcalls"];

/// The folders of one program, as it sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    pub(super) files: Option<PathBuf>,
    pub(super) hostcalls: Option<PathBuf>,
}

impl Layout {
    /// `mounted`: at the paths that are the same for every program.
    pub(super) fn of(spec: &Spec, mounted: bool) -> Self {
        let [work, files, hostcalls] = FOLDERS;
        let place = |own: &Path, there: &str| if mounted { PathBuf::from(there) } else { own.to_owned() };
        Self {
            folder: place(&spec.folder, work),
            files: spec.files.as_deref().map(|own| place(own, files)),
            hostcalls: spec.hostcalls.as_deref().map(|own| place(own, hostcalls)),
        }
    }

    /// Where the program starts: in its files, else in its own folder.
    pub(super) fn directory(&self) -> &Path {
        self.files.as_deref().unwrap_or(&self.folder)
    }

    /// What has to be mounted for it where the file system is for reading only.
    pub(super) fn binds(&self, spec: &Spec) -> Vec<Bind> {
        let bind = |from: &Path, to: &Path, writable| Bind { from: from.to_owned(), to: to.to_owned(), writable };
        let others = [(&spec.files, &self.files), (&spec.hostcalls, &self.hostcalls)];
        let others = others.into_iter().filter_map(|(from, to)| Some((from.as_deref()?, to.as_deref()?)));
        let others = others.filter(|(from, to)| from != to).map(|(from, to)| bind(from, to, false));
        std::iter::once(bind(&spec.folder, &self.folder, true)).chain(others).collect()
    }
}

impl From<Layout> for Inside {
    fn from(Layout { folder, hostcalls, .. }: Layout) -> Self {
        Self { folder, hostcalls }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::means::tests::spec;

    #[test]
    fn what_is_mounted_is_at_the_same_paths_for_all_and_only_its_own_folder_can_be_written() {
        let spec = Spec { files: Some("/data/files/a".into()), hostcalls: Some("/data/h".into()), ..spec(None, false) };
        let layout = Layout::of(&spec, true);
        assert_eq!(layout.directory(), Path::new("/run/spear/files"));
        let binds: Vec<_> = layout.binds(&spec).into_iter().map(|bind| (bind.from, bind.to, bind.writable)).collect();
        let expected = [
            ("/f", "/run/spear/work", true),
            ("/data/files/a", "/run/spear/files", false),
            ("/data/h", "/run/spear/hostcalls", false),
        ];
        assert_eq!(binds, expected.map(|(from, to, writable)| (from.into(), to.into(), writable)));
        assert!(FOLDERS.iter().all(|folder| folder.starts_with(OWN) && folder.starts_with(RUN)));
    }

    #[test]
    fn what_is_not_mounted_stays_where_it_is() {
        let spec = Spec { files: Some("/data/files/a".into()), ..spec(None, false) };
        let layout = Layout::of(&spec, false);
        assert_eq!((layout.directory(), layout.folder.as_path()), (Path::new("/data/files/a"), Path::new("/f")));
        let binds = layout.binds(&spec);
        assert!(binds.len() == 1 && binds[0].from == binds[0].to && binds[0].writable);
    }
}
