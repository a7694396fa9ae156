//! Does the store of finished recordings take what it is given?

use recording::Archive;

use super::Finding;
use crate::serve::runtime;
use crate::settings::Settings;
use crate::store::sentence;

const TOPIC: &str = "store";

/// Nothing is found where no store is named.
pub(super) fn examine(settings: &Settings) -> Option<Finding> {
    let store = settings.store.as_ref()?;
    let checked = Archive::s3(settings.recordings.clone(), &store.s3, store.keep_local)
        .map_err(|error| sentence(&error.to_string()))
        .and_then(|archive| {
            let runtime = runtime().map_err(|failure| failure.message)?;
            runtime.block_on(archive.check()).map_err(|error| sentence(&error.to_string()))
        });
    let bucket = &store.s3.bucket;
    Some(match checked {
        Ok(()) => Finding::ok(TOPIC, format!("the bucket {bucket} takes, gives and removes")),
        Err(why) => Finding::wrong(
            TOPIC,
            why,
            "look at the settings of [store] and at the rights of its key; until then recordings \
             stay in their folder",
        ),
    })
}
