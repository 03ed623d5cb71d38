//! Answers its configuration: all of it, or the entry that its input names.

use spear_guest::{Failure, Json, config};

#[spear_guest::function]
fn settings(key: String) -> Result<Json<Vec<(String, String)>>, Failure> {
    if key.is_empty() {
        return Ok(Json(config::all()?));
    }
    let value = config::require(&key)?;
    Ok(Json(vec![(key, value)]))
}
