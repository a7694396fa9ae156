// Generated from crates/api-types. Write anew: UPDATE_GENERATED=1 cargo test -p api-types

/**
 * Somebody answers for a text that is bound to nothing.
 */
export type Acceptance = { 
/**
 * When.
 */
at: Timestamp, 
/**
 * Why.
 */
reason: string, };

/**
 * May a person watch and hear.
 */
export type Admission = "invited" | "waiting" | "admitted" | "suspended" | "removed";

/**
 * How many watch.
 */
export type AudienceSection = { 
/**
 * People admitted and connected, the stage not counted.
 */
watching: number, 
/**
 * Raised hands.
 */
hands: number, };

/**
 * A statement as a document is bound to it.
 */
export type BoundStatement = { 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As it was then.
 */
revision: Revision, };

/**
 * What a captioner does at the desk of a language. A connection sits at one desk at a time. Not
 * answered; what changed is told by `captioners` and by the section `partials`. From those who may
 * not write captions, and while nothing may be written, it is passed over.
 */
export type CaptionAct = { "act": "sit", 
/**
 * Which language.
 */
language: Language, } | { "act": "leave", } | { "act": "take-over", } | { "act": "write-along", } | { "act": "hand-over", } | { "act": "type", 
/**
 * Who says it.
 */
person: PersonId | null, 
/**
 * The words.
 */
text: string, };

/**
 * A line of the captions.
 */
export type CaptionLine = { 
/**
 * Its number in the transcript; a corrected line keeps it.
 */
id: TranscriptLineId, 
/**
 * Who said it; nobody under the Chatham House Rule.
 */
person: PersonId | null, 
/**
 * From when.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language the text is.
 */
language: Language, 
/**
 * In which language it was said, where the text is an interpreter's.
 */
interpreted_from: Language | null, 
/**
 * The words.
 */
text: string, };

/**
 * Who sits at the captions of which language, in the order in which they sat down.
 */
export type CaptionSeat = { 
/**
 * The language.
 */
language: Language, 
/**
 * Who.
 */
person: PersonView, 
/**
 * By which connection: a person may sit there with two browsers.
 */
connection: ConnectionId, 
/**
 * It is this one's turn to write.
 */
writes: boolean, };

/**
 * Who puts captions down.
 */
export type CaptionSource = "captioner" | "recogniser";

/**
 * The last lines of the captions: those of the present segment, a few of each language. Empty off
 * the record and while the event is not live.
 */
export type CaptionsSection = { 
/**
 * In the order in which they were put down.
 */
lines: Array<CaptionLine>, };

/**
 * A speaker's answer.
 */
export type Clearance = { "answer": "cleared" } | { "answer": "corrected", 
/**
 * The words, in languages that the statement has.
 */
wordings: { [key in Language]: string }, 
/**
 * What the speaker adds.
 */
reason: string | null, } | { "answer": "withheld", 
/**
 * Why.
 */
reason: string | null, };

/**
 * Answer to `GET /api/events/{event}/clearance`.
 */
export type ClearanceView = { 
/**
 * See the module.
 */
changed: Sequence, 
/**
 * The statements that the reader may answer for and that were sent.
 */
statements: Array<Statement>, };

/**
 * What a client says.
 */
export type ClientMessage = { "type": "hello", 
/**
 * Which event.
 */
event: EventId, 
/**
 * The token of the personal link.
 */
token: string, 
/**
 * Sequence of the last message seen before a drop; only what changed since is sent.
 */
resume: Sequence | null, } | { "type": "command", 
/**
 * Chosen by the client, unique within the connection.
 */
id: number, 
/**
 * What is asked.
 */
command: Command, } | { "type": "caption", 
/**
 * What.
 */
act: CaptionAct, } | { "type": "ping", };

/**
 * A wish to change the event. People send most of them over the live socket; those marked
 * *server* can only come from [`Actor::Server`] or [`Actor::Operator`].
 */
export type Command = { "do": "open-green-room" } | { "do": "open-event" } | { "do": "suspend-event", 
/**
 * What the audience is told; free text in the moderator's words.
 */
reason: string | null, } | { "do": "resume-event" } | { "do": "close-event" } | { "do": "register", 
/**
 * The new person; the server generated the id.
 */
person: Person, } | { "do": "arrive", 
/**
 * Who.
 */
person: PersonId, 
/**
 * By which connection.
 */
connection: ConnectionId, } | { "do": "depart", 
/**
 * Who.
 */
person: PersonId, 
/**
 * Which connection.
 */
connection: ConnectionId, } | { "do": "restart" } | { "do": "admit", 
/**
 * Who.
 */
person: PersonId, } | { "do": "admit-all" } | { "do": "suspend-person", 
/**
 * Who.
 */
person: PersonId, } | { "do": "remove-person", 
/**
 * Who.
 */
person: PersonId, } | { "do": "readmit", 
/**
 * Who.
 */
person: PersonId, } | { "do": "lock" } | { "do": "unlock" } | { "do": "enter-stage" } | { "do": "leave-stage" } | { "do": "bring-on-stage", 
/**
 * Who.
 */
person: PersonId, } | { "do": "send-from-stage", 
/**
 * Who.
 */
person: PersonId, } | { "do": "next-segment" } | { "do": "previous-segment" } | { "do": "extend-segment", 
/**
 * How much more.
 */
by: Millis, } | { "do": "set-record-status", 
/**
 * Which.
 */
segment: SegmentId, 
/**
 * To what.
 */
status: RecordStatus, } | { "do": "give-floor", 
/**
 * To whom.
 */
person: PersonId, 
/**
 * For how long; `None` has no limit. The limit is shown, never enforced by the machine.
 */
limit: Millis | null, } | { "do": "take-floor" } | { "do": "yield-floor" } | { "do": "set-answering", 
/**
 * Who.
 */
person: PersonId, 
/**
 * Allowed or not.
 */
allowed: boolean, } | { "do": "raise-hand" } | { "do": "lower-hand" } | { "do": "dismiss-hand", 
/**
 * Whose.
 */
person: PersonId, } | { "do": "set-microphone", 
/**
 * On or off.
 */
on: boolean, } | { "do": "set-camera", 
/**
 * On or off.
 */
on: boolean, } | { "do": "set-screen", 
/**
 * Sharing or not.
 */
on: boolean, } | { "do": "mute", 
/**
 * Whom.
 */
person: PersonId, } | { "do": "allow-microphone", 
/**
 * Whom.
 */
person: PersonId, } | RecordCommand;

/**
 * Answer to `POST /api/events/{event}/commands`.
 */
export type CommandAccepted = { 
/**
 * Number of the last line that the command wrote.
 */
sequence: Sequence, };

/**
 * Why a command was not even judged, or not kept.
 */
export type CommandFailure = "unavailable" | "too-fast";

