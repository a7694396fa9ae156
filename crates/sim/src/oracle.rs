//! A second reading of the proceedings, from their stored text alone and with none of the types
//! and none of the code that wrote them. What it concludes must be what the server acts on.

use std::collections::{BTreeMap, BTreeSet};

use proceedings::{EventState, Life, Microphone, RecordStatus, Source};
use serde_json::Value;

/// What the stored lines say.
#[derive(Debug, Default)]
pub struct Oracle {
    read: u64,
    life: String,
    segment: Option<String>,
    status: BTreeMap<String, String>,
    floor: Option<String>,
    answering: BTreeSet<String>,
    stage: BTreeSet<String>,
    open_microphones: BTreeSet<String>,
    sharing: BTreeSet<String>,
    hands: Vec<String>,
    moderators: BTreeSet<String>,
    admitted: BTreeSet<String>,
    out: BTreeSet<String>,
    connections: BTreeMap<String, BTreeSet<u64>>,
    /// What ran under which status from when on; nothing while nothing may be kept.
    stretches: Vec<(i64, Option<(String, String)>)>,
    parties: BTreeSet<String>,
    approvals: BTreeSet<String>,
    issued: BTreeSet<u64>,
}

impl Oracle {
    /// Lines read so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Reads the next stored line and returns the name of its event.
    ///
    /// # Errors
    /// When the line contradicts those before.
    pub fn hear(&mut self, text: &str) -> Result<String, String> {
        let line: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        self.read += 1;
        if line["sequence"].as_u64() != Some(self.read) {
            return Err(format!("line {} stands where {} should", line["sequence"], self.read));
        }
        let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let person = word("person");
        let name = word("event");
        let contradiction = |what: &str| Err(format!("{what}: {text}"));
        let latest = self.stretches.last().map_or(i64::MIN, |(from, _)| *from);
        let at = line["at"].as_i64().unwrap_or_default().max(latest);
        match name.as_str() {
            "event-created" => {
                self.life = "scheduled".to_owned();
                self.learn_definition(&line["definition"]);
            }
            "green-room-opened" => self.life = "green-room".to_owned(),
            "event-opened" | "event-resumed" => self.life = "live".to_owned(),
            "event-suspended" => self.life = "suspended".to_owned(),
            "event-closed" => {
                if self.floor.is_some() || !self.answering.is_empty() {
                    return contradiction("the floor ends before the event");
                }
                self.life = "closed".to_owned();
                self.stage.clear();
                self.hands.clear();
                self.sharing.clear();
                self.open_microphones.clear();
            }
            "person-arrived" => {
                if self.out.contains(&person) || self.life == "closed" {
                    return contradiction("nobody who is put out comes in, nor after the end");
                }
                let number = line["connection"].as_u64().unwrap_or_default();
                self.connections.entry(person).or_default().insert(number);
            }
            "person-departed" => {
                let number = line["connection"].as_u64().unwrap_or_default();
                self.connections.entry(person).or_default().remove(&number);
            }
            "server-restarted" => self.connections.clear(),
            "person-admitted" | "person-readmitted" => {
                let readmitted = name == "person-readmitted";
                if self.out.remove(&person) != readmitted {
                    return contradiction("only readmission lets back in who was put out");
                }
                self.admitted.insert(person);
            }
            "person-suspended" | "person-removed" => {
                let busy = self.stage.contains(&person) || self.hands.contains(&person);
                if busy {
                    return contradiction("who is put out has left the stage and lowered the hand");
                }
                self.admitted.remove(&person);
                self.out.insert(person);
            }
            "stage-entered" => {
                if !self.admitted.contains(&person) {
                    return contradiction("only who is admitted enters the stage");
                }
                self.stage.insert(person);
            }
            "stage-left" => {
                if self.floor.as_ref() == Some(&person) || self.answering.contains(&person) {
                    return contradiction("who leaves the stage has given back the floor");
                }
                if self.sharing.contains(&person) || !self.stage.remove(&person) {
                    return contradiction("who leaves the stage was there and shares no screen");
                }
                self.open_microphones.remove(&person);
            }
            "segment-began" => self.segment = Some(word("segment")),
            "segment-ended" => {
                let ended = self.segment.take();
                if ended != Some(word("segment")) || self.floor.is_some() {
                    return contradiction("the present segment ends, and the floor before it");
                }
            }
            "record-status-changed" => {
                self.status.insert(word("segment"), word("status"));
            }
            "floor-given" => {
                if self.floor.is_some() || !self.stage.contains(&person) {
                    return contradiction("the floor goes from nobody to somebody on stage");
                }
                if self.hands.contains(&person) {
                    return contradiction("the floor answers the hand");
                }
                self.open_microphones.insert(person.clone());
                self.floor = Some(person);
            }
            "floor-taken" => {
                if self.floor.take() != Some(person.clone()) {
                    return contradiction("the floor is taken from who has it");
                }
                if !self.moderators.contains(&person) {
                    self.open_microphones.remove(&person);
                }
            }
            "answering-changed" => {
                if line["allowed"] == true {
                    self.answering.insert(person);
                } else if !self.answering.remove(&person) {
                    return contradiction("answering ends for who may answer");
                }
            }
            "hand-raised" => self.hands.push(person),
            "hand-lowered" => self.hands.retain(|other| *other != person),
            "microphone-changed" if line["on"] == true => {
                self.open_microphones.insert(person);
            }
            "microphone-changed" | "person-muted" | "microphone-allowed" => {
                self.open_microphones.remove(&person);
            }
            "screen-changed" if line["on"] == true => {
                if !self.sharing.is_empty() {
                    return contradiction("one screen at a time");
                }
                self.sharing.insert(person);
            }
            "screen-changed" => {
                self.sharing.remove(&person);
            }
            "transcript-line-committed" | "statement-marked" | "statement-moved" => {
                let (start, end) = (line["start"].as_i64(), line["end"].as_i64());
                let span = (start.unwrap_or(i64::MAX), end.unwrap_or_default());
                let Some((segment, status)) = self.kept(span.0, span.1) else {
                    return contradiction("what is kept was on the record from end to end");
                };
                if segment != word("segment") {
                    return contradiction("what is kept belongs to the segment in which it was");
                }
                let who =
                    if name.starts_with("transcript") { &line["person"] } else { &line["speaker"] };
                if who.is_null() == (status == "on-the-record") {
                    return contradiction("a name stands on the record, and nowhere else");
                }
            }
            "release-saved" => self.approvals.clear(),
            "release-approved" => {
                self.approvals.insert(word("party"));
            }
            "approval-withdrawn" => {
                self.approvals.remove(&word("party"));
            }
            "release-issued" => {
                if self.approvals != self.parties {
                    return contradiction("every party approved what is issued");
                }
                let first = self.issued.is_empty();
                self.issued.insert(line["version"].as_u64().unwrap_or_default());
                if line["correction"].is_null() != first {
                    return contradiction("what is issued after the first is a corrigendum");
                }
            }
            _ => {}
        }
        self.note_stretch(at);
        Ok(name)
    }

