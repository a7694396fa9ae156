//! What people and the server ask for.

use base::{ConnectionId, Millis, PersonId, SegmentId};
use serde::{Deserialize, Serialize};

use crate::definition::{Person, RecordStatus};
use crate::record::RecordCommand;

/// Who asks. The server authenticates; this type only says whom it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "person")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Actor {
    /// A person, by their personal link.
    Person(PersonId),
    /// The server itself, for what it observes (connections) or on behalf of the public page.
    Server,
    /// The operator at the command line of the machine.
    Operator,
}

/// A wish to change the event. People send most of them over the live socket; those marked
/// *server* can only come from [`Actor::Server`] or [`Actor::Operator`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub enum Command {
    // The event's life.
    /// Opens the green room, so that speakers may enter the stage out of the audience's hearing.
    OpenGreenRoom,
    /// Goes live; the first segment begins.
    OpenEvent,
    /// Stops everything at once: the audience sees a notice and hears nothing.
    SuspendEvent {
        /// What the audience is told; free text in the moderator's words.
        reason: Option<String>,
    },
    /// Goes on where it was suspended.
    ResumeEvent,
    /// Ends the event for good.
    CloseEvent,

    // People and presence.
    /// *Server.* A person registered on the public page.
    Register {
        /// The new person; the server generated the id.
        person: Person,
    },
    /// *Server.* A live connection of a person came up.
    Arrive {
        /// Who.
        person: PersonId,
        /// By which connection.
        connection: ConnectionId,
    },
    /// *Server.* A live connection went down.
    Depart {
        /// Who.
        person: PersonId,
        /// Which connection.
        connection: ConnectionId,
    },
    /// *Server.* The server started; all connections of before are gone.
    Restart,
    /// Lets a waiting person in.
    Admit {
        /// Who.
        person: PersonId,
    },
    /// Lets everybody in the lobby in.
    AdmitAll,
    /// Puts a person out until readmitted; their link shows a notice.
    SuspendPerson {
        /// Who.
        person: PersonId,
    },
    /// Puts a person out for good: they stay removed whatever they try with their link.
    RemovePerson {
        /// Who.
        person: PersonId,
    },
    /// Lets a suspended or removed person in again.
    Readmit {
        /// Who.
        person: PersonId,
    },
    /// Nobody new comes in; who is in stays and may reconnect.
    Lock,
    /// Ends the lock.
    Unlock,

    // The stage.
    /// A speaker or moderator takes their own place on the stage (in the green room before the
    /// opening).
    EnterStage,
    /// Leaves the stage by one's own will.
    LeaveStage,
    /// Brings a person on the stage.
    BringOnStage {
        /// Who.
        person: PersonId,
    },
    /// Sends a person from the stage.
    SendFromStage {
        /// Who.
        person: PersonId,
    },

    // The programme.
    /// Ends the present segment and begins the next.
    NextSegment,
    /// Returns to the segment before.
    PreviousSegment,
    /// Gives the present segment more time.
    ExtendSegment {
        /// How much more.
        by: Millis,
    },
    /// Changes the record status of the present or a coming segment.
    SetRecordStatus {
        /// Which.
        segment: SegmentId,
        /// To what.
        status: RecordStatus,
    },

    // The floor.
    /// Gives the floor; it is taken from whoever has it. A person who is not on stage is brought
    /// there as a guest.
    GiveFloor {
        /// To whom.
        person: PersonId,
        /// For how long; `None` has no limit. The limit is shown, never enforced by the machine.
        limit: Option<Millis>,
    },
    /// Takes the floor back.
    TakeFloor,
    /// The holder gives the floor back.
    YieldFloor,
    /// Allows a person on stage to be heard beside the holder (to answer), or ends that.
    SetAnswering {
        /// Who.
        person: PersonId,
        /// Allowed or not.
        allowed: bool,
    },
    /// Asks for the floor.
    RaiseHand,
    /// Withdraws one's own hand.
    LowerHand,
    /// The moderator lowers somebody's hand.
    DismissHand {
        /// Whose.
        person: PersonId,
    },

    // What a person sends.
    /// One's own microphone.
    SetMicrophone {
        /// On or off.
        on: bool,
    },
    /// One's own camera.
    SetCamera {
        /// On or off.
        on: bool,
    },
    /// One's own shared screen.
    SetScreen {
        /// Sharing or not.
        on: bool,
    },
    /// The moderator mutes a person, who stays muted until allowed again or given the floor.
    Mute {
        /// Whom.
        person: PersonId,
    },
    /// The moderator lets a muted person turn the microphone on again.
    AllowMicrophone {
        /// Whom.
        person: PersonId,
    },

    /// About the record: transcript, statements, release. These go on after the event is closed.
    #[serde(untagged)]
    Record(RecordCommand),
}
