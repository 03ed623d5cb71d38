//! What the node itself decides of all that it is asked to run.

use std::{collections::HashMap, sync::Arc};

use spear_engine::{Owner, Terms};
use spear_proto::v1;
use spear_types::{FunctionName, GrantPolicy, Granted, Implementation, Limits, NodeName, Refusal, Reuse, Settings};
use spear_wire::{Decode as _, implementation, required};

use crate::components::Key;

/// The operator's word on this node.
#[derive(Debug)]
pub(crate) struct Door {
    /// The node's name.
    pub(crate) node: NodeName,
    /// The most that a run may ask for.
    pub(crate) maxima: Limits,
    /// What it may be granted.
    pub(crate) policy: GrantPolicy,
}

/// A version as the SMS tells it.
pub(crate) struct Asked {
    pub(crate) function: String,
    pub(crate) version: u32,
    pub(crate) implementations: Vec<v1::Implementation>,
    pub(crate) limits: Option<v1::Limits>,
    pub(crate) grants: Option<v1::Granted>,
    pub(crate) settings: HashMap<String, String>,
}

impl Door {
    /// The function, and what its component is found by: under the policy, within the maxima.
    ///
    /// # Errors
    /// When something is malformed, `LimitTooHigh` when it asks for more than the node gives.
    pub(crate) fn key(&self, asked: Asked) -> Result<(FunctionName, Key), Refusal> {
        let Asked { function, version, implementations, limits, grants, settings } = asked;
        let function: FunctionName = function.try_into()?;
        let granted = Granted::decode(required(grants, "grants")?)?.limited(&self.policy, &function);
        let implementations: Arc<[Implementation]> = implementation::decode(implementations)?.into();
        let serial = implementations.iter().any(|implementation| implementation.reuse != Reuse::Never);
        let owner = serial.then(|| Owner { function: function.clone(), version, node: self.node.clone() });
        let terms = Terms {
            limits: Limits::decode(required(limits, "limits")?)?,
            granted: Arc::new(granted),
            settings: Settings::decode(settings)?,
            owner,
        };
        terms.limits.within(&self.maxima)?;
        Ok((function, Key { implementations, terms }))
    }
}
