//! The operator's secrets: a folder with a file for each, else the environment.
//!
//! The folder is opened once, at start: what is read afterwards is below it, whatever symbolic links in it say.

use std::{
    env,
    io::{self, Read as _},
    os::unix::ffi::OsStringExt as _,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use cap_std::{ambient_authority, fs::Dir};
use futures::{FutureExt as _, future::BoxFuture};
use spear_hostcalls::secrets::{Backend, MAX_SECRET};
use spear_types::{Code, Refusal, SecretName};

/// What the names of environment variables with secrets begin with.
const PREFIX: &str = "SPEAR_SECRET_";

/// The node's secrets.
pub(crate) struct NodeSecrets {
    folder: Option<Arc<Dir>>,
}

impl NodeSecrets {
    /// Opens the folder.
    ///
    /// # Errors
    /// When it is none, or not ours to read.
    pub(crate) fn open(folder: Option<&Path>) -> io::Result<Self> {
        let open = |folder: &Path| Dir::open_ambient_dir(folder, ambient_authority()).map(Arc::new);
        Ok(Self { folder: folder.map(open).transpose()? })
    }

    async fn get(&self, secret: &SecretName) -> Result<Bytes, Refusal> {
        if let Some(folder) = self.folder.clone() {
            let name = secret.clone();
            let read = tokio::task::spawn_blocking(move || read(&folder, &name)).await;
            let read = read.map_err(|error| Refusal::new(Code::Internal, format!("reading broke off: {error}")))?;
            match read {
                Ok(value) => return within(secret, value),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let message = format!("the node cannot read its secret {secret}: {error}");
                    return Err(Refusal::new(Code::Internal, message));
                }
            }
        }
        match env::var_os(variable(secret)) {
            Some(value) => within(secret, value.into_vec().into()),
            None => Err(self.unknown(secret)),
        }
    }

    fn unknown(&self, secret: &SecretName) -> Refusal {
        let folder = match &self.folder {
            Some(_) => format!("a file {secret} in its folder [spearlet] secrets"),
            None => "a file in the folder [spearlet] secrets, which is not set,".to_owned(),
        };
        let message =
            format!("the node has no secret {secret}: neither {folder} nor the variable {}", variable(secret));
        Refusal::new(Code::UnknownSecret, message)
    }
}

impl Backend for NodeSecrets {
    fn get<'a>(&'a self, secret: &'a SecretName) -> BoxFuture<'a, Result<Bytes, Refusal>> {
        self.get(secret).boxed()
    }
}

/// `api-key` is `SPEAR_SECRET_API_KEY`.
fn variable(secret: &SecretName) -> String {
    format!("{PREFIX}{}", secret.as_str().to_ascii_uppercase().replace('-', "_"))
}

/// One byte more than is allowed, at the most.
fn read(folder: &Dir, secret: &SecretName) -> io::Result<Bytes> {
    let mut value = Vec::new();
    folder.open(secret.as_str())?.take(MAX_SECRET + 1).read_to_end(&mut value)?;
    Ok(value.into())
}

fn within(secret: &SecretName, value: Bytes) -> Result<Bytes, Refusal> {
    if value.len() as u64 > MAX_SECRET {
        return Err(Refusal::new(
            Code::TooLarge,
            format!("the secret {secret} is over the limit of {MAX_SECRET} bytes"),
        ));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn with_file(name: &str, value: &[u8]) -> (tempfile::TempDir, NodeSecrets) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), value).unwrap();
        let secrets = NodeSecrets::open(Some(folder.path())).unwrap();
        (folder, secrets)
    }

    async fn get(secrets: &NodeSecrets, name: &str) -> Result<Bytes, Refusal> {
        secrets.get(&name.parse().unwrap()).await
    }

    #[tokio::test]
    async fn a_secret_is_its_files_bytes_as_they_are_now() {
        let (folder, secrets) = with_file("api-key", b"one\n\xff");
        assert_eq!(get(&secrets, "api-key").await.unwrap(), &b"one\n\xff"[..]);
        fs::write(folder.path().join("api-key"), "two").unwrap();
        assert_eq!(get(&secrets, "api-key").await.unwrap(), "two");
    }

    #[tokio::test]
    async fn a_secret_that_is_nowhere_is_told_where_it_was_looked_for() {
        let (_folder, secrets) = with_file("other", b"x");
        for (secrets, folder) in [(&secrets, "in its folder"), (&NodeSecrets::open(None).unwrap(), "which is not set")]
        {
            let refusal = get(secrets, "no-such").await.unwrap_err();
            assert_eq!(refusal.code, Code::UnknownSecret);
            assert!(refusal.message.contains(folder) && refusal.message.contains("SPEAR_SECRET_NO_SUCH"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn a_secret_over_its_limit_is_refused_and_not_cut() {
        let (_folder, secrets) = with_file("large", &vec![b'x'; usize::try_from(MAX_SECRET).unwrap() + 1]);
        assert_eq!(get(&secrets, "large").await.unwrap_err().code, Code::TooLarge);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_the_nodes_trouble_and_not_an_unknown_secret() {
        let (folder, secrets) = with_file("file", b"");
        fs::create_dir(folder.path().join("folder")).unwrap();
        assert_eq!(get(&secrets, "folder").await.unwrap_err().code, Code::Internal);
    }

    #[tokio::test]
    async fn a_link_that_leads_out_of_the_folder_is_not_followed() {
        let (folder, secrets) = with_file("other", b"x");
        let outside = tempfile::NamedTempFile::new().unwrap();
        fs::write(outside.path(), "not a secret of ours").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("out")).unwrap();
        std::os::unix::fs::symlink("other", folder.path().join("within")).unwrap();
        assert_eq!(get(&secrets, "out").await.unwrap_err().code, Code::Internal);
        assert_eq!(get(&secrets, "within").await.unwrap(), "x");
    }
}
