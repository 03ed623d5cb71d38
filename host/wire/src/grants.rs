//! Grants and settings.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spear_types::{Access, Granted, Grants, InvalidName, Refusal, Settings};

use crate::{Decode, Encode, invalid, required, v1};

/// The most grants of one version: they travel with each run.
const MAX_GRANTS: usize = 1_000;

impl Decode<v1::Grants> for Grants {
    fn decode(message: v1::Grants) -> Result<Self, Refusal> {
        let v1::Grants { objects, kv, files, tasks, http, networks, sockets, secrets } = message;
        let grants = Self {
            objects: accesses(objects)?,
            kv: accesses(kv)?,
            files: accesses(files)?,
            tasks: names(tasks)?,
            secrets: names(secrets)?,
            http: http.iter().map(|host| host.parse()).collect::<Result<_, _>>()?,
            sockets: sockets.iter().map(|address| address.parse()).collect::<Result<_, _>>()?,
            networks: networks
                .iter()
                .map(|network| network.parse().map_err(|_| no_network(network)))
                .collect::<Result<_, _>>()?,
        };
        if grants.len() > MAX_GRANTS {
            return Err(invalid(format!("{} grants are over the limit of {MAX_GRANTS}", grants.len())));
        }
        Ok(grants)
    }
}

impl Encode<v1::Grants> for Grants {
    fn encode(self) -> v1::Grants {
        let Self { objects, kv, files, tasks, http, networks, sockets, secrets } = self;
        v1::Grants {
            objects: table(objects),
            kv: table(kv),
            files: table(files),
            tasks: tasks.into_iter().map(Into::into).collect(),
            secrets: secrets.into_iter().map(Into::into).collect(),
            http: http.into_iter().map(Into::into).collect(),
            sockets: sockets.into_iter().map(Into::into).collect(),
            networks: networks.iter().map(ToString::to_string).collect(),
        }
    }
}

impl Decode<v1::Granted> for Granted {
    fn decode(message: v1::Granted) -> Result<Self, Refusal> {
        let v1::Granted { asked, effective } = message;
        let asked = Grants::decode(required(asked, "grants.asked")?)?;
        Ok(Self { asked, effective: Grants::decode(required(effective, "grants.effective")?)? })
    }
}

impl Encode<v1::Granted> for Granted {
    fn encode(self) -> v1::Granted {
        let Self { asked, effective } = self;
        v1::Granted { asked: Some(asked.encode()), effective: Some(effective.encode()) }
    }
}

impl Decode<HashMap<String, String>> for Settings {
    fn decode(message: HashMap<String, String>) -> Result<Self, Refusal> {
        message.into_iter().collect::<BTreeMap<_, _>>().try_into()
    }
}

impl Encode<HashMap<String, String>> for Settings {
    fn encode(self) -> HashMap<String, String> {
        BTreeMap::from(self).into_iter().collect()
    }
}

impl Decode<i32> for Access {
    fn decode(message: i32) -> Result<Self, Refusal> {
        match v1::Access::try_from(message) {
            Ok(v1::Access::Read) => Ok(Self::Read),
            Ok(v1::Access::Write) => Ok(Self::Write),
            Ok(v1::Access::ReadWrite) => Ok(Self::ReadWrite),
            Ok(v1::Access::Unspecified) | Err(_) => Err(invalid(format!("{message} is no access"))),
        }
    }
}

impl Encode<i32> for Access {
    fn encode(self) -> i32 {
        match self {
            Self::Read => v1::Access::Read.into(),
            Self::Write => v1::Access::Write.into(),
            Self::ReadWrite => v1::Access::ReadWrite.into(),
        }
    }
}

fn accesses<N: Ord + TryFrom<String, Error = InvalidName>>(
    message: HashMap<String, i32>,
) -> Result<BTreeMap<N, Access>, Refusal> {
    message.into_iter().map(|(name, access)| Ok((name.try_into()?, Access::decode(access)?))).collect()
}

fn names<N: Ord + TryFrom<String, Error = InvalidName>>(message: Vec<String>) -> Result<BTreeSet<N>, Refusal> {
    message.into_iter().map(|name| Ok(name.try_into()?)).collect()
}

fn table<N: Into<String>>(accesses: BTreeMap<N, Access>) -> HashMap<String, i32> {
    accesses.into_iter().map(|(name, access)| (name.into(), access.encode())).collect()
}

fn no_network(text: &str) -> Refusal {
    let shown: String = text.chars().take(64).collect();
    invalid(format!("{shown:?} is no network: an address and a prefix are needed, as in 10.0.0.0/8"))
}
