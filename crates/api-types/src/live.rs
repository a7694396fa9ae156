//! The live socket, `GET /api/live` (WebSocket, one JSON message a text frame).

use base::{ConnectionId, EventId, PersonId, Sequence, Timestamp};
use proceedings::{Command, Refusal};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::captions::{CaptionAct, CaptionSeat};
use crate::view::{EventView, LineQuality, Section, You};

/// What a client says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum ClientMessage {
    /// The first message, within ten seconds. The token travels here, never in the URL.
    Hello {
        /// Which event.
        event: EventId,
        /// The token of the personal link.
        token: String,
        /// Sequence of the last message seen before a drop; only what changed since is sent.
        resume: Option<Sequence>,
    },
    /// A wish. Answered by `accepted` or `refused` with the same id.
    Command {
        /// Chosen by the client, unique within the connection.
        #[ts(type = "number")]
        id: u64,
        /// What is asked.
        command: Command,
    },
    /// What a captioner does that is no part of the proceedings. Not answered.
    Caption {
        /// What.
        act: CaptionAct,
    },
    /// Keeps the line open; answered by `pong`.
    Ping {},
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum ServerMessage {
    /// Answer to `hello`.
    Welcome {
        /// This connection.
        connection: ConnectionId,
        /// Where the proceedings stand.
        sequence: Sequence,
        /// The server's clock, by which all countdowns run.
        now: Timestamp,
        /// The event.
        event: Box<EventView>,
        /// You.
        you: Box<You>,
        /// How good your line is, once it has been judged.
        line: Option<LineQuality>,
        /// Sections: all of them, or those changed since `resume`.
        sections: Vec<Section>,
    },
    /// Something changed; each section replaces the one the client has.
    Changed {
        /// Where the proceedings stand now.
        sequence: Sequence,
        /// The changed sections.
        sections: Vec<Section>,
    },
    /// Something about you changed.
    You {
        /// You, whole.
        you: Box<You>,
    },
    /// Your line is better or worse than before. Not part of the proceedings.
    Line {
        /// How good; none when nothing is received or sent any more.
        quality: Option<LineQuality>,
    },
    /// Who is audibly speaking now. Not part of the proceedings.
    Speaking {
        /// Persons.
        people: Vec<PersonId>,
    },
    /// Who sits at the captions. Told to those who do. Not part of the proceedings.
    Captioners {
        /// Everybody, in the order in which they sat down.
        seats: Vec<CaptionSeat>,
    },
    /// The command was carried out and its lines are on disk.
    Accepted {
        /// The command's id.
        #[ts(type = "number")]
        id: u64,
        /// Sequence of its last line.
        sequence: Sequence,
    },
    /// The command was not carried out; nothing changed.
    Refused {
        /// The command's id.
        #[ts(type = "number")]
        id: u64,
        /// Why.
        refusal: Refusal,
    },
    /// The command was not carried out for a reason that lies with the server or the line, not
    /// with the event; nothing changed, and the same command may be sent again.
    Failed {
        /// The command's id.
        #[ts(type = "number")]
        id: u64,
        /// Why.
        failure: CommandFailure,
    },
    /// Answer to `ping`.
    Pong {
        /// The server's clock.
        now: Timestamp,
    },
    /// The server is about to close the socket.
    End {
        /// Why.
        reason: EndReason,
    },
}

/// Why a command was not even judged, or not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum CommandFailure {
    /// The server cannot store the proceedings now.
    Unavailable,
    /// Too many commands in a short time on this connection.
    TooFast,
}

/// Why the server closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The token is unknown or revoked. Do not come back.
    BadToken,
    /// No such event. Do not come back.
    NoSuchEvent,
    /// You were removed from the event. Do not come back.
    Removed,
    /// You were suspended from the event; you may come back when readmitted (ask again slowly).
    Suspended,
    /// The event is full. Ask again slowly.
    EventFull,
    /// This link is open in too many places. Do not come back by yourself.
    TooManyConnections,
    /// The event is closed.
    Closed,
    /// You read too slowly; the queue was full. Come back with `resume`.
    TooSlow,
    /// A message was not understood. A defect of the client; do not come back by yourself.
    BadMessage,
    /// The server stops. Come back with `resume`.
    ServerStops,
    /// The server cannot store the proceedings now. Come back with `resume`.
    Unavailable,
}
