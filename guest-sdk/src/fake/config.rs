//! `wasi:config/store`.

use std::collections::BTreeMap;

use super::current;
pub(crate) use crate::bindings::wasi::config::store::Error;

pub(crate) fn get(key: &str) -> Result<Option<String>, Error> {
    Ok(entries().remove(key))
}

pub(crate) fn get_all() -> Result<Vec<(String, String)>, Error> {
    Ok(entries().into_iter().collect())
}

fn entries() -> BTreeMap<String, String> {
    current().borrow().settings.clone().into()
}