/**
 * One live connection of a person (a browser tab), numbered by the server.
 */
export type ConnectionId = number;

/**
 * A version of the release.
 */
export type DraftVersion = { 
/**
 * Its number.
 */
version: ReleaseVersion, 
/**
 * When it was saved.
 */
at: Timestamp, 
/**
 * By whom.
 */
by: PersonId, 
/**
 * SHA-256 of its document, which holds all languages.
 */
document: Hash, 
/**
 * The languages that it is written in.
 */
languages: Array<Language>, 
/**
 * The statements that it is bound to.
 */
statements: Array<BoundStatement>, 
/**
 * SHA-256 of each text that is bound to nothing.
 */
unbound: string[], 
/**
 * What else forbids to issue it.
 */
defects: Array<ReleaseDefect>, 
/**
 * Parties whose approval it had when the next version was saved, and which was lost with it.
 */
lost: Array<PartyId>, };

/**
 * Why the server closes a socket.
 */
export type EndReason = "bad-token" | "no-such-event" | "removed" | "suspended" | "event-full" | "too-many-connections" | "closed" | "too-slow" | "bad-message" | "server-stops" | "unavailable";

/**
 * An error as every endpoint answers it.
 */
export type ErrorBody = { 
/**
 * Stable word for programs, as `bad-token`.
 */
error: string, 
/**
 * A sentence that says what is wrong and what to do.
 */
message: string, };

/**
 * One fact of the proceedings. The serialised form is stored for good: variants and fields may
 * be added, never renamed or re-used.
 */
export type Event = { "event": "event-created", 
/**
 * The event as planned.
 */
definition: EventDefinition, } | { "event": "green-room-opened" } | { "event": "event-opened" } | { "event": "event-suspended", 
/**
 * What the audience was told.
 */
reason: string | null, } | { "event": "event-resumed" } | { "event": "event-closed" } | { "event": "person-registered", 
/**
 * Who.
 */
person: Person, } | { "event": "person-arrived", 
/**
 * Who.
 */
person: PersonId, 
/**
 * By which connection.
 */
connection: ConnectionId, } | { "event": "person-departed", 
/**
 * Who.
 */
person: PersonId, 
/**
 * Which connection.
 */
connection: ConnectionId, } | { "event": "server-restarted" } | { "event": "person-waiting", 
/**
 * Who.
 */
person: PersonId, } | { "event": "person-admitted", 
/**
 * Who.
 */
person: PersonId, } | { "event": "person-suspended", 
/**
 * Who.
 */
person: PersonId, } | { "event": "person-removed", 
/**
 * Who.
 */
person: PersonId, } | { "event": "person-readmitted", 
/**
 * Who.
 */
person: PersonId, } | { "event": "event-locked" } | { "event": "event-unlocked" } | { "event": "stage-entered", 
/**
 * Who.
 */
person: PersonId, 
/**
 * Only for as long as they have the floor.
 */
guest: boolean, } | { "event": "stage-left", 
/**
 * Who.
 */
person: PersonId, } | { "event": "segment-began", 
/**
 * Which.
 */
segment: SegmentId, } | { "event": "segment-ended", 
/**
 * Which.
 */
segment: SegmentId, } | { "event": "segment-extended", 
/**
 * Which.
 */
segment: SegmentId, 
/**
 * How much more.
 */
by: Millis, } | { "event": "record-status-changed", 
/**
 * Which.
 */
segment: SegmentId, 
/**
 * To what.
 */
status: RecordStatus, } | { "event": "floor-given", 
/**
 * Who.
 */
person: PersonId, 
/**
 * For how long.
 */
limit: Millis | null, } | { "event": "floor-taken", 
/**
 * Who had it.
 */
person: PersonId, } | { "event": "answering-changed", 
/**
 * Who.
 */
person: PersonId, 
/**
 * Allowed or not.
 */
allowed: boolean, } | { "event": "hand-raised", 
/**
 * Whose.
 */
person: PersonId, } | { "event": "hand-lowered", 
/**
 * Whose.
 */
person: PersonId, } | { "event": "microphone-changed", 
/**
 * Whose.
 */
person: PersonId, 
/**
 * On or off.
 */
on: boolean, } | { "event": "camera-changed", 
/**
 * Whose.
 */
person: PersonId, 
/**
 * On or off.
 */
on: boolean, } | { "event": "screen-changed", 
/**
 * Whose.
 */
person: PersonId, 
/**
 * Shared or not.
 */
on: boolean, } | { "event": "person-muted", 
/**
 * Whom.
 */
person: PersonId, } | { "event": "microphone-allowed", 
/**
 * Whom.
 */
person: PersonId, } | RecordEvent;

/**
 * A whole event as planned. The programme file is parsed into this.
 */
export type EventDefinition = { 
/**
 * Identifier; stands in the URL.
 */
id: EventId, 
/**
 * Title as it stands on the invitation.
 */
title: Localized, 
/**
 * What the talk is about, in a sentence or two.
 */
topic: Localized, 
/**
 * What the event is dedicated to or held on the occasion of.
 */
occasion: Localized | null, 
/**
 * A notice that every public page of the event carries (for example that it is a
 * reconstruction).
 */
notice: Localized | null, 
/**
 * Languages of the event; the first is the floor language unless a segment says otherwise.
 */
languages: Array<Language>, 
/**
 * Planned opening.
 */
start: Timestamp, 
/**
 * IANA name of the event's time zone, as `Asia/Karachi`.
 */
time_zone: string, 
/**
 * City by which the event's time is named.
 */
city: Localized, 
/**
 * Organising parties in order of precedence; the first is the organiser, the others are
 * co-organisers of equal standing.
 */
parties: Array<Party>, 
/**
 * People with a part in the event, in order of precedence.
 */
people: Array<Person>, 
/**
 * The programme.
 */
segments: Array<Segment>, 
/**
 * What is allowed.
 */
policy: Policy, };

/**
 * One event, for example `russian-diplomats-day`. Stands in its URL.
 */
export type EventId = string;

/**
 * A line of the public list of events.
 */
export type EventSummary = { 
/**
 * Identifier.
 */
id: EventId, 
/**
 * Title.
 */
title: Localized, 
/**
 * Planned opening.
 */
start: Timestamp, 
/**
 * Where it stands.
 */
life: Life, };

/**
 * An event as everybody may read it, before, during and after.
 */
