//! Real work with a library: makes a smaller copy of a PNG or JPEG picture, from one bucket into another.

use std::io::Cursor;
use std::num::NonZeroU32;

use image::imageops::FilterType;
use serde::{Deserialize, Serialize};
use spear_guest::{Failure, Json, log, objects};

/// A picture in the bucket `photos`, and the pixels that its copy must fit in. A side that is not given is free, and no
/// copy is larger than the picture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    key: String,
    width: Option<NonZeroU32>,
    height: Option<NonZeroU32>,
}

/// The copy, under the same key in the bucket `thumbnails`.
#[derive(Serialize)]
struct Output {
    key: String,
    width: u32,
    height: u32,
    size: u64,
    etag: String,
}

#[spear_guest::function]
fn thumbnail(Json(Input { key, width, height }): Json<Input>) -> Result<Json<Output>, Failure> {
    let bytes = objects::bucket("photos")?.get(&key)?;
    let format = image::guess_format(&bytes)?;
    let picture = image::load_from_memory_with_format(&bytes, format)?;
    let side = |asked: Option<NonZeroU32>, own: u32| asked.map_or(own, |asked| own.min(asked.get()));
    let copy = picture.resize(side(width, picture.width()), side(height, picture.height()), FilterType::Triangle);
    log::info!("resized {key}"; width = copy.width(), height = copy.height());

    let mut written = Cursor::new(Vec::new());
    copy.write_to(&mut written, format)?;
    let info = objects::bucket("thumbnails")?.put_as(&key, written.get_ref(), format.to_mime_type())?;
    Ok(Json(Output { key, width: copy.width(), height: copy.height(), size: info.size, etag: info.etag }))
}
