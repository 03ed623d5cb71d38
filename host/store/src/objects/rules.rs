//! What may become of an object. Pure.

use spear_types::{BucketName, Condition, ObjectChange, ObjectInfo, ObjectKey};

use crate::Error;

/// Whether what is `found` under a key is what the condition wants.
pub(super) fn check(
    bucket: &BucketName,
    key: &ObjectKey,
    condition: Condition,
    found: Option<&ObjectInfo>,
) -> Result<(), Error> {
    let met = match condition {
        Condition::None => true,
        Condition::Absent => found.is_none(),
        Condition::Etag(etag) => found.is_some_and(|found| found.etag == etag),
        Condition::Version(version) => found.is_some_and(|found| found.version == version),
    };
    if met {
        return Ok(());
    }
    let message = format!("{bucket}/{key} was to have {}, and has {}", wanted(condition), there(found));
    Err(Error::ConditionFailed { message, version: found.map(|found| found.version) })
}

/// What an object is after a change; none: it is gone. The condition of a removal was checked.
pub(super) fn change(mut object: ObjectInfo, change: ObjectChange) -> Result<Option<ObjectInfo>, Error> {
    match change {
        ObjectChange::Delete { condition: _, force } if force || is_free(&object) => return Ok(None),
        ObjectChange::Delete { .. } => return Err(in_use(object)),
        ObjectChange::AddRef => object.references = object.references.saturating_add(1),
        ObjectChange::RemoveRef => {
            object.references = object.references.checked_sub(1).ok_or_else(|| no_reference(&object))?;
            if is_free(&object) {
                return Ok(None);
            }
        }
        ObjectChange::Pin => object.pinned = true,
        ObjectChange::Unpin => object.pinned = false,
    }
    Ok(Some(object))
}

fn wanted(condition: Condition) -> String {
    match condition {
        Condition::None => "anything".to_owned(),
        Condition::Absent => "no object".to_owned(),
        Condition::Etag(etag) => format!("an object with the etag {etag}"),
        Condition::Version(version) => format!("an object of version {version}"),
    }
}

fn there(found: Option<&ObjectInfo>) -> String {
    let known = |found: &ObjectInfo| format!("one of version {} with the etag {}", found.version, found.etag);
    found.map_or_else(|| "none".to_owned(), known)
}

fn is_free(object: &ObjectInfo) -> bool {
    object.references == 0 && !object.pinned
}

fn in_use(object: ObjectInfo) -> Error {
    let ObjectInfo { bucket, key, references, pinned, .. } = object;
    Error::ObjectInUse { bucket, key, references, pinned }
}

fn no_reference(object: &ObjectInfo) -> Error {
    let message = format!("the object {}/{} has no reference", object.bucket, object.key);
    Error::ConditionFailed { message, version: Some(object.version) }
}