export type EventView = { 
/**
 * Identifier; stands in the URL.
 */
id: EventId, 
/**
 * Title.
 */
title: Localized, 
/**
 * What it is about.
 */
topic: Localized, 
/**
 * Occasion or dedication.
 */
occasion: Localized | null, 
/**
 * Notice that every page of the event carries.
 */
notice: Localized | null, 
/**
 * Languages of the event; the first is the floor language.
 */
languages: Array<Language>, 
/**
 * Planned opening.
 */
start: Timestamp, 
/**
 * Planned end: the opening plus all planned lengths.
 */
planned_end: Timestamp, 
/**
 * IANA time zone of the event.
 */
time_zone: string, 
/**
 * City that names the event's time.
 */
city: Localized, 
/**
 * Parties in order of precedence, the organiser first.
 */
parties: Array<Party>, 
/**
 * People who moderate or speak, in order of precedence.
 */
people: Array<PersonView>, 
/**
 * Programme.
 */
segments: Array<SegmentView>, 
/**
 * Where the event stands now.
 */
life: Life, 
/**
 * People may register on the public page.
 */
registration_open: boolean, 
/**
 * Participants may raise a hand.
 */
hands_allowed: boolean, 
/**
 * On-the-record segments are recorded.
 */
recording: boolean, 
/**
 * Chatham House segments are recorded too.
 */
chatham_house_recorded: boolean, };

/**
 * The right to speak now.
 */
export type FloorGrant = { 
/**
 * Who.
 */
person: PersonId, 
/**
 * Since when.
 */
since: Timestamp, 
/**
 * For how long, if limited.
 */
limit: Millis | null, };

/**
 * Who has the floor.
 */
export type FloorSection = { 
/**
 * The holder.
 */
holder: FloorGrant | null, 
/**
 * Who may be heard beside the holder.
 */
answering: Array<PersonId>, };

/**
 * A raised hand.
 */
export type HandView = { 
/**
 * Whose.
 */
person: PersonView, 
/**
 * Since when.
 */
since: Timestamp, 
/**
 * Still connected.
 */
present: boolean, };

/**
 * The queue of hands, first come first.
 */
export type HandsSection = { 
/**
 * Raised hands.
 */
hands: Array<HandView>, };

/**
 * A SHA-256 digest, written as 64 hexadecimal digits.
 */
export type Hash = string;

/**
 * An issue of the release.
 */
export type Issue = { 
/**
 * Which version.
 */
version: ReleaseVersion, 
/**
 * SHA-256 of its document.
 */
document: Hash, 
/**
 * When it was issued.
 */
at: Timestamp, 
/**
 * What was corrected, if it is a corrigendum.
 */
correction: string | null, 
/**
 * Until when it is not for the public.
 */
embargo: Timestamp | null, 
/**
 * When the embargo was lifted.
 */
lifted_at: Timestamp | null, 
/**
 * When it was recalled. A later issue does not bring it back.
 */
killed_at: Timestamp | null, };

/**
 * Answer to `GET /api/events/{event}/join`: whose link this is, before connecting.
 */
export type JoinView = { 
/**
 * The event.
 */
event: EventView, 
/**
 * You.
 */
you: You, };

/**
 * A kill notice.
 */
export type Kill = { 
/**
 * When.
 */
at: Timestamp, 
/**
 * What editors are told.
 */
reason: string, };

/**
 * A language tag: a primary subtag of two or three letters with an optional script or region,
 * as `en`, `ur`, `zh-hant` (BCP 47, RFC 5646, the part that names of languages need).
 */
export type Language = string;

/**
 * Where an event stands in its life.
 */
export type Life = "scheduled" | "green-room" | "live" | "suspended" | "closed";

/**
 * Where the event stands.
 */
export type LifeSection = { 
/**
 * Stage of its life.
 */
life: Life, 
/**
 * When it went live.
 */
opened_at: Timestamp | null, 
/**
 * When it was closed.
 */
closed_at: Timestamp | null, 
/**
 * Since when it is suspended.
 */
suspended_since: Timestamp | null, 
/**
 * What the audience is told about the suspension.
 */
suspension_reason: string | null, 
/**
 * Nobody new comes in.
 */
locked: boolean, };

/**
 * Numbers of lines by step.
 */
export type LineCounts = { 
/**
 * Good lines.
 */
good: number, 
/**
 * Fair lines.
 */
fair: number, 
/**
 * Poor lines.
 */
poor: number, 
/**
 * Lost lines.
 */
lost: number, };

/**
 * How good a person's line to the server is, judged by the worse of the ways in and out.
 */
export type LineQuality = "good" | "fair" | "poor" | "lost";

/**
 * How good the lines of those who are connected are. What is not judged yet is not named. At most
 * 200 people are listed.
 */
export type LinesSection = { 
/**
 * Everybody on stage, then all others whose line is not good, the worst first.
 */
people: Array<PersonLine>, 
/**
 * Of the audience, how many have a line of each step.
 */
audience: LineCounts, };

/**
 * Answer to a registration: the personal link, shown once.
 */
export type LinkIssued = { 
/**
 * The new person.
 */
person: PersonId, 
/**
 * The personal link.
 */
link: string, };

/**
 * Who waits in the lobby until the moderator admits them. People who moderate or speak never do.
 */
export type LobbyPolicy = "nobody" | "registered" | "everybody";

/**
 * Who waits in the lobby, longest first. At most 200 are listed.
 */
export type LobbySection = { 
/**
 * How many wait in all.
 */
count: number, 
/**
 * The first of them.
 */
waiting: Array<WaitingView>, };

/**
 * One text in one or more languages. As JSON it is an object from tag to text.
 */
export type Localized = Record<string, string>;

/**
 * Body of `POST /api/events/{event}/press-list/again`.
 */
export type MailAgain = { 
/**
 * Which mailing.
 */
notice: string, 
/**
 * To whom.
 */
address: string, };

/**
 * How a mail to one person stands.
 */
export type MailState = "waiting" | "sending" | "sent" | "unclear" | "refused" | "dropped";

/**
 * A mail that the mail server did not take, or of which it is not known.
 */
export type MailTrouble = { 
/**
 * To whom.
 */
address: string, 
/**
 * How it stands.
 */
state: MailState, 
/**
 * What the mail server said.
 */
said: string | null, };

/**
 * One mail to everybody: a release, a corrigendum, or a kill notice.
 */
export type Mailing = { 
/**
 * Its name: `issue-1`, `kill-1`.
 */
notice: string, 
/**
 * When it was begun.
 */
at: Timestamp, 
/**
 * How many the mail server took.
 */
sent: number, 
/**
 * How many wait.
 */
waiting: number, 
/**
 * Those that did not get it, or perhaps not.
 */
troubles: Array<MailTrouble>, };

/**
 * A person's microphone as the proceedings know it.
 */
export type Microphone = "off" | "on" | "muted";

/**
 * A length of time in milliseconds, never negative.
 */
export type Millis = number;

/**
 * A line that is not committed yet.
 */