    /// Compares with the state on which the server acts.
    ///
    /// # Errors
    /// Says in what they differ.
    pub fn compare(&self, state: &EventState) -> Result<(), String> {
        let that = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        let life = match state.life {
            Life::Scheduled => "scheduled",
            Life::GreenRoom => "green-room",
            Life::Live => "live",
            Life::Suspended => "suspended",
            Life::Closed => "closed",
        };
        that(life == self.life, "the life of the event is as written")?;
        let status = match state.record_status() {
            RecordStatus::OnTheRecord => "on-the-record",
            RecordStatus::ChathamHouseRule => "chatham-house-rule",
            RecordStatus::OffTheRecord => "off-the-record",
        };
        let written = self.segment.as_ref().and_then(|segment| self.status.get(segment));
        let expected = match written {
            Some(status) if self.life == "live" => status.as_str(),
            _ => "off-the-record",
        };
        that(status == expected, "the record status is as written, and off unless live")?;

        let live = self.life == "live";
        let heard = |person: &String| {
            live && self.open_microphones.contains(person)
                && self.stage.contains(person)
                && (self.floor.as_ref() == Some(person)
                    || self.answering.contains(person)
                    || self.moderators.contains(person))
        };
        let expected: BTreeSet<_> = self.stage.iter().filter(|person| heard(person)).collect();
        let voices = state.audience_hearing().voices;
        let names: BTreeSet<_> = voices.iter().map(ToString::to_string).collect();
        that(
            names.iter().collect::<BTreeSet<_>>() == expected,
            "the audience hears the open microphones of holder, answering and moderators",
        )?;
        let hands: Vec<_> = state.hands.iter().map(|hand| hand.person.to_string()).collect();
        that(hands == self.hands, "the hands are in the order written")?;
        let screen = state.stage_hearing().screen.map(|person| person.to_string());
        that(screen.as_ref() == self.sharing.first(), "the shared screen is as written")?;

        for (id, attendance) in &state.people {
            let person = id.to_string();
            let admitted = self.admitted.contains(&person) && !self.out.contains(&person);
            that(admitted || !state.may_receive(id), "only who is admitted receives")?;
            let published =
                [Source::Camera, Source::Screen].map(|source| state.may_publish(id, source));
            let may = admitted && self.stage.contains(&person);
            that(may || published == [false; 2], "only who is on stage publishes")?;
            let open = attendance.microphone == Microphone::On;
            that(open == self.open_microphones.contains(&person), "microphones are as written")?;
            let here = self.connections.get(&person).is_some_and(|numbers| !numbers.is_empty());
            that(here == attendance.is_present(), "who is here is as written")?;
        }
        Ok(())
    }

