//! The recorder: a subscriber of the media engine (`forwarding::sink`) on a thread of its own.
//!
//! # What it writes
//! A folder for each event. In `takes` each sink of the media engine becomes one file, as it was
//! received: a voice, a camera, a shared screen, from its opening to its closing. Sound and
//! picture of a person are two files, because each begins, ends, fails and changes its codec by
//! itself, and because transcripts and clips want the voice alone. Of a simulcast picture the
//! largest layer that arrives is kept. Beside them stand the programme files: the picture that the
//! audience saw, switched on key frames as it was for them and never decoded, with the voices of
//! the floor mixed into one track. A programme goes on in a further file only when its picture
//! changes the codec, or under another record status. `index.jsonl` says as it happens what each
//! file holds and when; `index.json` says it for good once the event is closed.
//!
//! # Time
//! The moment at which a file begins stands in it and in the index, and each frame's time counts
//! from there. All tracks of one sender are timed by that sender's own clock (RTCP sender reports),
//! whose distance to ours is the smallest that any packet showed; so sound and picture of a person
//! fit exactly, and those of two people within the difference of their ways to us. Steps of the
//! system's clock change nothing within a recording.
//!
//! # What it promises
//! It never makes the media engine wait: its queue is bounded, and what does not fit is dropped and
//! told. A kill costs at most the last second of each file; [`recover`] finishes what was left
//! behind. When the disk is full, or fails, the event goes on, what was written stays, and it is
//! tried again.
//!
//! Under the Chatham House Rule no file, name or line says who spoke: the recorder is not told.

mod archive;
mod disk;
mod file;
mod health;
mod index;
mod mixer;
mod programme;
mod queue;
mod recorder;
mod recovery;
mod stream;
mod take;
mod timing;
mod worker;

pub use archive::{Archive, ArchiveError, ArchiveHealth, S3, Stored, stored};
pub use disk::{Disk, DiskFile, LocalDisk};
pub use health::{Health, Problem};
pub use index::{ChapterAt, Index, Programme, Span, Status, TakeEntry, has_picture, read_index};
pub use recorder::{Config, Recorder, StartError};
pub use recovery::{Recovery, recover};