export type PartialCaption = { 
/**
 * In which language the text is.
 */
language: Language, 
/**
 * Who says it; nobody under the Chatham House Rule.
 */
person: PersonId | null, 
/**
 * Who puts it down.
 */
source: CaptionSource, 
/**
 * The words so far; of a long line the last ones.
 */
text: string, };

/**
 * What is being put down at this moment, by language and source. Empty off the record and while
 * the event is not live; never kept.
 */
export type PartialsSection = { 
/**
 * In the order in which they were begun.
 */
partials: Array<PartialCaption>, };

/**
 * An organising body whose approval counts.
 */
export type Party = { 
/**
 * Identifier, as `kcfr`.
 */
id: PartyId, 
/**
 * Full name.
 */
name: Localized, 
/**
 * Short name, as it is used in the interface ("the Council").
 */
short_name: Localized | null, };

/**
 * One party of an event, for example `kcfr`.
 */
export type PartyId = string;

/**
 * A person as they are addressed on the day of the event. Nothing is ever guessed: an absent
 * title stays absent.
 */
export type Person = { 
/**
 * Key of the programme file, or generated at registration.
 */
id: PersonId, 
/**
 * Name without titles.
 */
name: Localized, 
/**
 * Style before the name: "HE", "Ambassador Dr".
 */
honorific: Localized | null, 
/**
 * Office held: "Ambassador of the Russian Federation to Pakistan".
 */
office: Localized | null, 
/**
 * Body the person belongs to.
 */
affiliation: Localized | null, 
/**
 * ISO 3166-1 alpha-2 code of the country represented, upper case.
 */
country: string | null, 
/**
 * Party the person belongs to, for organisers' staff.
 */
party: PartyId | null, 
/**
 * What the person may do; never empty, the first is the one shown.
 */
roles: Array<Role>, };

/**
 * One person within an event: a key of the programme file (`ganich`) or, for those who
 * registered, a generated one (`p-7k3m9x2q`).
 */
export type PersonId = string;

/**
 * How good one person's line is.
 */
export type PersonLine = { 
/**
 * Whose.
 */
person: PersonId, 
/**
 * How good.
 */
quality: LineQuality, };

/**
 * A line of the roster.
 */
export type PersonRow = { 
/**
 * Who.
 */
person: PersonView, 
/**
 * May they watch and hear.
 */
admission: Admission, 
/**
 * Connected now.
 */
present: boolean, 
/**
 * Place on the stage.
 */
place: StagePlace, };

/**
 * A person with everything a name plate needs.
 */
export type PersonView = { 
/**
 * Identifier within the event.
 */
id: PersonId, 
/**
 * Name without titles.
 */
name: Localized, 
/**
 * Style before the name.
 */
honorific: Localized | null, 
/**
 * Office.
 */
office: Localized | null, 
/**
 * Body the person belongs to.
 */
affiliation: Localized | null, 
/**
 * ISO 3166-1 alpha-2 code.
 */
country: string | null, 
/**
 * Party the person belongs to.
 */
party: PartyId | null, 
/**
 * Roles, the first is shown.
 */
roles: Array<Role>, };

/**
 * What the organiser allows.
 */
export type Policy = { 
/**
 * Who waits in the lobby.
 */
lobby: LobbyPolicy, 
/**
 * People may register themselves on the public page.
 */
registration_open: boolean, 
/**
 * Participants may raise a hand.
 */
hands_allowed: boolean, 
/**
 * On-the-record segments are recorded.
 */
recording: boolean, 
/**
 * Chatham House segments are recorded too (for the parties' own use).
 */
chatham_house_recorded: boolean, 
/**
 * The record page tells how many came, unless a part was under the Chatham House Rule. Left out
 * where it is true, so that lines written before it was there keep their hash.
 */
attendance_published?: boolean, 
/**
 * Most participants admitted and here at once. Whoever was admitted once can always return.
 */
participants_max: number, };

/**
 * Body of `PUT /api/events/{event}/press-list`.
 */
export type PressList = { 
/**
 * All of them; others are on the list no more.
 */
recipients: Array<Recipient>, };

/**
 * Answer to `GET /api/events/{event}/press-list`.
 */
export type PressView = { 
/**
 * The operator named a mail server.
 */
can_send: boolean, 
/**
 * The mail server does not take anything at present; what it said, or why it is not reached.
 */
trouble: string | null, 
/**
 * Who is on the list.
 */
recipients: Array<Recipient>, 
/**
 * What was mailed, the latest last.
 */
mailings: Array<Mailing>, };

/**
 * A file of the programme.
 */
export type ProgrammeFile = { 
/**
 * Where a player reads it; good for some hours.
 */
url: string, 
/**
 * `on-the-record` or `chatham-house-rule`.
 */
status: RecordStatus, 
/**
 * How long it lasts; unknown while it grows.
 */
duration: Millis | null, 
/**
 * Stretches without a break: from `at` in the file on, its time runs with the clock from
 * `began_at`.
 */
spans: Array<SpanView>, };

/**
 * Where the programme stands.
 */
export type ProgrammeSection = { 
/**
 * The present segment; none before the opening.
 */
current: SegmentId | null, 
/**
 * One for each segment, in order.
 */
segments: Array<SegmentNow>, 
/**
 * Record status that holds now.
 */
record_status: RecordStatus, };

/**
 * Somebody to whom the release is mailed.
 */
export type Recipient = { 
/**
 * Name, as it stands beside the address; may be empty.
 */
name: string, 
/**
 * Mail address.
 */
address: string, 
/**
 * Language in which they read it, if the release has it.
 */
language: Language, };

/**
 * A wish about the record. Those marked *server* come from [`crate::Actor::Server`] alone.
 */
