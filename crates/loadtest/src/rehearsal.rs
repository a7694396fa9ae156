//! The rehearsal: synthetic people take an event through its whole programme against a real
//! server, and what each of them received is compared with what was promised.

mod attendance;
mod cast;
mod desk;
mod director;
mod model;
mod outcome;
mod report;
mod script;
mod timeline;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::PersonId;
use proceedings::EventDefinition;

use crate::clip::ClipError;
use crate::http::HttpError;
use crate::ledger::SharedPayload;
use crate::live::LiveError;

pub use desk::Record;
pub use report::{Check, Figure, RehearsalReport};
pub use script::{Script, Sentence};

/// Most synthetic people of a rehearsal; thousands are a load test's business.
pub const PARTICIPANTS_MAX: usize = 500;

/// Shortest time for a segment, however fast the pace: voices and pictures must have time to come
/// and to be judged.
pub const SEGMENT_MIN: Duration = Duration::from_secs(4);

/// What to rehearse.
pub struct RehearsalPlan {
    /// Where the server is, as `http://localhost:8080`.
    pub base_url: String,
    /// The event as planned; the server must know it and it must not have begun.
    pub event: EventDefinition,
    /// Tokens of the personal links. People without one stay away; one who moderates must have
    /// one.
    pub links: BTreeMap<PersonId, String>,
    /// How much faster than planned: 60 makes a second of a minute. At least 1.
    pub pace: f64,
    /// How many participants watch. Those who have links come first, the others register on the
    /// public page. At most [`PARTICIPANTS_MAX`].
    pub participants: usize,
    /// What is said and what becomes of it; without it the rehearsal ends with the close.
    pub script: Option<Script>,
    /// Where the report, the proceedings and the attendance are written; made if missing.
    pub out_dir: PathBuf,
    /// Is told what happens.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

/// What happens in a rehearsal, for a person who waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Speech is synthesised, clips are read.
    Preparing,
    /// People come in.
    Joining {
        /// How many.
        people: usize,
    },
    /// Speakers meet in the green room.
    GreenRoom,
    /// A segment began.
    Segment {
        /// Its name.
        name: String,
        /// Its number, from 1.
        number: usize,
        /// How many there are.
        of: usize,
        /// How long it will take.
        length: Duration,
    },
    /// Something was done on the stage.
    Act {
        /// In words.
        what: String,
    },
    /// The event is over; its record is made.
    Record {
        /// What is done, in words.
        what: &'static str,
    },
    /// Everybody has left; what they received is judged.
    Judging,
}

/// Why there was no rehearsal. Faults of the server during one are no errors but failed checks.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The plan cannot be carried out.
    #[error("{0}")]
    Plan(String),
    /// The server cannot be reached.
    #[error(transparent)]
    Server(#[from] HttpError),
    /// The moderator cannot come in.
    #[error("the moderator cannot come in: {0}")]
    Moderator(#[source] LiveError),
    /// A clip is damaged.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// Two voices are the same.
    #[error(transparent)]
    Shared(#[from] SharedPayload),
    /// The report cannot be written.
    #[error("{path} cannot be written: {error}", path = path.display())]
    Output {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Rehearses an event from the green room to its end, with a script to its issued release, and writes `report.md`, `report.json`,
/// `proceedings.jsonl`, `attendance.csv` and `attendance.json` into the plan's folder.
///
/// The event is over afterwards: rehearse a copy of it, not the one that people will come to.
///
/// # Errors
/// [`RehearsalError`] when it cannot begin, or its report cannot be written.
pub async fn rehearse(plan: RehearsalPlan) -> Result<RehearsalReport, RehearsalError> {
    if !(plan.pace >= 1.0 && plan.pace.is_finite()) {
        return Err(RehearsalError::Plan("the pace must be 1 (real time) or more".to_owned()));
    }
    if plan.participants > PARTICIPANTS_MAX {
        let reason = format!("a rehearsal has at most {PARTICIPANTS_MAX} participants");
        return Err(RehearsalError::Plan(reason));
    }
    std::fs::create_dir_all(&plan.out_dir)
        .map_err(|error| RehearsalError::Output { path: plan.out_dir.clone(), error })?;
    (plan.progress)(Progress::Preparing);
    let cast = Box::pin(cast::Cast::assemble(&plan)).await?;
    let outcome = Box::pin(director::direct(&plan, cast)).await?;
    (plan.progress)(Progress::Judging);
    let report = report::make(&plan, &outcome);
    report::write(&plan.out_dir, &report, &outcome)?;
    Ok(report)
}
