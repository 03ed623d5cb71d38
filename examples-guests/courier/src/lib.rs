//! Posts what it is given to a host by the SDK's HTTP, and answers what that answers: `{"url": "…", "text": "…"}`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use spear_guest::http::Request;
use spear_guest::{Failure, Json};

#[derive(Deserialize)]
struct Letter {
    url: String,
    /// Sent as JSON; nothing: the URL is only asked for.
    text: Option<Value>,
    max_body: Option<u64>,
    timeout_ms: Option<u64>,
}

#[spear_guest::function]
fn courier(Json(letter): Json<Letter>) -> Result<Json<Value>, Failure> {
    let request = match &letter.text {
        Some(text) => Request::post(&letter.url).json(text)?,
        None => Request::get(&letter.url),
    };
    let request = letter.max_body.into_iter().fold(request.header("x-courier", "spear"), Request::max_body);
    let times = letter.timeout_ms.map(Duration::from_millis);
    let response = times.into_iter().fold(request, Request::timeout).send()?;
    Ok(Json(json!({
        "status": response.status,
        "redirect": response.redirect(),
        "text": String::from_utf8_lossy(&response.body),
    })))
}
