//! Every bound of the system that more than one crate must agree on, each with its reason.

/// Longest identifier, in bytes. Identifiers stand in URLs, file names and log lines, where 64
/// bytes are still readable.
pub const ID_BYTES_MAX: usize = 64;

/// Longest name, title or office in one language, in characters. The longest office we met in
/// protocol lists has 140 characters; twice that keeps a name plate at four lines.
pub const TEXT_CHARS_MAX: usize = 280;

/// Longest free text (topic, occasion, notice to everybody) in one language, in characters.
pub const LONG_TEXT_CHARS_MAX: usize = 2_000;

/// Languages of one event. The UN works in six; interpreters' booths of a large conference hall
/// end at eight to ten.
pub const LANGUAGES_MAX: usize = 12;

/// Segments of a programme. A conference day has about thirty.
pub const SEGMENTS_MAX: usize = 100;

/// People named in a programme file. Participants register themselves and are not counted here.
pub const PROGRAMME_PEOPLE_MAX: usize = 500;

/// Parties (organiser and co-organisers) of one event.
pub const PARTIES_MAX: usize = 20;

/// People known to one event, participants included. Ten times the audience that one machine is
/// measured to serve.
pub const PEOPLE_MAX: usize = 20_000;

/// People on stage at once: more than this and nobody could be recognised in a thumbnail.
pub const STAGE_MAX: usize = 12;

/// Raised hands in the queue at once. A moderator cannot read a longer list.
pub const HANDS_MAX: usize = 500;

/// Live connections of one person (two browsers and a telephone, with one spare while an old one
/// times out).
pub const CONNECTIONS_PER_PERSON_MAX: usize = 4;

/// Voices of the floor that an audience member receives at once: the holder, one who may answer,
/// and the moderator.
pub const FLOOR_VOICES_MAX: usize = 3;

/// Small pictures that a viewer receives beside the main picture and the shared screen.
pub const THUMBNAILS_MAX: usize = 4;

/// Longest programme file accepted, in bytes: a hundred segments in twelve languages fit fifty
/// times over.
pub const PROGRAMME_FILE_BYTES_MAX: usize = 1 << 20;

/// Longest session description accepted, in bytes. A Chromium offer with ten media sections has
/// about 25 KiB.
pub const SDP_BYTES_MAX: usize = 64 << 10;

/// Longest message a client may send on the live socket, in bytes.
pub const CLIENT_MESSAGE_BYTES_MAX: usize = 16 << 10;

/// Longest transcript line, in characters. Two lines of captions have about 80; recognisers and
/// slow typists give whole sentences.
pub const TRANSCRIPT_LINE_CHARS_MAX: usize = 500;

/// Transcript lines of one event: eight hours, a line every three seconds, in five languages.
pub const TRANSCRIPT_LINES_MAX: usize = 50_000;

/// Statements marked in one event. A press officer marks some forty an hour; a day's conference
/// with three of them stays below a thousand.
pub const STATEMENTS_MAX: usize = 2_000;

/// Longest wording of a statement in one language, in characters. A longer passage is two
/// statements: readers must be able to find each in the sound.
pub const STATEMENT_CHARS_MAX: usize = 1_000;

/// Versions of one release that are kept. Each saved edit is one.
pub const RELEASE_VERSIONS_MAX: usize = 500;

/// Longest release document in one language, in bytes: a hundred paragraphs in a script of three
/// bytes a letter, with their bindings, fit ten times over.
pub const RELEASE_DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Runs of text in one version of a release that are bound to nothing. Whoever has to accept more
/// than this one by one has written another document.
pub const UNBOUND_RUNS_MAX: usize = 200;

/// People who may clear statements in a speaker's place: a minister's office has a few.
pub const OFFICES_PER_SPEAKER_MAX: usize = 5;
