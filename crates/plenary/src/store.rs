//! The data folder: the database, and beside it the key from which personal links are derived.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use base::{EventId, PersonId};
use storage::{LinkKey, LinkToken, Storage, StorageError};
use storage_sqlite::{Options, SqliteStorage};

use crate::output::Failure;
use crate::system::SystemRandom;

/// Database of the data folder.
pub(crate) const DATABASE: &str = "plenary.sqlite";

/// Secret of the data folder.
const LINK_KEY: &str = "link.key";

/// An open data folder.
pub(crate) struct Store {
    pub(crate) storage: Arc<SqliteStorage>,
    pub(crate) links: LinkKey,
}

impl Store {
    /// Opens the folder; makes it where there is none, for its owner only.
    pub(crate) async fn open(data: &Path) -> Result<Self, Failure> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
        made.map_err(|error| {
            Failure::failed(format!("The data folder {} cannot be made: {error}.", data.display()))
        })?;
        let links = LinkKey::read_or_create(&data.join(LINK_KEY), &mut SystemRandom)
            .map_err(|error| Failure::failed(sentence(&error.to_string())))?;
        let storage = SqliteStorage::open(&data.join(DATABASE), Options::default())
            .await
            .map_err(|error| broken(data, &error))?;
        Ok(Self { storage: Arc::new(storage), links })
    }

    /// Stores the present link of a person, which changes nothing if it is stored, and returns
    /// its secret.
    pub(crate) async fn link(
        &self,
        event: &EventId,
        person: &PersonId,
    ) -> Result<LinkToken, StorageError> {
        let generation = self.storage.generation(event, person).await?;
        let token = self.links.token(event, person, generation);
        self.storage.put_link(event, person, generation, token.hash()).await?;
        Ok(token)
    }
}

/// A failure of the storage, in a sentence.
pub(crate) fn broken(data: &Path, error: &StorageError) -> Failure {
    Failure::failed(format!("In the data folder {}: {error}.", data.display()))
}

/// The message of an error as a sentence.
pub(crate) fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
