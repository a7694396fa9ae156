//! From facts to documents: what was said and who said it go in, a press release comes out, in
//! several languages and formats.
//!
//! [`draft`] turns [`Facts`] into a [`Release`]: parallel language versions made of runs, each bound
//! to a statement or to a fact of the programme. People edit it ([`Edit`]); what they write is
//! unbound until it is bound again. [`check`] says what forbids issuing it: it trusts nothing in the
//! document and compares every run with what the facts say. [`output`] shows a release as text,
//! Markdown, HTML, mail, Atom, ninjs, JSON-LD, DOCX and PDF, and a transcript as WebVTT.
//!
//! # The Chatham House Rule, decided strictly
//! 1. A statement made under the Rule carries no speaker, no time, no original language and no link
//!    to the recording, in the document and in everything made from it. All statements of such a
//!    segment stand in one paragraph, each with a subject of its own ("a participant"), so that
//!    nothing says which two came from one mouth.
//! 2. In a paragraph that holds such a statement, or that mentions the Rule, no name, office,
//!    affiliation or style of address of anybody known to the event may appear, in any language and
//!    letter case, whoever they are. The organiser's own name falls under this where somebody is
//!    affiliated with it.
//! 3. Anywhere else a person may be named who has a part on the record: who is named for the floor
//!    of an on-the-record segment, moderates an event that has one, or made an on-the-record
//!    statement. Everybody else is hidden as soon as the event has a segment under the Rule, because
//!    the Rule hides who was there.
//! 4. The attendance is not given, not even as a number, when a segment was under the Rule.
//! 5. Captions of such a segment carry no voice, and names in them are struck out. On the page of
//!    the record they have no time either, and no sound or picture of the segment is public.
//!
//! Nothing here reads a clock, draws randomness or does I/O: the same facts give the same bytes.

mod check;
mod dates;
mod draft;
mod edit;
mod facts;
mod mapping;
mod names;
pub mod output;
mod release;
mod style;
mod text;
mod words;

pub use check::{Problem, Unbound, Verdict, check, names_the_hidden, unbound, verdict};
pub use dates::Day;
pub use draft::{DraftError, draft};
pub use edit::{At, Edit, EditError};
pub use facts::{Clearance, Event, Facts, Gender, Line, Organiser, Person, Segment, Statement};
pub use mapping::{
    NotesError, PersonNotes, RehearsedStatement, ReleaseNotes, attendance, from_programme,
    from_state, read_notes, stretches, transcript,
};
pub use release::{
    About, Block, Cited, Fact, Named, Part, ProgrammePart, Release, ReleaseError, Run, Source,
    Span, Version,
};
pub use style::{HouseStyle, InterventionOrder};
pub use words::{Complement, complement, reported};
