//! Desks and partial lines by themselves; over sockets they are tried in tests/it/captions.rs.

use proceedings::testing::{START, parsed, recorded_event};
use proceedings::{Command, RecordCommand, decide};

use super::*;

/// An event in which Mr Kazi is heard on the record.
struct House {
    state: EventState,
    desks: CaptionDesks,
    now: Timestamp,
    at: Instant,
}

impl House {
    fn live() -> Self {
        let mut definition = recorded_event();
        definition.languages = ["en", "ru", "ur"].map(parsed).to_vec();
        let state = EventState::new(definition);
        let desks = CaptionDesks::default();
        let mut house = Self { state, desks, now: START, at: Instant::now() };
        for (number, person) in (1..).zip(["kazi", "ganich", "typist", "anwar"]) {
            let connection = ConnectionId(number);
            let arrive = Command::Arrive { person: parsed(person), connection };
            house.must(&Actor::Server, &arrive);
        }
        for command in [
            Command::OpenGreenRoom,
            Command::EnterStage,
            Command::SetMicrophone { on: true },
            Command::OpenEvent,
        ] {
            house.must(&Actor::Person(parsed("kazi")), &command);
        }
        house
    }

    fn must(&mut self, actor: &Actor, command: &Command) {
        self.now = self.now.plus(Millis(100));
        let events = decide(&self.state, self.now, actor, command);
        for event in events.unwrap_or_else(|refusal| panic!("{command:?}: {refusal}")) {
            self.state.apply(self.now, &event);
            self.desks.committed(actor, &event);
        }
        self.desks.follow(&self.state);
    }

    fn act(&mut self, person: &str, connection: u64, act: CaptionAct) -> Touched {
        let by = (&parsed(person), ConnectionId(connection));
        self.desks.act(&self.state, (self.now, self.at), by, act)
    }

    fn sit(&mut self, person: &str, connection: u64, language: &str) -> Touched {
        self.act(person, connection, CaptionAct::Sit { language: parsed(language) })
    }

    fn types(&mut self, person: &str, connection: u64, said_by: &str, text: &str) -> Touched {
        let act = CaptionAct::Type { person: Some(parsed(said_by)), text: text.to_owned() };
        self.act(person, connection, act)
    }

    fn recognised(&mut self, track: &str, text: &str) -> Touched {
        let (person, language) = (parsed::<PersonId>(track), parsed("en"));
        let writer = Writer::Recogniser(person.clone());
        self.desks.put(&self.state, (self.now, self.at), writer, language, Some(person), text)
    }

    /// Language, speaker and words of the partial lines.
    fn shown(&self) -> Vec<(String, Option<String>, String)> {
        let partials = self.desks.view(&self.state).partials;
        let row = |p: PartialCaption| {
            (p.language.to_string(), p.person.map(|person| person.to_string()), p.text)
        };
        partials.into_iter().map(row).collect()
    }

    /// Whose turn it is, by connection.
    fn writers(&self) -> Vec<u64> {
        let seats = self.desks.seats().iter().filter(|seat| seat.writes);
        seats.map(|seat| seat.connection.0).collect()
    }
}

fn row(language: &str, person: Option<&str>, text: &str) -> (String, Option<String>, String) {
    (language.to_owned(), person.map(str::to_owned), text.to_owned())
}

#[test]
fn one_at_a_desk_writes_and_hands_over() {
    let mut house = House::live();
    house.sit("typist", 3, "en");
    house.sit("kazi", 1, "en");
    house.sit("typist", 5, "ru");
    assert_eq!(house.writers(), [3, 5]);

    assert_eq!(house.types("kazi", 1, "kazi", "out of turn"), Touched::default());
    house.types("typist", 3, "kazi", "in turn");
    assert_eq!(house.shown(), [row("en", Some("kazi"), "in turn")]);

    house.act("typist", 3, CaptionAct::HandOver {});
    assert_eq!(house.writers(), [1, 5]);
    assert_eq!(house.shown(), [], "what was not committed goes with the turn");
    house.act("typist", 3, CaptionAct::WriteAlong {});
    assert_eq!(house.writers(), [3, 1, 5], "both want to");
    house.act("kazi", 1, CaptionAct::TakeOver {});
    assert_eq!(house.writers(), [1, 5]);
    house.desks.leave(ConnectionId(1));
    assert_eq!(house.writers(), [3, 5], "a desk is not left without a writer");
    house.act("typist", 3, CaptionAct::HandOver {});
    assert_eq!(house.writers(), [3, 5], "there is nobody to hand over to");
}

