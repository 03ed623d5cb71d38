//! From a spec to a container that runs.

use std::sync::Arc;

use bollard::{
    errors::Error,
    models::ContainerCreateBody,
    query_parameters::{AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, StartContainerOptions},
};
use tokio_util::sync::CancellationToken;

use super::{container::Container, create, end::Asked, engine::Engine, image, link::Link, user::User};
use crate::sandbox::{Spec, Unrunnable};

/// The longest name of a sandbox.
const LONGEST_NAME: usize = 100;

/// Starts a program. Whoever stops waiting leaves nothing: the work goes on to where it can be taken back.
pub(super) async fn start(
    engine: &Arc<Engine>,
    link: Arc<Link>,
    spec: &Spec,
    pull: bool,
) -> Result<Container, Unrunnable> {
    check_name(&spec.name)?;
    let reference = image::reference(spec)?;
    let image = engine.remembered_image(&link, reference, pull).await?;
    let us = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let user = User::of(image.user.as_deref(), &link.facts, us);
    let body = create::body(spec, &engine.prefix, &image, &link.facts, &user);
    give_folders(user, spec).await?;

    let asked = Asked::new(Arc::clone(engine), link.docker.clone(), spec.name.clone());
    let unwanted = CancellationToken::new();
    let _waiting = unwanted.clone().drop_guard();
    tokio::spawn(create_and_start(asked, body, unwanted)).await.map_err(Unrunnable::new)?
}

async fn give_folders(user: User, spec: &Spec) -> Result<(), Unrunnable> {
    let spec = spec.clone();
    let given = tokio::task::spawn_blocking(move || user.own(&spec));
    let given = given.await.map_err(Unrunnable::new)?;
    given.map_err(|error| Unrunnable::new(format!("the sandbox's folder cannot be given to its user: {error}")))
}

async fn create_and_start(
    asked: Asked,
    body: ContainerCreateBody,
    unwanted: CancellationToken,
) -> Result<Container, Unrunnable> {
    let Asked { engine, docker, name, .. } = asked.clone();
    if !engine.live().insert(name.clone()) {
        return Err(Unrunnable::new(format!("there is a sandbox {name} already")));
    }
    let image = body.image.clone().unwrap_or_default();
    match run(asked, body, unwanted).await {
        Ok(container) => Ok(container),
        Err(error) => {
            // As it was remembered it may not be any more.
            engine.images().remove(&image);
            engine.remove(&docker, &name).await;
            Err(engine.unrunnable(&error))
        }
    }
}

async fn run(asked: Asked, body: ContainerCreateBody, unwanted: CancellationToken) -> Result<Container, Error> {
    let Asked { docker, name, .. } = &asked;
    let named = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(named), body).await?;
    if unwanted.is_cancelled() {
        return Err(cancelled());
    }
    let all = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
    let attached = docker.attach_container(name, Some(all)).await?;
    if unwanted.is_cancelled() {
        return Err(cancelled());
    }
    docker.start_container(name, None::<StartContainerOptions>).await?;
    Ok(Container::new(asked, attached))
}

/// Nobody hears it.
fn cancelled() -> Error {
    Error::DockerStreamError { error: "nobody waits for it any more".to_owned() }
}

/// It is a part of paths to the engine.
fn check_name(name: &str) -> Result<(), Unrunnable> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (2..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('-') {
        return Ok(());
    }
    Err(Unrunnable::new(format!("{name:?} is not the name of a sandbox")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for bad in ["", "a", "-ab", "a/b", "../a", "A1", "a?b", &"a".repeat(101)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name("n1-0198f0-1-1").is_ok());
    }
}
