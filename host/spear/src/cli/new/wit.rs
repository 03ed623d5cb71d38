//! The WIT that a project has by itself: a small world, and the packages that it imports from.

use super::File;

/// Everything under a project's folder `wit`.
pub(super) const FILES: &[File] = &[
    ("wit/world.wit", include_str!("../../template/world.wit.txt")),
    ("wit/deps/spear-hostcalls/handler.wit", include_str!("../../../../../wit/handler.wit")),
    ("wit/deps/spear-hostcalls/kv.wit", include_str!("../../../../../wit/kv.wit")),
    ("wit/deps/spear-hostcalls/logs.wit", include_str!("../../../../../wit/logs.wit")),
    ("wit/deps/spear-hostcalls/objects.wit", include_str!("../../../../../wit/objects.wit")),
    ("wit/deps/spear-hostcalls/resources.wit", include_str!("../../../../../wit/resources.wit")),
    ("wit/deps/spear-hostcalls/secrets.wit", include_str!("../../../../../wit/secrets.wit")),
    ("wit/deps/spear-hostcalls/tasks.wit", include_str!("../../../../../wit/tasks.wit")),
    ("wit/deps/spear-hostcalls/world.wit", include_str!("../../../../../wit/world.wit")),
    ("wit/deps/config/store.wit", include_str!("../../../../../wit/deps/config/store.wit")),
    ("wit/deps/config/world.wit", include_str!("../../../../../wit/deps/config/world.wit")),
    ("wit/deps/keyvalue/atomic.wit", include_str!("../../../../../wit/deps/keyvalue/atomic.wit")),
    ("wit/deps/keyvalue/batch.wit", include_str!("../../../../../wit/deps/keyvalue/batch.wit")),
    ("wit/deps/keyvalue/store.wit", include_str!("../../../../../wit/deps/keyvalue/store.wit")),
    ("wit/deps/keyvalue/world.wit", include_str!("../../../../../wit/deps/keyvalue/world.wit")),
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    /// The files in a folder of the repository's `wit`, and the folders in it.
    fn list(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_project_has_every_file_of_wit() {
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        let written = |folder: &str| -> BTreeSet<String> {
            let files = FILES.iter().filter_map(|(path, _)| path.strip_prefix("wit/deps/"));
            files.filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/')).map(str::to_owned).collect()
        };
        let own: BTreeSet<_> = list(&wit).into_iter().filter(|name| name != "deps").collect();
        assert_eq!(written("spear-hostcalls"), own);
        for package in list(&wit.join("deps")) {
            assert_eq!(written(&package), list(&wit.join("deps").join(&package)), "{package}");
        }
    }

    #[test]
    fn the_world_of_a_project_names_every_interface_that_a_function_may_import() {
        let (_, world) = FILES[0];
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
        for file in list(&wit).iter().filter_map(|file| file.strip_suffix(".wit")).filter(|file| *file != "world") {
            assert!(world.contains(&format!("spear:hostcalls/{file}@")), "{file}");
        }
    }
}
