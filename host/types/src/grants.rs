//! What a function may touch outside of its own memory. Empty means nothing.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::BucketName;

/// The grants of a function, as in the manifest's `[grants]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grants {
    /// Buckets, and what may be done with their objects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<BucketName, Access>,
}

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Get, stat and list.
    Read,
    /// Put and delete.
    Write,
    /// Both.
    ReadWrite,
}

/// What was asked for without a grant, and the grant that would allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what} is not granted; add to spear.toml:\n{grant}")]
pub struct Denial {
    /// What was asked for: `write access to the bucket "photos"`.
    pub what: String,
    /// The lines to add to `spear.toml`.
    pub grant: String,
}

impl Grants {
    /// Whether the objects of `bucket` may be used for `need`.
    ///
    /// # Errors
    /// The [`Denial`] names the access that would cover what is granted already and `need`.
    pub fn objects(&self, bucket: &BucketName, need: Access) -> Result<(), Denial> {
        let granted = self.objects.get(bucket).copied();
        if granted.is_some_and(|access| access.covers(need)) {
            return Ok(());
        }
        let access = granted.map_or(need, |access| access.and(need));
        Err(Denial {
            what: format!("{need} access to the bucket \"{bucket}\""),
            grant: format!("[grants.objects]\n{bucket} = \"{access}\""),
        })
    }

    /// Whether anything at all may be done with `bucket`.
    ///
    /// # Errors
    /// The [`Denial`] asks for read access, the least there is.
    pub fn bucket(&self, bucket: &BucketName) -> Result<(), Denial> {
        if self.objects.contains_key(bucket) { Ok(()) } else { self.objects(bucket, Access::Read) }
    }
}

impl Access {
    /// Whether this allows all that `need` does.
    #[must_use]
    pub fn covers(self, need: Self) -> bool {
        self.and(need) == self
    }

    /// What allows both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self == other { self } else { Self::ReadWrite }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadWrite => "read-write",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(access: Access) -> Grants {
        Grants { objects: [("photos".parse().unwrap(), access)].into() }
    }

    #[test]
    fn each_access_covers_itself_and_less() {
        use Access::{Read, ReadWrite, Write};
        for (granted, need, covered) in [
            (Read, Read, true),
            (Read, Write, false),
            (Write, Read, false),
            (ReadWrite, Write, true),
            (Write, ReadWrite, false),
        ] {
            assert_eq!(granted.covers(need), covered, "{granted} for {need}");
        }
    }

    #[test]
    fn an_empty_grant_denies_and_names_the_line_to_add() {
        let denial = Grants::default().objects(&"photos".parse().unwrap(), Access::Read).unwrap_err();
        assert_eq!(denial.grant, "[grants.objects]\nphotos = \"read\"");
    }

    #[test]
    fn a_denied_write_asks_for_what_keeps_the_granted_read() {
        let denial = grants(Access::Read).objects(&"photos".parse().unwrap(), Access::Write).unwrap_err();
        assert!(denial.grant.ends_with("photos = \"read-write\""), "{denial}");
    }
}
