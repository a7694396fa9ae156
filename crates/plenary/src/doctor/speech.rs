//! Speech recognition, where it is wanted: can the weights be used, and is the machine fast enough?

use server::try_recognition;

use super::Finding;
use crate::settings::Settings;

const TOPIC: &str = "speech";

/// Below this one voice alone keeps the recogniser busy for more than its share allows.
const SPEED_WARNING: f64 = 1.0;

/// Nothing is found where speech is not to be recognised.
pub(super) fn examine(settings: &Settings) -> Option<Finding> {
    let wanted = settings.recognition.as_ref()?;
    let tried = match try_recognition(wanted) {
        Ok(tried) => tried,
        Err(error) => {
            return Some(Finding::wrong(
                TOPIC,
                error.to_string(),
                "name a ggml file of a Whisper model in `recognition.model`; docs/DEPLOYMENT.md \
                 says where they are found",
            ));
        }
    };
    let speed = tried * f64::from(wanted.share_percent) / 100.0;
    let what = format!(
        "{} recognises speech {speed:.1} times as fast as it is spoken, with {} of 100 of the time \
         of {} threads",
        wanted.model.display(),
        wanted.share_percent,
        wanted.threads,
    );
    Some(if speed < SPEED_WARNING {
        Finding::warning(
            TOPIC,
            what,
            "take a smaller model, or give it more of the machine: `recognition.threads`, \
             `recognition.share_percent`",
        )
    } else {
        Finding::ok(TOPIC, what)
    })
}
