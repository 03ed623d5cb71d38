//! Functions.

use spear_types::{FunctionSpec, FunctionVersion, Granted, Grants, LimitRequest, Limits, Placement, Refusal, Settings};

use crate::{Decode, Encode, capped, implementation as implementations, payload::timestamp, required, v1};

/// The longest description in bytes: it stands in every listing.
const MAX_DESCRIPTION: usize = 1 << 10;

impl Decode<v1::FunctionSpec> for FunctionSpec {
    fn decode(message: v1::FunctionSpec) -> Result<Self, Refusal> {
        let v1::FunctionSpec { name, description, limits, grants, settings, placement, implementations } = message;
        let description = description.map(|text| capped(text, "description", MAX_DESCRIPTION)).transpose()?;
        Ok(Self {
            name: name.try_into()?,
            description,
            limits: LimitRequest::decode(limits.unwrap_or_default())?,
            grants: Grants::decode(grants.unwrap_or_default())?,
            settings: Settings::decode(settings)?,
            placement: Placement::decode(placement.unwrap_or_default())?,
            implementations: implementations::decode(implementations)?,
        })
    }
}

impl Encode<v1::FunctionSpec> for FunctionSpec {
    fn encode(self) -> v1::FunctionSpec {
        let Self { name, description, limits, grants, settings, placement, implementations } = self;
        v1::FunctionSpec {
            name: name.into(),
            description,
            limits: Some(limits.encode()),
            grants: Some(grants.encode()),
            settings: settings.encode(),
            placement: Some(placement.encode()),
            implementations: implementations.encode(),
        }
    }
}

impl Decode<v1::FunctionVersion> for FunctionVersion {
    fn decode(message: v1::FunctionVersion) -> Result<Self, Refusal> {
        let v1::FunctionVersion {
            name,
            version,
            description,
            implementations,
            limits,
            grants,
            settings,
            placement,
            created,
        } = message;
        Ok(Self {
            name: name.try_into()?,
            version,
            description,
            implementations: implementations::decode(implementations)?,
            limits: Limits::decode(required(limits, "function.limits")?)?,
            grants: Granted::decode(required(grants, "function.grants")?)?,
            settings: Settings::decode(settings)?,
            placement: Placement::decode(placement.unwrap_or_default())?,
            created: timestamp(created, "function.created")?,
        })
    }
}

impl Encode<v1::FunctionVersion> for FunctionVersion {
    fn encode(self) -> v1::FunctionVersion {
        let Self { name, version, description, implementations, limits, grants, settings, placement, created } = self;
        v1::FunctionVersion {
            name: name.into(),
            version,
            description,
            implementations: implementations.encode(),
            limits: Some(limits.encode()),
            grants: Some(grants.encode()),
            settings: settings.encode(),
            placement: Some(placement.encode()),
            created: Some(created.into()),
        }
    }
}
