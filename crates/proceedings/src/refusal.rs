//! Why a command was not carried out. The screens translate each into a sentence; the texts here
//! are for logs and for clients without a translation.

use serde::{Deserialize, Serialize};

/// A typed refusal. Nothing changed when one is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Refusal {
    /// The person's role does not allow it.
    #[error("your role does not allow this")]
    NotAllowed,
    /// No such person in this event.
    #[error("there is no such person in this event")]
    NoSuchPerson,
    /// No such segment in the programme.
    #[error("there is no such segment in the programme")]
    NoSuchSegment,
    /// A person with this id exists already.
    #[error("this person is registered already")]
    AlreadyRegistered,
    /// The event does not take registrations.
    #[error("this event does not take registrations")]
    RegistrationClosed,
    /// The event knows as many people as it may.
    #[error("the event is full")]
    EventFull,
    /// The green room is not open yet.
    #[error("the green room is not open yet")]
    NotOpenYet,
    /// The event is not live.
    #[error("the event is not live")]
    NotLive,
    /// The event is not suspended.
    #[error("the event is not suspended")]
    NotSuspended,
    /// The event was opened already.
    #[error("the event is open already")]
    AlreadyOpen,
    /// The event has been closed.
    #[error("the event has been closed")]
    Closed,
    /// The event is locked.
    #[error("the event is locked")]
    Locked,
    /// The person was removed from the event.
    #[error("the person was removed from the event")]
    Removed,
    /// The person is suspended.
    #[error("the person is suspended")]
    Suspended,
    /// The person has not been admitted.
    #[error("the person has not been admitted")]
    NotAdmitted,
    /// The person has no connection at the moment.
    #[error("the person is not here at the moment")]
    NotHere,
    /// The person does not wait in the lobby.
    #[error("the person does not wait in the lobby")]
    NotWaiting,
    /// The person was neither suspended nor removed.
    #[error("the person was neither suspended nor removed")]
    NotPutOut,
    /// A person who moderates cannot be put out by another while nobody else would remain to
    /// moderate, nor put themselves out.
    #[error("an event cannot be left without its moderator")]
    LastModerator,
    /// The person has as many connections as one person may.
    #[error("this link is open in too many places")]
    TooManyConnections,
    /// No such connection.
    #[error("there is no such connection")]
    NoSuchConnection,
    /// The person is not on stage.
    #[error("the person is not on stage")]
    NotOnStage,
    /// The person is on stage already.
    #[error("the person is on stage already")]
    AlreadyOnStage,
    /// The stage is full.
    #[error("the stage is full")]
    StageFull,
    /// There is no later segment.
    #[error("this is the last segment")]
    LastSegment,
    /// There is no earlier segment.
    #[error("this is the first segment")]
    FirstSegment,
    /// The segment is over; its record status can no longer change.
    #[error("this segment is over")]
    SegmentOver,
    /// An extension must be between one minute and four hours.
    #[error("a segment is extended by one minute to four hours")]
    BadExtension,
    /// A limit must be between ten seconds and four hours.
    #[error("a time limit is ten seconds to four hours")]
    BadLimit,
    /// The person has the floor already.
    #[error("the person has the floor already")]
    AlreadyHasFloor,
    /// Nobody has the floor, or not this person.
    #[error("this person does not have the floor")]
    DoesNotHaveFloor,
    /// The hand is raised already.
    #[error("the hand is raised already")]
    HandAlreadyRaised,
    /// No hand is raised.
    #[error("no hand is raised")]
    NoHandRaised,
    /// The queue of hands is full.
    #[error("the queue of hands is full")]
    HandsFull,
    /// The event's policy does not allow raising a hand.
    #[error("this event takes no raised hands")]
    HandsNotAllowed,
    /// The moderator muted this person.
    #[error("the moderator has muted you")]
    MutedByModerator,
    /// The person is not muted by the moderator.
    #[error("the person is not muted by the moderator")]
    NotMuted,
    /// Somebody else shares a screen.
    #[error("somebody else is sharing a screen")]
    ScreenTaken,
    /// The state is already as asked.
    #[error("this is so already")]
    NothingToDo,
    /// A text is empty or too long.
    #[error("the text is empty or too long")]
    BadText,

    // About the record.
    /// The event has no such language.
    #[error("this event has no such language")]
    NoSuchLanguage,
    /// The transcript has no such line.
    #[error("there is no such line in the transcript")]
    NoSuchLine,
    /// Only the last lines can be corrected by a captioner.
    #[error("only the last lines can still be corrected")]
    LineTooOld,
    /// The span is empty, too long, or not over yet.
    #[error("the span is empty, too long, or lies in the future")]
    BadSpan,
    /// The span lies off the record, or crosses into another status or segment.
    #[error("this was not on the record, or not all of it in one part of the programme")]
    NotOnTheRecord,
    /// On the record everything said has a speaker.
    #[error("name who said it")]
    SpeakerMissing,
    /// The audience could not hear this person then.
    #[error("the audience did not hear this person at that time")]
    NotHeard,
    /// The record holds as much as it may.
    #[error("the record holds as much as it may")]
    RecordFull,
    /// No such statement.
    #[error("there is no such statement")]
    NoSuchStatement,
    /// The statement was taken back.
    #[error("the statement was withdrawn")]
    StatementWithdrawn,
    /// Somebody changed the statement meanwhile.
    #[error("somebody changed the statement meanwhile")]
    StaleRevision,
    /// The statement has no verb or no words yet.
    #[error("the statement has no reporting verb or no words yet")]
    NotWorded,
    /// A quotation is not what the transcript says.
    #[error("the quotation is not what the transcript says")]
    QuotationDiffers,
    /// Nobody has compared the statement with the sound.
    #[error("nobody has compared the statement with the sound yet")]
    NotChecked,
    /// The statement is not with its speaker.
    #[error("the statement was not sent for clearance, or is being changed")]
    NotSent,
    /// A deadline must lie ahead, at most a month.
    #[error("a deadline lies ahead, at most a month")]
    BadDeadline,
    /// The release has no such version.
    #[error("there is no such version of the release")]
    NoSuchVersion,
    /// A later version was saved meanwhile.
    #[error("a later version of the release was saved meanwhile")]
    StaleVersion,
    /// The person speaks for no party of the event.
    #[error("you do not speak for a party of this event")]
    NoParty,
    /// The version has defects.
    #[error("this version has defects that nobody can accept")]
    ReleaseDefective,
    /// The version has text that is bound to nothing and that nobody answers for.
    #[error("some text is bound to no statement, and nobody has accepted it")]
    UnboundText,
    /// A statement of the version is not cleared as it stands there.
    #[error("a statement in it is not cleared as it stands there")]
    NotCleared,
    /// Not every party has approved this version.
    #[error("not every party has approved this version")]
    NotApproved,
    /// This version was issued already.
    #[error("this version has been issued")]
    AlreadyIssued,
    /// Nothing was issued yet.
    #[error("nothing has been issued yet")]
    NotIssued,
    /// A corrigendum says what was corrected; a first issue corrects nothing.
    #[error("a corrigendum says what it corrects, and nothing else does")]
    CorrectionMissing,
    /// It would be read beside the release, and names somebody whom the Chatham House Rule hides.
    #[error("the correction names somebody whom the Chatham House Rule hides")]
    CorrectionNames,
    /// An embargo must lie ahead, at most a year.
    #[error("an embargo ends in the future, within a year")]
    BadEmbargo,
    /// The embargo is not over.
    #[error("the embargo is not over yet")]
    EmbargoHolds,
    /// The event goes on; its record is not complete.
    #[error("the event has not been closed yet")]
    NotClosed,
}
