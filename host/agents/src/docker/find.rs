//! Where the engine is.

use bollard::{API_DEFAULT_VERSION, Docker};

/// Seconds until the engine's first word on a request. Creating and starting a container on a busy machine takes some.
const FIRST_WORD: u64 = 60;

/// What of this process's surroundings says where engines are.
pub(super) struct Surroundings {
    docker_host: Option<String>,
    runtime_folder: String,
}

impl Surroundings {
    pub(super) fn of_this_process() -> Self {
        let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let own = || format!("/run/user/{}", rustix::process::getuid().as_raw());
        Self { docker_host: given("DOCKER_HOST"), runtime_folder: given("XDG_RUNTIME_DIR").unwrap_or_else(own) }
    }
}

/// Where an engine may be, in the order in which they are tried. What is told is the only one.
pub(super) fn hosts(told: Option<String>, around: &Surroundings) -> Vec<String> {
    if let Some(host) = told.or_else(|| around.docker_host.clone()) {
        return vec![host];
    }
    let own = &around.runtime_folder;
    vec![
        "unix:///var/run/docker.sock".to_owned(),
        format!("unix://{own}/docker.sock"),
        "unix:///run/podman/podman.sock".to_owned(),
        format!("unix://{own}/podman/podman.sock"),
    ]
}

/// A client of this host. Nothing is sent yet.
pub(super) fn client(host: &str) -> Result<Docker, String> {
    let client = match host.split_once("://") {
        None => Docker::connect_with_unix(host, FIRST_WORD, API_DEFAULT_VERSION),
        Some(("unix", path)) => Docker::connect_with_unix(path, FIRST_WORD, API_DEFAULT_VERSION),
        Some(("tcp" | "http", _)) => Docker::connect_with_http(host, FIRST_WORD, API_DEFAULT_VERSION),
        Some((scheme, _)) => return Err(format!("{scheme}:// is not spoken; use unix://, tcp:// or http://")),
    };
    client.map_err(|error| super::words::of(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(docker_host: Option<&str>) -> Surroundings {
        Surroundings { docker_host: docker_host.map(str::to_owned), runtime_folder: "/run/user/7".to_owned() }
    }

    #[test]
    fn what_is_told_goes_before_the_environment_and_that_before_the_usual_sockets() {
        assert_eq!(hosts(Some("/a".to_owned()), &around(Some("/b"))), ["/a"]);
        assert_eq!(hosts(None, &around(Some("/b"))), ["/b"]);
        let usual = hosts(None, &around(None));
        assert_eq!(usual[0], "unix:///var/run/docker.sock");
        assert_eq!(usual[1], "unix:///run/user/7/docker.sock");
        assert_eq!(usual[3], "unix:///run/user/7/podman/podman.sock");
    }

    #[test]
    fn a_host_that_nobody_speaks_to_is_refused_by_its_scheme() {
        assert!(client("ssh://somewhere").is_err_and(|why| why.starts_with("ssh://")));
    }
}
