//! Real work on a real picture.

use std::fs;

use image::{GenericImageView as _, ImageFormat};
use serde_json::{Value, json};
use spear_types::Outcome;

use crate::harness::{Sms, root};

async fn with_picture() -> Sms {
    let sms = Sms::with_node().await;
    sms.deploy("thumbnail").await;
    let picture = root().join("tests/assets/picture.jpg");
    assert_eq!(image::image_dimensions(&picture).unwrap(), (1000, 750));
    sms.spear(["object", "put", "photos/picture.jpg", picture.to_str().unwrap()]).await.answer();
    sms
}

#[tokio::test]
async fn a_picture_becomes_one_of_the_size_that_was_asked() {
    let sms = with_picture().await;
    for (asked, (width, height)) in [
        (json!({ "width": 200, "height": 200 }), (200, 150)),
        (json!({ "height": 75 }), (100, 75)),
        (json!({ "width": 4000 }), (1000, 750)),
    ] {
        let answer = thumbnail(&sms, asked).await;
        assert_eq!((&answer["width"], &answer["height"]), (&json!(width), &json!(height)));

        let copy = sms.api.get("thumbnails", "picture.jpg").await.unwrap();
        assert_eq!(image::guess_format(&copy).unwrap(), ImageFormat::Jpeg);
        assert_eq!(image::load_from_memory(&copy).unwrap().dimensions(), (width, height));
        assert_eq!(answer["size"], copy.len());
    }
}

#[tokio::test]
async fn the_copy_looks_like_the_picture() {
    let sms = with_picture().await;
    thumbnail(&sms, json!({ "width": 100 })).await;
    let copy = image::load_from_memory(&sms.api.get("thumbnails", "picture.jpg").await.unwrap()).unwrap();
    let picture = image::load_from_memory(&fs::read(root().join("tests/assets/picture.jpg")).unwrap()).unwrap();
    let expected = picture.resize(100, 100, image::imageops::FilterType::Triangle).into_rgb8();
    let pairs = copy.to_rgb8().into_raw().into_iter().zip(expected.into_raw());
    let (sum, count) = pairs.fold((0_u64, 0_u64), |(sum, count), (a, b)| (sum + u64::from(a.abs_diff(b)), count + 1));
    assert!(sum / count < 8, "the pixels differ by {} of 255", sum / count);
}

#[tokio::test]
async fn two_runs_give_the_same_etag() {
    let sms = with_picture().await;
    let first = thumbnail(&sms, json!({ "width": 200 })).await;
    let second = thumbnail(&sms, json!({ "width": 200 })).await;
    assert_eq!(first["etag"], second["etag"]);

    let stat = sms.json(["object", "stat", "thumbnails/picture.jpg"]).await;
    assert_eq!((&stat["etag"], &stat["version"]), (&second["etag"], &json!(2)));
    assert_eq!(stat["content_type"], "image/jpeg");
}

#[tokio::test]
async fn what_is_no_picture_is_a_failure_and_writes_nothing() {
    let sms = with_picture().await;
    sms.api.put("photos", "text", "no picture at all").await.unwrap();
    let outcome = sms.api.invoke("thumbnail", r#"{"key": "text"}"#).await.unwrap().outcome;
    assert!(matches!(outcome, Outcome::Failed(_)), "{outcome}");
    assert!(sms.api.get("thumbnails", "text").await.is_err());
}

async fn thumbnail(sms: &Sms, asked: Value) -> Value {
    let mut call = asked;
    call["key"] = json!("picture.jpg");
    sms.api.invoke("thumbnail", call.to_string()).await.unwrap().json()
}
