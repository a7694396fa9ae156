//! Takes everybody through the event: comes in, opens, gives and takes the floor as the programme
//! says, tries what must be refused, closes, and collects what everybody received.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base::PersonId;
use futures_util::{StreamExt, stream};
use hyper::{Method, StatusCode};
use proceedings::{Command, Life, Refusal, Segment, SegmentKind};

use super::cast::Cast;
use super::desk::{Desk, Record};
use super::model::{Model, Phase};
use super::outcome::{Outcome, Totals, Trial};
use super::timeline::{Class, Moment, Witness, judge};
use super::{Progress, RehearsalError, RehearsalPlan, SEGMENT_MIN};
use crate::http::Ask;
use crate::ledger::Ledger;
use crate::live::{Live, LiveError, View};
use crate::pulse::{Pulse, Stalls};
use crate::session::JoinError;
use crate::whep::{self, Receiver, Wants};
use crate::whip::{self, Publisher, Sent};

/// Shortest time for which something stays so that it can be judged.
const SCENE_MIN: Duration = Duration::from_millis(2_500);

/// Time in the green room.
const GREEN_ROOM: Duration = Duration::from_secs(3);

/// Time after the close in which nothing may be heard.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// People who come in at the same moment. More would measure this machine.
const JOINING_AT_ONCE: usize = 20;

/// Time for a message of the live socket to arrive before it counts as missing.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(5);

/// Every n-th participant takes sound only, as people on poor lines do.
const SOUND_ONLY_EVERY: usize = 4;

/// A receiver that runs.
struct Watching {
    class: Class,
    pictures: bool,
    connected: Instant,
    receiver: Receiver,
}

/// The rehearsal under way.
struct Direction<'a> {
    plan: &'a RehearsalPlan,
    cast: &'a Cast,
    lives: BTreeMap<PersonId, Live>,
    publishers: BTreeMap<PersonId, Publisher>,
    watching: BTreeMap<PersonId, Watching>,
    model: Model,
    timeline: Vec<Moment>,
    trials: Vec<Trial>,
    desk: Option<Desk<'a>>,
    record: Option<Record>,
    floors: Vec<(Instant, Instant, Option<PersonId>)>,
    sent: Vec<Sent>,
    live_joins: Vec<Duration>,
    publish_joins: Vec<Duration>,
    receive_joins: Vec<Duration>,
}

/// Rehearses.
pub(super) async fn direct(plan: &RehearsalPlan, cast: Cast) -> Result<Outcome, RehearsalError> {
    let began = SystemTime::now();
    let start = Instant::now();
    let moderators = plan.event.people.iter().filter(|person| person.moderates());
    let pulse = Pulse::start();
    let mut direction = Direction {
        plan,
        cast: &cast,
        lives: BTreeMap::new(),
        publishers: BTreeMap::new(),
        watching: BTreeMap::new(),
        model: Model::new(moderators.map(|person| person.id.clone()).collect()),
        timeline: Vec::new(),
        trials: Vec::new(),
        desk: None,
        record: None,
        floors: Vec::new(),
        sent: Vec::new(),
        live_joins: Vec::new(),
        publish_joins: Vec::new(),
        receive_joins: Vec::new(),
    };
    direction.come_in().await?;
    direction.green_room().await;
    direction.programme().await;
    direction.close().await;
    direction.record().await;
    let proceedings = direction.fetch_proceedings().await;
    let stalls = pulse.stop().await;
    Ok(direction.collect(began, start, proceedings, stalls).await)
}