export type RecordCommand = { "do": "commit-transcript-line", 
/**
 * Who said it: somebody whom the audience heard in that time. Dropped under the Chatham
 * House Rule, needed on the record.
 */
person: PersonId | null, 
/**
 * From when.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language the text is.
 */
language: Language, 
/**
 * In which language it was said, where the text is an interpreter's.
 */
interpreted_from: Language | null, 
/**
 * The words.
 */
text: string, } | { "do": "correct-transcript-line", 
/**
 * Which.
 */
line: TranscriptLineId, 
/**
 * Who said it.
 */
person: PersonId | null, 
/**
 * The words.
 */
text: string, } | { "do": "strike-transcript-line", 
/**
 * Which.
 */
line: TranscriptLineId, } | { "do": "mark-statement", 
/**
 * Whose; dropped under the Chatham House Rule, needed on the record.
 */
speaker: PersonId | null, 
/**
 * From when.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language it was spoken.
 */
language: Language, } | { "do": "edit-statement", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As the writer saw it.
 */
revision: Revision, 
/**
 * What to change.
 */
edit: StatementEdit, } | { "do": "check-statement", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As it was compared.
 */
revision: Revision, } | { "do": "send-for-clearance", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As it is sent.
 */
revision: Revision, 
/**
 * By when an answer is asked for.
 */
deadline: Timestamp, } | { "do": "answer-clearance", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As the speaker saw it.
 */
revision: Revision, 
/**
 * The answer.
 */
clearance: Clearance, } | { "do": "take-correction", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As it was corrected.
 */
revision: Revision, } | { "do": "withdraw-statement", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * Why.
 */
reason: string, } | { "do": "set-office", 
/**
 * In whose place.
 */
speaker: PersonId, 
/**
 * Who.
 */
office: PersonId, 
/**
 * May they.
 */
appointed: boolean, } | { "do": "save-release-notes", 
/**
 * Whose notes they are.
 */
by: PersonId, 
/**
 * SHA-256 of the document.
 */
document: Hash, } | { "do": "save-release", 
/**
 * Whose version it is.
 */
by: PersonId, 
/**
 * SHA-256 of the document.
 */
document: Hash, 
/**
 * The languages that it is written in.
 */
languages: Array<Language>, 
/**
 * The statements that it is bound to.
 */
statements: Array<BoundStatement>, 
/**
 * SHA-256 of each text bound to nothing.
 */
unbound: string[], 
/**
 * What else is wrong with it.
 */
defects: Array<ReleaseDefect>, } | { "do": "accept-unbound-text", 
/**
 * SHA-256 of the text.
 */
text: Hash, 
/**
 * Why it may stand.
 */
reason: string, } | { "do": "approve-release", 
/**
 * Which.
 */
version: ReleaseVersion, 
/**
 * SHA-256 of its document, as the approver saw it.
 */
document: Hash, } | { "do": "withdraw-approval", 
/**
 * Of which version.
 */
version: ReleaseVersion, } | { "do": "set-embargo", 
/**
 * The moment; `None` lifts it.
 */
until: Timestamp | null, } | { "do": "issue-release", 
/**
 * Which.
 */
version: ReleaseVersion, 
/**
 * SHA-256 of its document.
 */
document: Hash, 
/**
 * What was corrected; needed when something was issued before.
 */
correction: string | null, } | { "do": "lift-embargo" } | { "do": "kill-release", 
/**
 * What editors are told.
 */
reason: string, } | { "do": "publish-record" } | { "do": "withdraw-record" };

/**
 * One fact about the record. Stored for good, like [`crate::Event`], of which it is a part. No
 * field may be named like one of [`crate::Line`], in which it is stored.
 */
export type RecordEvent = { "event": "transcript-line-committed", 
/**
 * Its number.
 */
line: TranscriptLineId, 
/**
 * In which segment it was said.
 */
segment: SegmentId, 
/**
 * Who said it; nobody's under the Chatham House Rule.
 */
person: PersonId | null, 
/**
 * From when.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language the text is.
 */
language: Language, 
/**
 * In which language it was said, where the text is an interpreter's.
 */
interpreted_from: Language | null, 
/**
 * The words.
 */
text: string, } | { "event": "transcript-line-corrected", 
/**
 * Which.
 */
line: TranscriptLineId, 
/**
 * Who said it.
 */
person: PersonId | null, 
/**
 * The words.
 */
text: string, } | { "event": "transcript-line-struck", 
/**
 * Which.
 */
line: TranscriptLineId, } | { "event": "statement-marked", 
/**
 * Its number.
 */
statement: StatementId, 
/**
 * In which segment.
 */
segment: SegmentId, 
/**
 * Whose; nobody's under the Chatham House Rule.
 */
speaker: PersonId | null, 
/**
 * From when.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language it was spoken.
 */
language: Language, } | { "event": "statement-moved", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * In which segment.
 */
segment: SegmentId, 
/**
 * Whose.
 */
speaker: PersonId | null, 
/**
 * From when.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language it was spoken.
 */
language: Language, } | { "event": "statement-verb-chosen", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * The verb.
 */
verb: ReportingVerb, } | { "event": "statement-worded", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * In which.
 */
language: Language, 
/**
 * The wording; `None` took it away.
 */
wording: Wording | null, } | { "event": "statement-checked", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As it was.
 */
revision: Revision, } | { "event": "statement-sent", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As it was.
 */
revision: Revision, 
/**
 * By when an answer is asked for.
 */
deadline: Timestamp, } | { "event": "statement-answered", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * As it was.
 */
revision: Revision, 
/**
 * The answer.
 */
clearance: Clearance, } | { "event": "statement-correction-taken", 
/**
 * Which.
 */
statement: StatementId, } | { "event": "statement-withdrawn", 
/**
 * Which.
 */
statement: StatementId, 
/**
 * Why.
 */
reason: string, } | { "event": "office-changed", 
/**
 * In whose place.
 */
speaker: PersonId, 
/**
 * Who.
 */
office: PersonId, 
/**
 * May they.
 */
appointed: boolean, } | { "event": "release-notes-saved", 
/**
 * By whom.
 */
by: PersonId, 
/**
 * SHA-256 of the document.
 */
document: Hash, } | { "event": "release-saved", 
/**
 * Its number.
 */
version: ReleaseVersion, 
/**
 * By whom.
 */
by: PersonId, 
/**
 * SHA-256 of the document.
 */
document: Hash, 
/**
 * The languages that it is written in.
 */
languages: Array<Language>, 
/**
 * The statements that it is bound to.
 */
statements: Array<BoundStatement>, 
/**
 * SHA-256 of each text bound to nothing.
 */
unbound: string[], 
/**
 * What else forbids to issue it.
 */
defects: Array<ReleaseDefect>, } | { "event": "unbound-text-accepted", 
/**
 * SHA-256 of the text.
 */
text: Hash, 
/**
 * Why it may stand.
 */
reason: string, } | { "event": "release-approved", 
/**
 * Which.
 */
version: ReleaseVersion, 
/**
 * SHA-256 of its document.
 */
document: Hash, 
/**
 * Which party.
 */
party: PartyId, } | { "event": "approval-withdrawn", 
/**
 * Of which version.
 */
version: ReleaseVersion, 
/**
 * Which party.
 */
party: PartyId, } | { "event": "embargo-set", 
/**
 * Until when.
 */
until: Timestamp | null, } | { "event": "release-issued", 
/**
 * Which version.
 */
version: ReleaseVersion, 
/**
 * SHA-256 of its document.
 */
document: Hash, 
/**
 * What was corrected, if it is a corrigendum.
 */
correction: string | null, 
/**
 * Until when it is not for the public.
 */
embargo: Timestamp | null, } | { "event": "embargo-lifted" } | { "event": "release-killed", 
/**
 * What editors are told.
 */
reason: string, } | { "event": "record-published" } | { "event": "record-withdrawn" };

/**
 * How the record of an event stands for the public. It is never public by itself: somebody who
 * moderates decides it, and may take it back.
 */
