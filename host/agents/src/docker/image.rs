//! The image that a program is in: there, or fetched.

use std::sync::Arc;

use bollard::{
    Docker,
    errors::Error,
    models::ImageInspect,
    query_parameters::{CreateImageOptions, CreateImageOptionsBuilder},
};
use futures::TryStreamExt;

use super::{engine::Engine, link::Link, words};
use crate::sandbox::{Spec, Unrunnable};

/// The longest reference, in bytes; names of repositories have 255, digests 71.
const LONGEST: usize = 400;
/// So many images are remembered; then it begins anew.
const REMEMBERED: usize = 1_000;

/// What matters of an image.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    /// Who its programs are, where it says so.
    pub(super) user: Option<String>,
    /// Folders that would be writable beside ours.
    pub(super) volumes: Vec<String>,
}

impl Engine {
    /// The image, which is fetched where it may be.
    pub(super) async fn image(
        self: &Arc<Self>,
        link: &Link,
        reference: &str,
        pull: bool,
    ) -> Result<Arc<Image>, Unrunnable> {
        let found = match link.docker.inspect_image(reference).await {
            Err(error) if words::says_missing(&error) && pull => fetch(&link.docker, reference).await,
            Err(error) if words::says_missing(&error) => {
                return Err(Unrunnable::new(format!("the image {reference} is not there, and none is fetched here")));
            }
            found => found,
        };
        let found = found.map_err(|error| {
            let Unrunnable { reason } = self.unrunnable(&error);
            Unrunnable::new(format!("the image {reference} cannot be had: {reason}"))
        });
        let image = Arc::new(Image::from(found?));
        let mut images = self.images();
        if images.len() >= REMEMBERED {
            images.clear();
        }
        images.insert(reference.to_owned(), Arc::clone(&image));
        Ok(image)
    }

    /// As it was when it was last asked for.
    pub(super) async fn remembered_image(
        self: &Arc<Self>,
        link: &Link,
        reference: &str,
        pull: bool,
    ) -> Result<Arc<Image>, Unrunnable> {
        let known = self.images().get(reference).cloned();
        match known {
            Some(image) => Ok(image),
            None => self.image(link, reference, pull).await,
        }
    }

    /// What the engine said, or that it said nothing, which is noted.
    pub(super) fn unrunnable(self: &Arc<Self>, error: &Error) -> Unrunnable {
        if !words::are_from_the_engine(error) {
            self.doubt();
        }
        Unrunnable::new(words::of(error))
    }
}

impl From<ImageInspect> for Image {
    fn from(image: ImageInspect) -> Self {
        let config = image.config.unwrap_or_default();
        Self { user: config.user.filter(|user| !user.is_empty()), volumes: config.volumes.unwrap_or_default() }
    }
}

async fn fetch(docker: &Docker, reference: &str) -> Result<ImageInspect, Error> {
    let pulled = docker.create_image(Some(pull_of(reference)), None, None);
    pulled.try_for_each(|_| async { Ok(()) }).await?;
    docker.inspect_image(reference).await
}

/// Without a tag or a digest the engine would fetch all tags.
fn pull_of(reference: &str) -> CreateImageOptions {
    let last = reference.rsplit_once('/').map_or(reference, |(_, last)| last);
    let named = last.contains([':', '@']);
    let tag = if named { "" } else { "latest" };
    CreateImageOptionsBuilder::new().from_image(reference).tag(tag).build()
}

/// The image that is asked for.
///
/// It comes from a manifest and becomes part of a path to the engine: nothing may be in it that leads elsewhere.
pub(super) fn reference(spec: &Spec) -> Result<&str, Unrunnable> {
    let Some(reference) = spec.image.as_deref() else {
        return Err(Unrunnable::new("a container needs an image, and none is given"));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    let starts_well = reference.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fits = (1..=LONGEST).contains(&reference.len()) && reference.chars().all(plain) && starts_well;
    if fits && !reference.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Ok(reference);
    }
    let shown: String = reference.chars().take(LONGEST).collect();
    Err(Unrunnable::new(format!("{shown:?} is not the name of an image; an example: python:3.13-slim")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_image_is_fetched_and_not_all_tags_of_it() {
        let tag = |reference| pull_of(reference).tag;
        assert_eq!(tag("python").as_deref(), Some("latest"));
        assert_eq!(tag("host:5000/python").as_deref(), Some("latest"));
        assert_eq!(tag("python:3").as_deref(), Some(""));
        assert_eq!(tag("host:5000/python@sha256:00").as_deref(), Some(""));
    }

    #[test]
    fn a_reference_leads_nowhere_else() {
        for bad in ["", "../info", "a/../../info", "a?all=1", "a#b", "a b", "/a", "a//b", "-a", "ä", &"a".repeat(401)]
        {
            let spec = crate::docker::create::tests::spec(Some(bad));
            assert!(reference(&spec).is_err(), "{bad}");
        }
        let spec = crate::docker::create::tests::spec(Some("host:5000/a/b_c:1.0-x@sha256:0f"));
        assert!(reference(&spec).is_ok());
    }
}
