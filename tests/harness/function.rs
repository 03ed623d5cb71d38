//! Something to deploy.

use std::{fs, time::Duration};

use bytes::Bytes;
use spear_proto::v1;
use spear_types::{Access, Artifact, FunctionSpec, Grants, Implementation, LimitRequest, Placement, Settings};
use spear_wire::{Encode as _, stream::chunks};

/// An artifact and what is asked for it.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) spec: FunctionSpec,
    pub(crate) artifact: Bytes,
}

impl Function {
    /// A guest under its own name, with the operator's limits and without a grant.
    pub(crate) fn guest(name: &str) -> Self {
        let (_, path) = spear_test_guests::ALL.iter().find(|(guest, _)| *guest == name).expect("a guest's name");
        Self::of(name, fs::read(path).expect("it was built"))
    }

    /// One that runs until its time is up.
    pub(crate) fn spin(timeout: Duration) -> Self {
        Self::guest("spin").limits(LimitRequest { timeout: Some(timeout), ..LimitRequest::default() })
    }

    pub(crate) fn of(name: &str, artifact: impl Into<Bytes>) -> Self {
        let spec = FunctionSpec {
            name: name.parse().expect("a function's name"),
            description: None,
            limits: LimitRequest::default(),
            grants: Grants::default(),
            settings: Settings::default(),
            placement: Placement::default(),
            implementations: Vec::new(),
        };
        Self { spec, artifact: artifact.into() }
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.spec.name = name.parse().expect("a function's name");
        self
    }

    pub(crate) fn limits(mut self, limits: LimitRequest) -> Self {
        self.spec.limits = limits;
        self
    }

    pub(crate) fn grant(mut self, bucket: &str, access: Access) -> Self {
        self.spec.grants.objects.insert(bucket.parse().expect("a bucket's name"), access);
        self
    }

    /// In place of the artifact as a component; the artifact is what one of them has, if any.
    pub(crate) fn run_as(mut self, implementations: impl IntoIterator<Item = Implementation>) -> Self {
        self.spec.implementations = implementations.into_iter().collect();
        self
    }

    /// What its runs need of a node.
    pub(crate) fn placement(mut self, placement: Placement) -> Self {
        self.spec.placement = placement;
        self
    }

    /// All that it asks for, in place of what it asked for.
    pub(crate) fn grants(mut self, grants: Grants) -> Self {
        self.spec.grants = grants;
        self
    }

    /// The first message of its deploy.
    pub(crate) fn header(&self) -> v1::DeployHeader {
        if self.spec.implementations.is_empty() {
            return self.header_of(self.described().encode());
        }
        v1::DeployHeader { spec: Some(self.spec.clone().encode()) }
    }

    /// The same where the header says something else of the artifact.
    pub(crate) fn header_of(&self, artifact: v1::Artifact) -> v1::DeployHeader {
        let wasm = v1::implementation::Body::Wasm(artifact);
        let implementations = vec![v1::Implementation { body: Some(wasm), serial: None }];
        v1::DeployHeader { spec: Some(v1::FunctionSpec { implementations, ..self.spec.clone().encode() }) }
    }

    /// What there is to say of the artifact.
    pub(crate) fn described(&self) -> Artifact {
        Artifact::of(&self.artifact)
    }

    /// All messages of its deploy.
    pub(crate) fn messages(&self) -> impl Iterator<Item = v1::DeployRequest> + Send + use<> {
        messages(self.header(), self.artifact.clone())
    }
}

/// The messages of a deploy, whether they fit together or not.
pub(crate) fn messages(
    header: v1::DeployHeader,
    artifact: Bytes,
) -> impl Iterator<Item = v1::DeployRequest> + Send + use<> {
    let header = std::iter::once(v1::deploy_request::Part::Header(header));
    let parts = header.chain(chunks(artifact).map(v1::deploy_request::Part::Chunk));
    parts.map(|part| v1::DeployRequest { part: Some(part) })
}