export type RecordStanding = { "is": "internal" } | { "is": "public", 
/**
 * Since when.
 */
since: Timestamp, } | { "is": "withdrawn", 
/**
 * Since when.
 */
at: Timestamp, };

/**
 * How far what is said is recorded and attributed.
 */
export type RecordStatus = "on-the-record" | "chatham-house-rule" | "off-the-record";

/**
 * What is wrong with a recording.
 */
export type RecordingProblem = "store-fails" | "disk-nearly-full" | "overloaded" | "disk-full" | "write-failed";

/**
 * How the recording stands.
 */
export type RecordingSection = { 
/**
 * What is said now is written down.
 */
recording: boolean, 
/**
 * The worst of what is wrong.
 */
problem: RecordingProblem | null, 
/**
 * Speech came faster than it was recognised: something is missing in the captions.
 */
recogniser_behind: boolean, };

/**
 * Answer to `GET /api/events/{event}/recordings`.
 */
export type RecordingsView = { 
/**
 * What the audience heard and saw.
 */
programme: Array<ProgrammeFile>, 
/**
 * Single tracks.
 */
takes: Array<TakeFile>, 
/**
 * Told to those who have all files, where the operator named a store for them.
 */
store: StoreState | null, };

/**
 * A typed refusal. Nothing changed when one is returned.
 */
export type Refusal = "not-allowed" | "no-such-person" | "no-such-segment" | "already-registered" | "registration-closed" | "event-full" | "not-open-yet" | "not-live" | "not-suspended" | "already-open" | "closed" | "locked" | "removed" | "suspended" | "not-admitted" | "not-here" | "not-waiting" | "not-put-out" | "last-moderator" | "too-many-connections" | "no-such-connection" | "not-on-stage" | "already-on-stage" | "stage-full" | "last-segment" | "first-segment" | "segment-over" | "bad-extension" | "bad-limit" | "already-has-floor" | "does-not-have-floor" | "hand-already-raised" | "no-hand-raised" | "hands-full" | "hands-not-allowed" | "muted-by-moderator" | "not-muted" | "screen-taken" | "nothing-to-do" | "bad-text" | "no-such-language" | "no-such-line" | "line-too-old" | "bad-span" | "not-on-the-record" | "speaker-missing" | "not-heard" | "record-full" | "no-such-statement" | "statement-withdrawn" | "stale-revision" | "not-worded" | "quotation-differs" | "not-checked" | "not-sent" | "bad-deadline" | "no-such-version" | "stale-version" | "no-party" | "release-defective" | "unbound-text" | "not-cleared" | "not-approved" | "already-issued" | "not-issued" | "correction-missing" | "correction-names" | "bad-embargo" | "embargo-holds" | "not-closed";

/**
 * Registration on the public page.
 */
export type Registration = { 
/**
 * Name as the person writes it.
 */
name: string, 
/**
 * Body the person belongs to, if any.
 */
affiliation: string | null, 
/**
 * ISO 3166-1 alpha-2 code, if given.
 */
country: string | null, 
/**
 * Language of the name and of the person's screens.
 */
language: string, };

/**
 * What is wrong with a version whatever anybody accepts.
 */
export type ReleaseDefect = "outdated" | "languages-differ" | "name-under-chatham-house-rule" | "statement-misquoted" | "incomplete" | "malformed";

/**
 * One version of an event's release, numbered from 1.
 */
export type ReleaseVersion = number;

/**
 * Answer to `GET /api/events/{event}/release`.
 */
export type ReleaseView = { 
/**
 * See the module.
 */
changed: Sequence, 
/**
 * The last version.
 */
last: DraftVersion | null, 
/**
 * All versions, in order.
 */
versions: Array<VersionRow>, 
/**
 * Parties whose approval counts, in order of precedence.
 */
parties: Array<PartyId>, 
/**
 * Those that approved the last version.
 */
approvals: Array<PartyId>, 
/**
 * Texts of the last version bound to nothing that nobody answers for.
 */
unaccepted: Array<Hash>, 
/**
 * Texts that somebody answers for.
 */
accepted: Record<string, Acceptance>, 
/**
 * Statements of the last version that are not cleared as they stand in it.
 */
uncleared: Array<StatementId>, 
/**
 * Statements that were issued and are not cleared any more as they were.
 */
overtaken: Array<StatementId>, 
/**
 * SHA-256 of the notes.
 */
notes: Hash | null, 
/**
 * Until when the next issue is under embargo.
 */
embargo: Timestamp | null, 
/**
 * What was issued.
 */
issues: Array<Issue>, 
/**
 * The kill notice.
 */
killed: Kill | null, };

/**
 * A reporting verb. The words in each language belong to those who write documents; here is only
 * which act of speech is meant.
 */
export type ReportingVerb = "said" | "stated" | "noted" | "added" | "explained" | "recalled" | "pointed-out" | "informed" | "asked" | "replied" | "held" | "agreed" | "suggested" | "proposed" | "called-for" | "thanked" | "welcomed" | "stressed" | "underlined" | "emphasised" | "reaffirmed" | "reiterated" | "expressed-confidence" | "expressed-hope" | "voiced-concern" | "expressed-appreciation" | "expressed-regret" | "criticised" | "warned" | "rejected" | "claimed" | "alleged" | "admitted" | "conceded" | "insisted" | "denied";

/**
 * How often a statement was changed; 1 as it was marked. Whoever checks or clears a statement
 * names the revision that they saw.
 */
export type Revision = number;

/**
 * Roles as PRODUCT.md lists them. The rights of each stand in one place, `decide.rs`.
 */
export type Role = "organiser" | "co-organiser" | "moderator" | "plenary-speaker" | "panellist" | "concluding-speaker" | "interpreter" | "captioner" | "rapporteur" | "participant";

/**
 * Everybody the event knows: speakers and staff first, then those present, then the rest. At
 * most 500 are listed.
 */
export type RosterSection = { 
/**
 * How many there are in all.
 */
count: number, 
/**
 * The first of them.
 */
people: Array<PersonRow>, };

/**
 * A stretch of one segment under one record status, never off the record.
 */
export type Run = { 
/**
 * Which segment.
 */
segment: SegmentId, 
/**
 * Under which status.
 */
status: RecordStatus, 
/**
 * From when.
 */
from: Timestamp, 
/**
 * Until when; `None` while it goes on.
 */
until: Timestamp | null, };

/**
 * One section of the live view.
 */
export type Section = { "section": "life" } & LifeSection | { "section": "programme" } & ProgrammeSection | { "section": "floor" } & FloorSection | { "section": "stage" } & StageSection | { "section": "audience" } & AudienceSection | { "section": "slots" } & SlotsView | { "section": "hands" } & HandsSection | { "section": "lobby" } & LobbySection | { "section": "roster" } & RosterSection | { "section": "recording" } & RecordingSection | { "section": "lines" } & LinesSection | { "section": "captions" } & CaptionsSection | { "section": "partials" } & PartialsSection;

