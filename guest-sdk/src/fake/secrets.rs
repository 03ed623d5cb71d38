//! `spear:hostcalls/secrets`.

use spear_types::SecretName;

use super::current;
pub(crate) use crate::bindings::spear::hostcalls::secrets::Error;

/// The largest secret in bytes.
const MAX_SECRET: usize = 64 << 10;

pub(crate) fn get(name: &str) -> Result<Vec<u8>, Error> {
    let world = current();
    let mut world = world.borrow_mut();
    world.hostcalls += 1;
    let name: SecretName =
        name.parse().map_err(|invalid: spear_types::InvalidName| Error::Invalid(invalid.to_string()))?;
    world.check(|grants| grants.secret(&name)).map_err(Error::Denied)?;
    let unknown = || format!("the test has no secret {name}: `Host::secret` gives it one");
    let value = world.secrets.get(&name).cloned().ok_or_else(|| Error::UnknownSecret(unknown()))?;
    if value.len() > MAX_SECRET {
        return Err(Error::OverLimit(format!("the secret {name} is over the limit of {MAX_SECRET} bytes")));
    }
    world.log.hide(&value);
    Ok(value)
}