    /// What ran under which status over the whole of a span, if that was one thing and was kept.
    fn kept(&self, start: i64, end: i64) -> Option<(String, String)> {
        let place = self.stretches.iter().rposition(|(from, _)| *from <= start)?;
        let until = self.stretches.get(place + 1).map_or(i64::MAX, |(from, _)| *from);
        self.stretches[place].1.clone().filter(|_| end <= until && start < end)
    }

    /// Writes down what runs from `at` on, when it is another than before.
    fn note_stretch(&mut self, at: i64) {
        let status = self.segment.as_ref().and_then(|segment| {
            let status = self.status.get(segment).filter(|status| *status != "off-the-record")?;
            (self.life == "live").then(|| (segment.clone(), status.clone()))
        });
        if self.stretches.last().map(|(_, last)| last) == Some(&status) {
            return;
        }
        // What lasted no time was nothing.
        if self.stretches.last().is_some_and(|(from, _)| *from == at) {
            self.stretches.pop();
            if self.stretches.last().map(|(_, last)| last) == Some(&status) {
                return;
            }
        }
        self.stretches.push((at, status));
    }

    fn learn_definition(&mut self, definition: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for segment in definition["segments"].as_array().into_iter().flatten() {
            self.status.insert(text(&segment["id"]), text(&segment["record_status"]));
        }
        for party in definition["parties"].as_array().into_iter().flatten() {
            self.parties.insert(text(&party["id"]));
        }
        for person in definition["people"].as_array().into_iter().flatten() {
            let roles = person["roles"].as_array().into_iter().flatten();
            let moderates = |role: &Value| {
                ["organiser", "co-organiser", "moderator"].contains(&text(role).as_str())
            };
            if roles.into_iter().any(moderates) {
                self.moderators.insert(text(&person["id"]));
            }
        }
    }
}