impl Direction<'_> {
    // What people do.

    /// Everybody with a part connects to the live socket, the moderator first.
    async fn come_in(&mut self) -> Result<(), RehearsalError> {
        let people: Vec<(PersonId, String)> = self.people();
        (self.plan.progress)(Progress::Joining { people: people.len() });
        let cast = self.cast;
        let event = &self.plan.event.id;
        let join = |person: PersonId, token: String| async move {
            let asked = Instant::now();
            let joined = Live::join(&cast.server, event, &token).await;
            (person, joined, asked.elapsed())
        };
        let moderator = cast.moderator.clone();
        let token = self.token(&moderator).to_owned();
        let (_, joined, took) = join(moderator.clone(), token).await;
        let live = joined.map_err(RehearsalError::Moderator)?;
        // A rehearsal ends with the close of the event, which must not befall one that has begun.
        if live.look(|view| view.seen.life.last().is_none_or(|(_, life)| *life != Life::Scheduled))
        {
            return Err(RehearsalError::Plan(
                "the event has begun on this server; rehearse a copy under another id".to_owned(),
            ));
        }
        self.desk = Desk::new(self.plan, self.cast, live.look(|view| view.clock));
        self.lives.insert(moderator, live);
        self.live_joins.push(took);
        let others = people.into_iter().filter(|(person, _)| *person != cast.moderator);
        let mut joining = stream::iter(others)
            .map(|(person, token)| join(person, token))
            .buffer_unordered(JOINING_AT_ONCE);
        let mut joined = Vec::new();
        while let Some(one) = joining.next().await {
            joined.push(one);
        }
        drop(joining);
        for (person, live, took) in joined {
            match live {
                Ok(live) => {
                    self.lives.insert(person, live);
                    self.live_joins.push(took);
                }
                Err(error) => self.fault("come-in", format!("{person}: {error}")),
            }
        }
        let registration = self.cast.registration_fault.clone();
        self.trials.extend(registration.map(|f| Trial { check: "come-in", fault: Some(f) }));
        self.admit().await;
        Ok(())
    }

    /// Lets everybody in the lobby in and sees that they are.
    async fn admit(&mut self) {
        let waiting = self.lives.values().any(|live| live.look(|view| view.waits()));
        if waiting && let Err(error) = self.moderator().command(Command::AdmitAll).await {
            self.fault("come-in", format!("the lobby could not be emptied: {error}"));
        }
        for (person, live) in &mut self.lives {
            let is_in = live.wait_for(MESSAGE_TIMEOUT, View::is_in).await;
            let fault = (!is_in).then(|| format!("{person} was not let in"));
            self.trials.push(Trial { check: "come-in", fault });
        }
    }

    async fn green_room(&mut self) {
        (self.plan.progress)(Progress::GreenRoom);
        let speaker = self.cast.stage.iter().find(|person| **person != self.cast.moderator);
        if let Some(person) = speaker.cloned() {
            self.must_not_publish(&person, "before the green room").await;
        }
        match self.moderator().command(Command::OpenGreenRoom).await {
            Ok(_) | Err(LiveError::Refused(Refusal::NothingToDo)) => {}
            Err(error) => self.fault("commands", format!("the green room did not open: {error}")),
        }
        for person in self.cast.stage.clone() {
            let entered = self.wish(&person, "takes a place on stage", Command::EnterStage).await;
            if entered.is_some() {
                self.model.enter(&person);
            }
        }
        let stage: Vec<_> =
            self.cast.stage.iter().filter(|p| self.model.is_on_stage(p)).cloned().collect();
        for person in &stage {
            self.publish(person).await;
        }
        self.watch(stage.clone(), Class::Stage).await;
        for person in &stage {
            self.act(person, Command::SetCamera { on: true }, |model| {
                model.set_camera(person, true)
            })
            .await;
            self.act(person, Command::SetMicrophone { on: true }, |m| {
                m.set_microphone(person, true)
            })
            .await;
        }
        if let Some(guest) = self.cast.guest.clone() {
            self.must_not_watch(&guest, "in the green room").await;
            self.must_not_publish(&guest, "in the green room").await;
        }
        self.stay(GREEN_ROOM).await;
    }

    async fn programme(&mut self) {
        let segments = &self.plan.event.segments;
        let suspended = segments.len().min(2) - usize::from(!segments.is_empty());
        for (at, segment) in segments.iter().enumerate() {
            let length = Duration::from_millis(segment.planned.0).div_f64(self.plan.pace);
            let length = length.max(SEGMENT_MIN);
            let name = segment.id.to_string();
            (self.plan.progress)(Progress::Segment {
                name: name.clone(),
                number: at + 1,
                of: segments.len(),
                length,
            });
            // Moderators are heard at any time, so those who do not open the segment are silent.
            self.hush_moderators(segment).await;
            let (what, command) = if at == 0 {
                (format!("the event opened with {name}"), Command::OpenEvent)
            } else {
                (format!("{name} began"), Command::NextSegment)
            };
            let began = self
                .moderate(what, command, |model| {
                    model.phase = Phase::Live;
                    model.begin(segment);
                })
                .await;
            if !began {
                return;
            }
            if at == 0 {
                self.audience_arrives().await;
            }
            let until = Instant::now() + length;
            if segment.kind.floor_is_open() {
                self.open_segment(segment, until).await;
            } else {
                self.floor_segment(segment, until).await;
            }
            if at == suspended {
                self.suspend().await;
            }
        }
    }

    /// A segment in which one after the other has the floor.
    async fn floor_segment(&mut self, segment: &Segment, until: Instant) {
        let speakers: Vec<PersonId> =
            segment.floor.iter().filter(|person| self.model.is_on_stage(person)).cloned().collect();
        let share = until.saturating_duration_since(Instant::now())
            / u32::try_from(speakers.len().max(1)).unwrap_or(1);
        for (at, person) in speakers.iter().enumerate() {
            if at > 0 {
                let command = Command::GiveFloor { person: person.clone(), limit: None };
                let what = format!("{person} was given the floor");
                self.moderate(what, command, |model| model.give_floor(person)).await;
            }
            if let Some(desk) = &mut self.desk {
                desk.turn(segment, Some(person), Instant::now(), share.max(SCENE_MIN));
            }
            let screen = self.cast.screen.as_ref().is_some_and(|(owner, _)| owner == person);
            if screen && segment.kind == SegmentKind::PlenaryAddress {
                self.stay((share / 2).max(SCENE_MIN)).await;
                self.share_screen(person, (share / 2).max(SCENE_MIN)).await;
            } else {
                self.stay(share.max(SCENE_MIN)).await;
            }
        }
        if speakers.is_empty() {
            self.stay(share.max(SCENE_MIN)).await;
        }
    }

    /// A segment in which those named may answer and a participant is given the floor.
    async fn open_segment(&mut self, segment: &Segment, until: Instant) {
        let mut open = self.model.answering().to_vec();
        open.extend(self.cast.stage.iter().filter(|p| self.model.moderates(p)).cloned());
        open.dedup();
        for person in open {
            if self.model.is_on_stage(&person) && !self.model.microphone(&person) {
                let turn_on = Command::SetMicrophone { on: true };
                self.act(&person, turn_on, |model| model.set_microphone(&person, true)).await;
            }
        }
        let rest = until.saturating_duration_since(Instant::now());
        if let Some(desk) = &mut self.desk {
            desk.turn(segment, None, Instant::now(), rest.max(SCENE_MIN));
        }
        self.stay((rest / 3).max(SCENE_MIN)).await;
        if segment.kind == SegmentKind::Questions
            && let Some(guest) = self.cast.guest.clone()
        {
            self.question(&guest, (rest / 3).max(SCENE_MIN)).await;
        }
        let rest = until.saturating_duration_since(Instant::now());
        self.stay(rest.max(SCENE_MIN)).await;
    }

    /// A participant raises a hand, is given the floor, asks, and the floor is taken back.
    async fn question(&mut self, guest: &PersonId, length: Duration) {
        if self.plan.event.policy.hands_allowed && !self.raise_hand(guest).await {
            return;
        }
        let what = format!("{guest} was given the floor");
        let command = Command::GiveFloor { person: guest.clone(), limit: None };
        if !self.moderate(what, command, |model| model.give_floor(guest)).await {
            return;
        }
        self.publish(guest).await;
        self.act(guest, Command::SetCamera { on: true }, |model| model.set_camera(guest, true))
            .await;
        self.stay(length).await;
        let what = format!("the floor was taken from {guest}");
        self.moderate(what, Command::TakeFloor, Model::take_floor).await;
        if let Some(mut publisher) = self.publishers.remove(guest) {
            let ended = publisher.connection.ended(MESSAGE_TIMEOUT).await;
            let fault = (!ended)
                .then(|| format!("the media session of {guest} went on after the stage was left"));
            self.judge_trial("guest-leaves", fault);
            self.sent.push(publisher.sent());
            publisher.connection.vanish().await;
        }
    }

    /// A participant raises a hand, which the moderator sees; false when it was refused.
    async fn raise_hand(&mut self, guest: &PersonId) -> bool {
        if self.wish(guest, "raises a hand", Command::RaiseHand).await.is_none() {
            return false;
        }
        let moderator = self.cast.moderator.clone();
        if let Some(live) = self.lives.get_mut(&moderator) {
            let seen = live.wait_for(MESSAGE_TIMEOUT, |view| view.hands.contains(guest)).await;
            let fault = (!seen).then(|| format!("the moderator did not see the hand of {guest}"));
            self.judge_trial("hand", fault);
        }
        true
    }

    /// A speaker shares a screen for a while.
    async fn share_screen(&mut self, person: &PersonId, length: Duration) {
        let Some((_, media)) = &self.cast.screen else { return };
        let asked = Instant::now();
        if self.wish(person, "shares a screen", Command::SetScreen { on: true }).await.is_none() {
            return;
        }
        let path = format!("{}?source=screen", whip::camera_path(&self.plan.event.id));
        let ledger = Arc::clone(&self.cast.ledger);
        let token = self.token(person).to_owned();
        let joined = Publisher::join(&self.cast.server, &path, &token, media.clone(), ledger).await;
        let mut publisher = match joined {
            Ok(publisher) => publisher,
            Err(error) => return self.fault("publish", format!("the screen of {person}: {error}")),
        };
        if let Err(error) = publisher.connection.connected().await {
            self.fault("publish", format!("the screen of {person}: {error}"));
        }
        self.model.set_screen(Some(person));
        self.moment(format!("{person} shares a screen"), asked, Instant::now());
        self.stay(length).await;
        self.act(person, Command::SetScreen { on: false }, |model| model.set_screen(None)).await;
        self.sent.push(publisher.sent());
        if let Err(error) = publisher.leave().await {
            tracing::debug!(%error, "the session of a shared screen had ended already");
        }
    }

    /// The moderator stops everything for a moment.
    async fn suspend(&mut self) {
        let stop = Command::SuspendEvent { reason: None };
        let phase = |phase| move |model: &mut Model| model.phase = phase;
        if self.moderate("the event was suspended".to_owned(), stop, phase(Phase::Suspended)).await
        {
            self.stay(SCENE_MIN).await;
            let what = "the event went on".to_owned();
            if self.moderate(what, Command::ResumeEvent, phase(Phase::Live)).await {
                self.stay(SCENE_MIN).await;
            }
        }
    }

    async fn audience_arrives(&mut self) {
        let audience: Vec<PersonId> = self
            .cast
            .audience
            .iter()
            .map(|(person, _)| person.clone())
            .filter(|person| self.lives.contains_key(person))
            .collect();
        self.watch(audience, Class::Audience).await;
        let Some(guest) = self.cast.guest.clone() else { return };
        self.must_not_publish(&guest, "from the audience").await;
        if let Some(live) = self.lives.get(&guest) {
            let fault = match live.command(Command::NextSegment).await {
                Err(LiveError::Refused(Refusal::NotAllowed)) => None,
                Err(error) => Some(format!("{guest} moved the programme: {error}")),
                Ok(_) => Some(format!("{guest}, a participant, moved the programme")),
            };
            self.judge_trial("roles", fault);
        }
    }

    async fn close(&mut self) {
        self.moderate("the event closed".to_owned(), Command::CloseEvent, Model::close).await;
        tokio::time::sleep(AFTERWARDS).await;
    }

    /// From what was put down to the issued release.
    async fn record(&mut self) {
        if let Some(desk) = self.desk.take() {
            let (trials, record) = Box::pin(desk.finish()).await;
            self.trials.extend(trials);
            self.record = Some(record);
        }
    }

    // How they do it.

    /// Everybody who comes: people of the programme with a link and the audience.
    fn people(&self) -> Vec<(PersonId, String)> {
        let links = &self.plan.links;
        let with_task = self.plan.event.people.iter().filter(|person| !person.is_participant());
        let with_task = with_task
            .filter_map(|person| Some((person.id.clone(), links.get(&person.id)?.clone())));
        with_task.chain(self.cast.audience.iter().cloned()).collect()
    }

    fn token(&self, person: &PersonId) -> &str {
        let audience = self.cast.audience.iter().find(|(other, _)| other == person);
        audience
            .map(|(_, token)| token)
            .or_else(|| self.plan.links.get(person))
            .map_or("", String::as_str)
    }

    /// The moderator's socket; [`Direction::come_in`] put it there.
    #[expect(clippy::indexing_slicing, reason = "come_in fails without the moderator")]
    fn moderator(&self) -> &Live {
        &self.lives[&self.cast.moderator]
    }

    fn fault(&mut self, check: &'static str, fault: String) {
        tracing::debug!(check, fault, "a fault");
        self.trials.push(Trial { check, fault: Some(fault) });
    }

    /// Notes that something was tried, with its faults if there were any.
    fn judge_trial(&mut self, check: &'static str, faults: impl IntoIterator<Item = String>) {
        self.trials.push(Trial { check, fault: None });
        for fault in faults {
            self.fault(check, fault);
        }
    }

    /// Notes what is expected from now on.
    fn moment(&mut self, what: String, asked: Instant, done: Instant) {
        let (stage, audience) = self.model.expected();
        if self.floors.last().is_none_or(|(_, _, holder)| holder.as_ref() != self.model.holder()) {
            self.floors.push((asked, done, self.model.holder().cloned()));
        }
        self.timeline.push(Moment { what, asked, done, stage, audience });
    }

    /// A command of the moderator with what follows from it; false when it was refused.
    async fn moderate(
        &mut self,
        what: String,
        command: Command,
        follow: impl FnOnce(&mut Model),
    ) -> bool {
        (self.plan.progress)(Progress::Act { what: what.clone() });
        let asked = Instant::now();
        match self.moderator().command(command).await {
            Ok(_) => {
                follow(&mut self.model);
                self.judge_trial("commands", None);
                self.moment(what, asked, Instant::now());
                true
            }
            Err(error) => {
                self.fault("commands", format!("{what}: {error}"));
                false
            }
        }
    }

    /// A command of a person about themselves, with what follows from it.
    async fn act(&mut self, person: &PersonId, command: Command, follow: impl FnOnce(&mut Model)) {
        let asked = Instant::now();
        let what = format!("{person}: {}", describe(&command));
        if self.wish(person, "does their part", command).await.is_some() {
            follow(&mut self.model);
            self.moment(what, asked, Instant::now());
        }
    }

    /// A command of a person; `None` when it was refused.
    async fn wish(&mut self, person: &PersonId, what: &str, command: Command) -> Option<()> {
        let Some(live) = self.lives.get(person) else {
            self.fault("commands", format!("{person} {what}: not connected"));
            return None;
        };
        match live.command(command).await {
            Ok(_) | Err(LiveError::Refused(Refusal::NothingToDo)) => {
                self.judge_trial("commands", None);
                Some(())
            }
            Err(error) => {
                self.fault("commands", format!("{person} {what}: {error}"));
                None
            }
        }
    }

    /// Starts microphone and camera of a person.
    async fn publish(&mut self, person: &PersonId) {
        let Some(media) = self.cast.media.get(person).cloned() else { return };
        let asked = Instant::now();
        let path = whip::camera_path(&self.plan.event.id);
        let ledger = Arc::clone(&self.cast.ledger);
        let token = self.token(person).to_owned();
        let joined = Publisher::join(&self.cast.server, &path, &token, media, ledger).await;
        let outcome: Result<(Publisher, Duration), JoinError> = match joined {
            Ok(mut publisher) => {
                publisher.connection.connected().await.map(|took| (publisher, took))
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok((publisher, took)) => {
                self.judge_trial("publish", None);
                self.publish_joins.push(took);
                self.publishers.insert(person.clone(), publisher);
                self.model.publishes(person);
                self.moment(format!("{person} publishes"), asked, Instant::now());
            }
            Err(error) => self.fault("publish", format!("{person}: {error}")),
        }
    }

    /// Starts the receivers of `people`.
    async fn watch(&mut self, people: Vec<PersonId>, class: Class) {
        let server = &self.cast.server;
        let path = &whep::path(&self.plan.event.id);
        let watchers: Vec<_> = people
            .into_iter()
            .enumerate()
            .map(|(number, person)| {
                let sound_only =
                    class == Class::Audience && number % SOUND_ONLY_EVERY == SOUND_ONLY_EVERY - 1;
                let wants = if sound_only { Wants::Sound } else { Wants::Everything };
                (self.token(&person).to_owned(), person, wants, Arc::clone(&self.cast.ledger))
            })
            .collect();
        let join = |(token, person, wants, ledger): (String, PersonId, Wants, Arc<Ledger>)| async move {
            let joined = async {
                let mut receiver = Receiver::join(server, path, &token, wants, ledger).await?;
                let took = receiver.connection.connected().await?;
                Ok::<_, JoinError>((receiver, took))
            };
            (person, wants, joined.await)
        };
        let mut joining = stream::iter(watchers).map(join).buffer_unordered(JOINING_AT_ONCE);
        let mut joined = Vec::new();
        while let Some(one) = joining.next().await {
            joined.push(one);
        }
        drop(joining);
        for (person, wants, outcome) in joined {
            match outcome {
                Ok((receiver, took)) => {
                    self.judge_trial("receive", None);
                    self.receive_joins.push(took);
                    let connected = receiver.connection.link().since;
                    let pictures = wants == Wants::Everything;
                    self.watching.insert(person, Watching { class, pictures, connected, receiver });
                }
                Err(error) => self.fault("receive", format!("{person}: {error}")),
            }
        }
    }

    async fn must_not_publish(&mut self, person: &PersonId, when: &str) {
        let media = self.cast.media.get(person).cloned().unwrap_or_default();
        let path = whip::camera_path(&self.plan.event.id);
        let token = self.token(person).to_owned();
        let ledger = Arc::clone(&self.cast.ledger);
        let joined = Publisher::join(&self.cast.server, &path, &token, media, ledger).await;
        let fault = must_be_refused(joined.map(|publisher| publisher.connection.vanish())).await;
        self.judge_trial(
            "publish-refused",
            fault.map(|fault| format!("{person} publishing {when}: {fault}")),
        );
    }

    async fn must_not_watch(&mut self, person: &PersonId, when: &str) {
        let path = whep::path(&self.plan.event.id);
        let token = self.token(person).to_owned();
        let ledger = Arc::clone(&self.cast.ledger);
        let joined = Receiver::join(&self.cast.server, &path, &token, Wants::Sound, ledger).await;
        let fault = must_be_refused(joined.map(|receiver| receiver.connection.vanish())).await;
        self.judge_trial(
            "receive-refused",
            fault.map(|fault| format!("{person} receiving {when}: {fault}")),
        );
    }

    async fn hush_moderators(&mut self, segment: &Segment) {
        let first = self.model.first_of(segment).cloned();
        let silent: Vec<PersonId> = self
            .cast
            .stage
            .iter()
            .filter(|person| self.model.moderates(person) && self.model.microphone(person))
            .filter(|person| Some(*person) != first.as_ref() && !segment.kind.floor_is_open())
            .cloned()
            .collect();
        for person in silent {
            let turn_off = Command::SetMicrophone { on: false };
            self.act(&person, turn_off, |model| model.set_microphone(&person, false)).await;
        }
    }

    /// Time passes; what is said in it is put down.
    async fn stay(&mut self, length: Duration) {
        let until = Instant::now() + length;
        while let Some(cue) = self.desk.as_mut().and_then(|desk| desk.due(until)) {
            tokio::time::sleep_until(cue.end.into()).await;
            if let Some(desk) = &mut self.desk {
                desk.put_down(cue).await;
            }
        }
        tokio::time::sleep_until(until.into()).await;
    }

    async fn fetch_proceedings(&mut self) -> Result<String, String> {
        let event = &self.plan.event.id;
        let path = self.cast.server.path(&format!("/api/events/{event}/proceedings?after=0"));
        let token = self.token(&self.cast.moderator).to_owned();
        let ask = Ask { method: Method::GET, path: &path, token: Some(&token), body: None };
        let answer = self.cast.server.ask_for(StatusCode::OK, ask).await;
        answer.map(|answer| answer.text()).map_err(|error| error.to_string())
    }

    /// Everybody leaves; what they received is judged one by one.
    async fn collect(
        mut self,
        began: SystemTime,
        start: Instant,
        proceedings: Result<String, String>,
        stalls: Stalls,
    ) -> Outcome {
        let mut verdicts = Vec::new();
        let mut totals = Totals::default();
        let until = Instant::now();
        let leave = |(person, watching): (PersonId, Watching)| async move {
            let Watching { class, pictures, connected, receiver } = watching;
            (person, class, pictures, connected, receiver.leave().await)
        };
        let leaving: Vec<_> = stream::iter(std::mem::take(&mut self.watching))
            .map(leave)
            .buffer_unordered(JOINING_AT_ONCE)
            .collect()
            .await;
        for (person, class, pictures, connected, (reception, left)) in leaving {
            if let Err(error) = left {
                tracing::debug!(%error, "a receiver's session had ended with the event");
            }
            totals.add(&reception);
            let witness = Witness {
                person: &person,
                class,
                connected,
                until,
                pictures,
                reception: &reception,
                stalls: &stalls,
            };
            verdicts.push(judge(&self.timeline, &self.cast.ledger, &witness));
        }
        for (_, publisher) in std::mem::take(&mut self.publishers) {
            self.sent.push(publisher.sent());
            if let Err(error) = publisher.leave().await {
                tracing::debug!(%error, "a publisher's session had ended with the event");
            }
        }
        let views = stream::iter(std::mem::take(&mut self.lives))
            .map(|(person, live)| async { (person, live.leave().await) })
            .buffer_unordered(JOINING_AT_ONCE)
            .collect()
            .await;
        Outcome {
            voices: self.cast.voices.clone(),
            began,
            took: start.elapsed(),
            stage: self.cast.stage.clone(),
            guest: self.cast.guest.clone(),
            timeline: self.timeline,
            trials: self.trials,
            record: self.record,
            verdicts,
            totals,
            sent: self.sent,
            views,
            live_joins: self.live_joins,
            publish_joins: self.publish_joins,
            receive_joins: self.receive_joins,
            floors: self.floors,
            proceedings,
            stalls,
        }
    }
}

/// The fault, unless the server answered 403. Who came in all the same is ended.
async fn must_be_refused<F: Future<Output = ()>>(joined: Result<F, JoinError>) -> Option<String> {
    match joined {
        Ok(end) => {
            end.await;
            Some("was accepted".to_owned())
        }
        Err(error) if error.status() == Some(StatusCode::FORBIDDEN) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// A person's own command in words, for the report.
fn describe(command: &Command) -> &'static str {
    match command {
        Command::SetMicrophone { on: true } => "microphone on",
        Command::SetMicrophone { on: false } => "microphone off",
        Command::SetCamera { on: true } => "camera on",
        Command::SetCamera { on: false } => "camera off",
        Command::SetScreen { .. } => "screen no longer shared",
        _ => "a command",
    }
}