/**
 * A part of the programme.
 */
export type Segment = { 
/**
 * Identifier, as `plenary-address`.
 */
id: SegmentId, 
/**
 * What kind of part it is.
 */
kind: SegmentKind, 
/**
 * Title; `None` shows the kind's own name in the reader's language.
 */
title: Localized | null, 
/**
 * Planned length, whole minutes.
 */
planned: Millis, 
/**
 * Who has the floor. In a question segment and in a discussion these people may answer, and
 * the floor goes to those who raise a hand; in every other segment the first gets the floor
 * when it begins.
 */
floor: Array<PersonId>, 
/**
 * On or off the record.
 */
record_status: RecordStatus, };

/**
 * One segment of a programme, for example `plenary-address`.
 */
export type SegmentId = string;

/**
 * Kinds of segments.
 */
export type SegmentKind = "introductory-remarks" | "plenary-address" | "discussion" | "questions" | "concluding-note" | "other";

/**
 * How far a segment has come. Time spent now = `spent_before`, and while its clock runs also the
 * time since `running_since` (by the server's clock). It stands while the event is suspended.
 */
export type SegmentNow = { 
/**
 * Which.
 */
id: SegmentId, 
/**
 * When it began.
 */
began_at: Timestamp | null, 
/**
 * When it ended.
 */
ended_at: Timestamp | null, 
/**
 * Time of runs that are over.
 */
spent_before: Millis, 
/**
 * Since when its clock runs without a break; none while it stands.
 */
running_since: Timestamp | null, 
/**
 * Extensions given.
 */
extended_by: Millis, 
/**
 * Record status as it stands.
 */
record_status: RecordStatus, };

/**
 * A planned segment.
 */
export type SegmentView = { 
/**
 * Identifier.
 */
id: SegmentId, 
/**
 * Kind; names the segment where no title is given.
 */
kind: SegmentKind, 
/**
 * Title, if it has one of its own.
 */
title: Localized | null, 
/**
 * Planned length.
 */
planned: Millis, 
/**
 * Who has the floor or may answer.
 */
floor: Array<PersonId>, 
/**
 * Planned record status.
 */
record_status: RecordStatus, };

/**
 * The number of a line in an event's proceedings; the first line is 1, and 0 means "before the
 * first line".
 */
export type Sequence = number;

/**
 * What the server says.
 */
export type ServerMessage = { "type": "welcome", 
/**
 * This connection.
 */
connection: ConnectionId, 
/**
 * Where the proceedings stand.
 */
sequence: Sequence, 
/**
 * The server's clock, by which all countdowns run.
 */
now: Timestamp, 
/**
 * The event.
 */
event: EventView, 
/**
 * You.
 */
you: You, 
/**
 * How good your line is, once it has been judged.
 */
line: LineQuality | null, 
/**
 * Sections: all of them, or those changed since `resume`.
 */
sections: Array<Section>, } | { "type": "changed", 
/**
 * Where the proceedings stand now.
 */
sequence: Sequence, 
/**
 * The changed sections.
 */
sections: Array<Section>, } | { "type": "you", 
/**
 * You, whole.
 */
you: You, } | { "type": "line", 
/**
 * How good; none when nothing is received or sent any more.
 */
quality: LineQuality | null, } | { "type": "speaking", 
/**
 * Persons.
 */
people: Array<PersonId>, } | { "type": "captioners", 
/**
 * Everybody, in the order in which they sat down.
 */
seats: Array<CaptionSeat>, } | { "type": "accepted", 
/**
 * The command's id.
 */
id: number, 
/**
 * Sequence of its last line.
 */
sequence: Sequence, } | { "type": "refused", 
/**
 * The command's id.
 */
id: number, 
/**
 * Why.
 */
refusal: Refusal, } | { "type": "failed", 
/**
 * The command's id.
 */
id: number, 
/**
 * Why.
 */
failure: CommandFailure, } | { "type": "pong", 
/**
 * The server's clock.
 */
now: Timestamp, } | { "type": "end", 
/**
 * Why.
 */
reason: EndReason, };

/**
 * Which person each fixed media slot carries (docs/PROTOCOL.md, "Fixed slots").
 */
export type SlotsView = { 
/**
 * Audio slots 0 to 2.
 */
voices: Array<PersonId | null>, 
/**
 * Video slot 0.
 */
main: PersonId | null, 
/**
 * Video slot 1.
 */
screen: PersonId | null, 
/**
 * Video slots 2 to 5.
 */
thumbnails: Array<PersonId | null>, };

/**
 * A stretch of a file without a break.
 */
export type SpanView = { 
/**
 * Where in the file it begins.
 */
at: Millis, 
/**
 * When it begins.
 */
began_at: Timestamp, };

/**
 * A person on stage.
 */
export type StagePerson = { 
/**
 * Who, with everything for the name plate (guests are not in the event's people).
 */
person: PersonView, 
/**
 * Member or guest.
 */
place: StagePlace, 
/**
 * At least one connection is up; false keeps the place, plate and time.
 */
present: boolean, 
/**
 * Microphone.
 */
microphone: Microphone, 
/**
 * Camera is on.
 */
camera: boolean, 
/**
 * Shares a screen.
 */
screen: boolean, };

/**
 * Place on the stage.
 */
export type StagePlace = "none" | "guest" | "member";

/**
 * Who is on stage, in order of precedence, guests last.
 */
export type StageSection = { 
/**
 * People on stage.
 */
people: Array<StagePerson>, };

/**
 * An attributed passage.
 */
export type Statement = { 
/**
 * Its number.
 */
id: StatementId, 
/**
 * In which segment it was made.
 */
segment: SegmentId, 
/**
 * Who made it; nobody under the Chatham House Rule.
 */
speaker: PersonId | null, 
/**
 * From when, by the event's clock.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language it was spoken; its wording there prevails.
 */
language: Language, 
/**
 * How it is reported; chosen before it is checked.
 */
verb: ReportingVerb | null, 
/**
 * What the record says, by language.
 */
wordings: { [key in Language]: Wording }, 
/**
 * How often it was changed.
 */
revision: Revision, 
/**
 * How far it has come.
 */
life: StatementLife, 
/**
 * Number of the line of the proceedings that changed it last.
 */
changed: Sequence, };

/**
 * A change of a statement.
 */
export type StatementEdit = { "change": "span", 
/**
 * Whose.
 */
speaker: PersonId | null, 
/**
 * From when.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language it was spoken.
 */
language: Language, } | { "change": "verb", 
/**
 * The verb.
 */
verb: ReportingVerb, } | { "change": "wording", 
/**
 * In which.
 */
language: Language, 
/**
 * The wording; `None` takes it away.
 */
wording: Wording | null, };

