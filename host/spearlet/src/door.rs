//! What the node itself decides of all that it is asked to run.

use std::{collections::HashMap, sync::Arc};

use spear_engine::Terms;
use spear_proto::v1;
use spear_types::{FunctionName, GrantPolicy, Granted, Limits, NodeName, Refusal, Settings};
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
        let Asked { function, implementations, limits, grants, settings } = asked;
        let function: FunctionName = function.try_into()?;
        let granted = Granted::decode(required(grants, "grants")?)?.limited(&self.policy, &function);
        let terms = Terms {
            limits: Limits::decode(required(limits, "limits")?)?,
            granted: Arc::new(granted),
            settings: Settings::decode(settings)?,
        };
        terms.limits.within(&self.maxima)?;
        Ok((function, Key { implementations: implementation::decode(implementations)?.into(), terms }))
    }
}
