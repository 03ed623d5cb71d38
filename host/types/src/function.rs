//! A function: what its author asks for, and a version as it is in force.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{
    Agents, Artifact, FunctionName, Granted, Grants, Implementation, LimitRequest, Limits, Placement, Settings,
};

/// What the author asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSpec {
    /// The name.
    pub name: FunctionName,
    /// A line for people.
    pub description: Option<String>,
    /// Limits that are not the operator's defaults.
    pub limits: LimitRequest,
    /// What it asks to touch.
    pub grants: Grants,
    /// What `wasi:config/store` gives it.
    pub settings: Settings,
    /// Where its runs may go.
    pub placement: Placement,
    /// The ways to run it, in the order in which they are tried.
    pub implementations: Vec<Implementation>,
}

/// One version of a function, as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionVersion {
    /// The name.
    pub name: FunctionName,
    /// From 1, one more with each deploy; never used again.
    pub version: u32,
    /// A line for people.
    pub description: Option<String>,
    /// The limits in force.
    pub limits: Limits,
    /// The grants in force, and those asked for.
    pub grants: Granted,
    /// What `wasi:config/store` gives it.
    pub settings: Settings,
    /// Where its runs may go.
    #[serde(default)]
    pub placement: Placement,
    /// The ways to run it, in the order in which they are tried.
    pub implementations: Vec<Implementation>,
    /// When it was deployed, by the SMS's clock.
    #[serde(with = "humantime_serde")]
    pub created: SystemTime,
}

impl FunctionVersion {
    /// Whether both run the same bytes under the same limits and grants.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let Self { name, version: _, description, limits, grants, settings, placement, implementations, created: _ } =
            self;
        (name, description, implementations) == (&other.name, &other.description, &other.implementations)
            && (limits, grants, settings) == (&other.limits, &other.grants, &other.settings)
            && *placement == other.placement
    }

    /// What its implementations are run by.
    #[must_use]
    pub fn agents(&self) -> Agents {
        self.implementations.iter().map(Implementation::agent).collect()
    }

    /// What nodes fetch for it, in the order of the implementations.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact> {
        self.implementations.iter().filter_map(Implementation::artifact)
    }
}
