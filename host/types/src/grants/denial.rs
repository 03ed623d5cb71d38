//! What was asked for without a grant.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was asked for without a grant, and the grant that would allow it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// What was asked for: `write access to the bucket "photos"`.
    pub what: String,
    /// The lines to add.
    pub grant: String,
    /// Where they are lacking.
    pub lacking: Lacking,
}

/// Where the lines of a grant are lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lacking {
    /// In the author's `spear.toml`.
    Manifest,
    /// In the operator's policy: the manifest has them.
    Policy,
}

impl Denial {
    /// A denial for want of a grant in the manifest.
    #[must_use]
    pub fn new(what: impl Into<String>, grant: String) -> Self {
        Self { what: what.into(), grant, lacking: Lacking::Manifest }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, grant, lacking } = self;
        match lacking {
            Lacking::Manifest => write!(f, "{what} is not granted; add to spear.toml:\n{grant}"),
            Lacking::Policy => write!(
                f,
                "{what} is not allowed by the operator; the policy would have to say, before the next deploy:\n{grant}"
            ),
        }
    }
}

impl std::error::Error for Denial {}
