//! Functions.

use spear_types::{FunctionSpec, FunctionVersion, Granted, Grants, LimitRequest, Limits, Placement, Refusal, Settings};

use crate::{Decode, Encode, capped, payload::timestamp, required, v1};

/// The longest description in bytes: it stands in every listing.
const MAX_DESCRIPTION: usize = 1 << 10;

impl Decode<v1::FunctionSpec> for FunctionSpec {
    fn decode(message: v1::FunctionSpec) -> Result<Self, Refusal> {
        let v1::FunctionSpec { name, description, limits, grants, settings, placement } = message;
        let description = description.map(|text| capped(text, "description", MAX_DESCRIPTION)).transpose()?;
        Ok(Self {
            name: name.try_into()?,
            description,
            limits: LimitRequest::decode(limits.unwrap_or_default())?,
            grants: Grants::decode(grants.unwrap_or_default())?,
            settings: Settings::decode(settings)?,
            placement: Placement::decode(placement.unwrap_or_default())?,
        })
    }
}

impl Encode<v1::FunctionSpec> for FunctionSpec {
    fn encode(self) -> v1::FunctionSpec {
        let Self { name, description, limits, grants, settings, placement } = self;
        v1::FunctionSpec {
            name: name.into(),
            description,
            limits: Some(limits.encode()),
            grants: Some(grants.encode()),
            settings: settings.encode(),
            placement: Some(placement.encode()),
        }
    }
}

impl Decode<v1::FunctionVersion> for FunctionVersion {
    fn decode(message: v1::FunctionVersion) -> Result<Self, Refusal> {
        let v1::FunctionVersion {
            name,
            version,
            description,
            digest,
            size,
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
            digest: digest.parse()?,
            size,
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
        let Self { name, version, description, digest, size, limits, grants, settings, placement, created } = self;
        v1::FunctionVersion {
            name: name.into(),
            version,
            description,
            digest: digest.to_string(),
            size,
            limits: Some(limits.encode()),
            grants: Some(grants.encode()),
            settings: settings.encode(),
            placement: Some(placement.encode()),
            created: Some(created.into()),
        }
    }
}