/**
 * One statement of an event, numbered from 1 in the order of marking.
 */
export type StatementId = number;

/**
 * How far a statement has come.
 */
export type StatementLife = { "is": "drafted" } | { "is": "checked" } | { "is": "sent", 
/**
 * By when an answer is asked for. It is shown; a late answer counts too, and silence
 * clears nothing.
 */
deadline: Timestamp, } | { "is": "cleared" } | { "is": "corrected", 
/**
 * The words wanted.
 */
wordings: { [key in Language]: string }, 
/**
 * What the speaker adds.
 */
reason: string | null, } | { "is": "withheld", 
/**
 * Why, if told.
 */
reason: string | null, } | { "is": "withdrawn", 
/**
 * Why.
 */
reason: string, };

/**
 * Answer to `GET /api/events/{event}/statements`.
 */
export type StatementsView = { 
/**
 * See the module.
 */
changed: Sequence, 
/**
 * All statements, in the order of marking.
 */
statements: Array<Statement>, 
/**
 * Who may clear in a speaker's place.
 */
offices: Record<string, PersonId[]>, 
/**
 * Statements that were issued and are not cleared any more as they were.
 */
overtaken: Array<StatementId>, 
/**
 * The reporting verbs.
 */
verbs: Array<VerbView>, 
/**
 * Whether the public may read the record.
 */
standing: RecordStanding, };

/**
 * How it stands with the store of recordings for an event.
 */
export type StoreState = "nothing" | "waiting" | "failing";

/**
 * A file of one track.
 */
export type TakeFile = { 
/**
 * Where a player reads it; good for some hours.
 */
url: string, 
/**
 * Whose; nobody's under the Chatham House Rule.
 */
person: PersonId | null, 
/**
 * `microphone`, `camera`, `screen` or `screen-sound`.
 */
kind: string, 
/**
 * `opus`, `vp8`, `vp9`, `h264` or `av1`.
 */
codec: string, 
/**
 * `on-the-record` or `chatham-house-rule`.
 */
status: RecordStatus, 
/**
 * The moment of its time zero.
 */
began_at: Timestamp, 
/**
 * How long it lasts; unknown while it grows.
 */
duration: Millis | null, };

/**
 * A moment: milliseconds since 1970-01-01T00:00:00 UTC, without leap seconds.
 */
export type Timestamp = number;

/**
 * What a verb says beside the fact that somebody spoke.
 */
export type Tone = "neutral" | "emphatic" | "attitude" | "loaded";

/**
 * A line of the transcript.
 */
export type TranscriptLine = { 
/**
 * Its number.
 */
id: TranscriptLineId, 
/**
 * In which segment it was said.
 */
segment: SegmentId, 
/**
 * Who said it; nobody's under the Chatham House Rule.
 */
person: PersonId | null, 
/**
 * From when, by the event's clock.
 */
start: Timestamp, 
/**
 * Until when.
 */
end: Timestamp, 
/**
 * In which language the text is.
 */
language: Language, 
/**
 * In which language it was said, where the text is an interpreter's.
 */
interpreted_from: Language | null, 
/**
 * The words, as corrected last.
 */
text: string, 
/**
 * Taken out: it is shown to nobody but those who may correct it.
 */
struck: boolean, 
/**
 * Number of the line of the proceedings that changed it last.
 */
changed: Sequence, };

/**
 * One line of an event's transcript, numbered from 1 in the order of committing.
 */
export type TranscriptLineId = number;

/**
 * Answer to `GET /api/events/{event}/transcript`.
 */
export type TranscriptView = { 
/**
 * See the module.
 */
changed: Sequence, 
/**
 * Lines changed after the number asked for, in the order of committing.
 */
lines: Array<TranscriptLine>, 
/**
 * There are more: ask again after the largest `changed` of these lines.
 */
more: boolean, 
/**
 * When what was said was on the record, or under the Chatham House Rule.
 */
runs: Array<Run>, };

/**
 * What follows a reporting verb.
 */
export type VerbComplement = "clause" | "phrase" | "question";

/**
 * A reporting verb.
 */
export type VerbView = { 
/**
 * Which.
 */
verb: ReportingVerb, 
/**
 * `loaded` is warned of.
 */
tone: Tone, 
/**
 * What follows it.
 */
complement: VerbComplement, };

/**
 * A version in the list of all.
 */
export type VersionRow = { 
/**
 * Its number.
 */
version: ReleaseVersion, 
/**
 * When it was saved.
 */
at: Timestamp, 
/**
 * By whom.
 */
by: PersonId, 
/**
 * SHA-256 of its document.
 */
document: Hash, 
/**
 * Its languages.
 */
languages: Array<Language>, 
/**
 * Parties whose approval it had when the next version was saved, and which was lost with it.
 */
lost: Array<PartyId>, };

/**
 * Answer to `POST /api/events/{event}/release/versions`.
 */
export type VersionSaved = { 
/**
 * Its number.
 */
version: ReleaseVersion, 
/**
 * SHA-256 of its document.
 */
document: Hash, };

/**
 * A person in the lobby.
 */
export type WaitingView = { 
/**
 * Who.
 */
person: PersonView, 
/**
 * Since when.
 */
since: Timestamp, 
/**
 * Registered on the public page, not named in the programme file.
 */
registered: boolean, };

/**
 * A statement in one language.
 */
export type Wording = { "form": "indirect", 
/**
 * As "that Moscow was confident of good relations".
 */
text: string, } | { "form": "verbatim", 
/**
 * The words, without quotation marks around them.
 */
text: string, 
/**
 * They differ from the transcript because somebody listened and knows better.
 */
corrected_by_ear: boolean, };

/**
 * What a person is told about themselves.
 */
export type You = { 
/**
 * Who you are.
 */
person: PersonView, 
/**
 * You may run the event.
 */
moderates: boolean, 
/**
 * You have a place on the stage by right.
 */
speaks: boolean, 
/**
 * May you watch and hear.
 */
admission: Admission, 
/**
 * Your place on the stage.
 */
place: StagePlace, 
/**
 * Your microphone.
 */
microphone: Microphone, 
/**
 * Your camera is on.
 */
camera: boolean, 
/**
 * You share a screen.
 */
screen: boolean, 
/**
 * You have the floor.
 */
has_floor: boolean, 
/**
 * You may be heard beside the holder.
 */
may_answer: boolean, 
/**
 * Your place in the queue of hands, from 1.
 */
hand: number | null, 
/**
 * You may publish microphone and camera now (WHIP).
 */
may_publish: boolean, 
/**
 * You may receive the floor's sound and pictures now (WHEP).
 */
may_receive: boolean, };