#[test]
fn who_comes_back_writes_on() {
    let mut house = House::live();
    house.sit("typist", 3, "en");
    house.sit("kazi", 1, "en");
    house.sit("typist", 7, "en");
    assert_eq!(house.writers(), [7], "the lost connection is not known to be lost yet");
    house.desks.leave(ConnectionId(3));
    assert_eq!(house.writers(), [7]);
}

#[test]
fn only_who_may_write_captions_sits_there() {
    let mut house = House::live();
    for (person, connection) in [("anwar", 4), ("ganich", 2), ("nobody", 9)] {
        assert_eq!(house.sit(person, connection, "en"), Touched::default(), "{person}");
        assert_eq!(house.types(person, connection, "kazi", "no"), Touched::default(), "{person}");
    }
    assert_eq!(house.sit("typist", 3, "fr"), Touched::default(), "no language of the event");
    house.sit("typist", 3, "en");
    house
        .must(&Actor::Person(parsed("kazi")), &Command::SuspendPerson { person: parsed("typist") });
    assert_eq!(house.types("typist", 3, "kazi", "no"), Touched::default());
    assert!(house.desks.partials.is_empty());
}

#[test]
fn a_partial_line_ends_with_its_commit_with_the_status_and_with_time() {
    let mut house = House::live();
    house.sit("typist", 3, "en");
    house.now = house.now.plus(Millis::from_secs(20));
    house.types("typist", 3, "kazi", "A multilateral order");
    house.recognised("kazi", "a multi lateral order");
    assert_eq!(
        house.shown(),
        [
            row("en", Some("kazi"), "A multilateral order"),
            row("en", Some("kazi"), "a multi lateral order"),
        ]
    );
    let commit = |house: &House| {
        let end = house.now;
        Command::Record(RecordCommand::CommitTranscriptLine {
            person: Some(parsed("kazi")),
            start: Timestamp(end.0 - 3_000),
            end,
            language: parsed("en"),
            interpreted_from: None,
            text: "A multilateral order eases cooperation.".to_owned(),
        })
    };
    let command = commit(&house);
    house.must(&Actor::Person(parsed("typist")), &command);
    assert_eq!(house.shown(), [row("en", Some("kazi"), "a multi lateral order")]);

    let set = |status| Command::SetRecordStatus { segment: parsed("introductory-remarks"), status };
    let kazi = Actor::Person(parsed("kazi"));
    house.types("typist", 3, "kazi", "wormwood");
    house.must(&kazi, &set(RecordStatus::OffTheRecord));
    assert!(house.desks.partials.is_empty(), "nothing of it is left in memory");
    for text in ["wormwood", "wormwood again"] {
        assert_eq!(house.types("typist", 3, "kazi", text), Touched::default());
        assert_eq!(house.recognised("kazi", text), Touched::default());
    }
    assert!(house.desks.partials.is_empty());

    house.must(&kazi, &set(RecordStatus::ChathamHouseRule));
    house.types("typist", 3, "kazi", "Somebody said");
    assert_eq!(house.shown(), [row("en", None, "Somebody said")]);
    house.must(&kazi, &set(RecordStatus::OnTheRecord));
    assert_eq!(house.shown(), [], "what was put down without a name is not shown with one");

    house.types("typist", 3, "kazi", "We thank");
    house.types("typist", 3, "ganich", "We thank");
    assert_eq!(house.shown(), [row("en", None, "We thank")], "the audience has not heard him");
    assert!(!house.desks.expire(house.at + PARTIAL_LIFETIME / 2));
    assert!(house.desks.expire(house.at + PARTIAL_LIFETIME));
    assert_eq!(house.desks.due_at(), None);

    house.types("typist", 3, "kazi", "The end");
    house.types("typist", 3, "kazi", "  ");
    assert_eq!(house.shown(), [], "taken back");
    house.types("typist", 3, "kazi", "The end");
    house.must(&kazi, &Command::SuspendEvent { reason: None });
    assert!(house.desks.partials.is_empty());
}

#[test]
fn desks_and_partial_lines_are_bounded() {
    let mut house = House::live();
    for connection in 100..300 {
        house.sit("typist", connection, "en");
    }
    assert_eq!(house.desks.seats().len(), SEATS_MAX);
    for track in 0..200 {
        house.recognised(&format!("p-{track}"), "words");
    }
    assert_eq!(house.desks.partials.len(), PARTIALS_MAX);

    let words = "слово ".repeat(1_000);
    let text = shown(&words);
    assert!(text.chars().count() <= PARTIAL_CHARS_MAX && text.ends_with("слово слово"));
    assert_eq!(shown(&"ш".repeat(900)).chars().count(), PARTIAL_CHARS_MAX);
    assert_eq!(shown(" two\n\u{7}lines  "), "two lines");
}
