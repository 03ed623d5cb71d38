//! `spear:hostcalls/logs`.

use super::{Line, current};
pub(crate) use crate::bindings::spear::hostcalls::logs::*;

pub(crate) fn write(level: Level, message: &str, fields: &[Field]) {
    let fields = fields.iter().map(|Field { key, value }| (key.clone(), value.clone())).collect();
    let world = current();
    let mut world = world.borrow_mut();
    world.hostcalls += 1;
    world.log.write(Line { level, message: message.to_owned(), fields });
}
