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

#[cfg(test)]
mod tests {
    use image::{DynamicImage, ImageFormat, RgbImage};
    use spear_guest::test::{self, Host};

    use super::*;

    /// A host with a picture of 40 × 30 pixels.
    fn with_picture() -> Host {
        let shade = |x: u32, y: u32| image::Rgb([x as u8 * 2, y as u8 * 2, 200]);
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(RgbImage::from_fn(40, 30, shade)).write_to(&mut bytes, ImageFormat::Png).unwrap();
        Host::from_manifest().object("photos", "small.png", bytes.into_inner())
    }

    fn asked(key: &str, width: u32) -> Json<Input> {
        Json(Input { key: key.to_owned(), width: NonZeroU32::new(width), height: None })
    }

    #[test]
    fn a_picture_becomes_one_of_the_size_that_was_asked() {
        let host = with_picture();
        for (width, size) in [(20, (20, 15)), (400, (40, 30))] {
            let Json(output) = thumbnail(asked("small.png", width)).unwrap();
            let copy = host.get_object("thumbnails", "small.png").unwrap();
            let picture = image::load_from_memory_with_format(&copy, ImageFormat::Png).unwrap();
            assert_eq!(((output.width, output.height), (picture.width(), picture.height())), (size, size));
            assert_eq!(output.size, copy.len() as u64);
        }
        let info = host.stat_object("thumbnails", "small.png").unwrap();
        assert_eq!((info.version, info.content_type.as_deref()), (2, Some("image/png")));
        assert!(host.denials().is_empty());
    }

    #[test]
    fn what_is_no_picture_or_not_there_is_a_failure() {
        let host = with_picture().object("photos", "text", "not a picture");
        assert_eq!(thumbnail(asked("text", 20)).map(drop).unwrap_err().code, "error");
        assert_eq!(thumbnail(asked("other.png", 20)).map(drop).unwrap_err().code, "not-found");
        assert_eq!(test::call(thumbnail, r#"{"key": "small.png", "width": 0}"#).unwrap_err().code, "bad-input");
        assert!(host.get_object("thumbnails", "small.png").is_none());
    }
}
