//! What is kept of one event: which of its tracks have an open sink (`forwarding::sink`). A track
//! is tapped exactly while the plan says that the event is kept and that the audience may hear or
//! see this track; a voice that nobody is to hear is not kept either.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use base::{EventId, PersonId};
use forwarding::sink::{
    Message, Opened, Place, Record, SenderReport, SinkId, SinkPacket, Subscriber,
};
use forwarding::{Codec, Hearing, Owner, TrackId, TrackKind};
use str0m::rtp::RtpPacket;

use crate::negotiate::LAYERS_MAX;

/// Key frames cost a sender and everybody's line; a subscriber that is never content gets one a
/// second.
const KEY_FRAME_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Sinks are numbered through the whole process, so that several workers cannot take one twice.
static SINKS: AtomicU64 = AtomicU64::new(1);

/// The taps of one event on one worker.
#[derive(Debug)]
pub(crate) struct Taps {
    event: EventId,
    subscriber: Option<Arc<dyn Subscriber>>,
    record: Record,
    plan: Hearing,
    /// Every track of the event's publishers on this worker, of which there are as many as people
    /// on stage have sources.
    tracks: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    id: TrackId,
    peer: usize,
    owner: Owner,
    person: PersonId,
    kind: TrackKind,
    codec: Codec,
    clock: u64,
    sink: Option<Sink>,
}

#[derive(Debug)]
struct Sink {
    id: SinkId,
    place: Place,
    /// When key frames were asked for; `None` when they are wanted at once.
    asked: Option<Instant>,
    reported: [Option<SystemTime>; LAYERS_MAX],
}

impl Taps {
    pub(crate) fn new(event: EventId, subscriber: Option<Arc<dyn Subscriber>>) -> Self {
        let (record, plan, tracks) = (Record::Off, Hearing::default(), Vec::new());
        Self { event, subscriber, record, plan, tracks }
    }

    /// Opens and closes sinks as the plan wants it.
    pub(crate) fn set_plan(&mut self, record: Record, audience: &Hearing) {
        if self.record != record {
            for at in 0..self.tracks.len() {
                self.close(at);
            }
            let before = std::mem::replace(&mut self.record, record);
            self.tell(Message::Record { event: self.event.clone(), before, record });
        }
        self.plan = audience.clone();
        for at in 0..self.tracks.len() {
            self.update(at);
        }
    }

    /// Takes up a track that begins.
    pub(crate) fn add(&mut self, track: NewTrack) {
        let NewTrack { id, peer, owner, person, kind, codec, clock } = track;
        self.tracks.push(Track { id, peer, owner, person, kind, codec, clock, sink: None });
        self.update(self.tracks.len() - 1);
    }

    /// Forgets a track that has stopped.
    pub(crate) fn remove(&mut self, id: TrackId) {
        if let Some(at) = self.tracks.iter().position(|track| track.id == id) {
            self.close(at);
            self.tracks.remove(at);
        }
    }

    /// Hands a packet to the sink of its track, if that is open.
    pub(crate) fn take(
        &mut self,
        id: TrackId,
        layer: u8,
        key_frame_start: bool,
        packet: &RtpPacket,
    ) {
        let track = self.tracks.iter_mut().find(|track| track.id == id);
        let Some(sink) = track.and_then(|track| track.sink.as_mut()) else { return };
        let report = packet.last_sender_info.as_ref().and_then(|report| {
            let known = sink.reported.get_mut(usize::from(layer))?;
            let is_new = *known != Some(report.ntp_time);
            *known = Some(report.ntp_time);
            is_new.then(|| SenderReport {
                clock_us: unix_us(report.ntp_time),
                // The extended timestamp's lower half is what stood in the report.
                timestamp: report.rtp_time.numer() as u32,
            })
        });
        let packet = SinkPacket {
            sink: sink.id,
            layer,
            ssrc: *packet.header.ssrc,
            sequence: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            key_frame_start,
            arrived: packet.timestamp,
            report,
            payload: Arc::clone(&packet.payload),
        };
        self.tell(Message::Packet(packet));
    }

    /// The pictures whose sinks wait for a key frame: those just opened.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(usize, TrackKind)> {
        let due = |track: &mut Track| {
            let sink = track.sink.as_mut().filter(|sink| sink.asked.is_none())?;
            sink.asked = Some(now);
            (!track.kind.is_audio()).then_some((track.peer, track.kind))
        };
        self.tracks.iter_mut().filter_map(due).collect()
    }

    /// Notes that a subscriber needs a key frame; says whose, if one may be asked for.
    pub(crate) fn want(&mut self, now: Instant, id: SinkId) -> Option<(usize, TrackKind)> {
        let holds = |track: &&mut Track| track.sink.as_ref().is_some_and(|sink| sink.id == id);
        let track = self.tracks.iter_mut().find(holds)?;
        let sink = track.sink.as_mut()?;
        let spaced = |asked| now.saturating_duration_since(asked) >= KEY_FRAME_INTERVAL_MIN;
        if track.kind.is_audio() || !sink.asked.is_none_or(spaced) {
            return None;
        }
        sink.asked = Some(now);
        Some((track.peer, track.kind))
    }

    /// Opens or closes the sink of a track, or tells where the audience sees it now.
    fn update(&mut self, at: usize) {
        let track = &self.tracks[at];
        let place = match self.record {
            Record::Off => None,
            Record::Attributed | Record::Unattributed => self.place(track),
        };
        match (place, &track.sink) {
            (None, _) => self.close(at),
            (Some(place), None) => self.open(at, place),
            (Some(place), Some(sink)) if sink.place != place => {
                let moved = Message::Placed { sink: sink.id, place };
                if let Some(sink) = &mut self.tracks[at].sink {
                    sink.place = place;
                }
                self.tell(moved);
            }
            (Some(_), Some(_)) => {}
        }
    }

    /// Where the audience hears or sees a track; `None` where it does not.
    fn place(&self, track: &Track) -> Option<Place> {
        let owner = Some(track.owner);
        match track.kind {
            TrackKind::Microphone => {
                self.plan.voices.contains(&track.owner).then_some(Place::Aside)
            }
            TrackKind::Camera if self.plan.main == owner => Some(Place::Main),
            TrackKind::Camera => {
                self.plan.thumbnails.contains(&track.owner).then_some(Place::Aside)
            }
            TrackKind::Screen => (self.plan.screen == owner).then_some(Place::Screen),
            TrackKind::ScreenSound => (self.plan.screen == owner).then_some(Place::Aside),
        }
    }

    fn open(&mut self, at: usize, place: Place) {
        if self.subscriber.is_none() {
            return;
        }
        let id = SinkId(SINKS.fetch_add(1, Ordering::Relaxed));
        let track = &mut self.tracks[at];
        track.sink = Some(Sink { id, place, asked: None, reported: [None; LAYERS_MAX] });
        let named = self.record == Record::Attributed;
        let opened = Opened {
            sink: id,
            event: self.event.clone(),
            person: named.then(|| track.person.clone()),
            kind: track.kind,
            codec: track.codec,
            place,
            clock: track.clock,
        };
        self.tell(Message::Opened(Box::new(opened)));
    }

    fn close(&mut self, at: usize) {
        if let Some(sink) = self.tracks[at].sink.take() {
            self.tell(Message::Closed { sink: sink.id });
        }
    }

    fn tell(&self, message: Message) {
        if let Some(subscriber) = &self.subscriber {
            subscriber.take(message);
        }
    }
}

/// A room that goes leaves no sink open behind.
impl Drop for Taps {
    fn drop(&mut self) {
        for at in 0..self.tracks.len() {
            self.close(at);
        }
        if self.record != Record::Off {
            let (event, before, record) = (self.event.clone(), self.record, Record::Off);
            self.tell(Message::Record { event, before, record });
        }
    }
}

/// A track that begins.
pub(crate) struct NewTrack {
    pub(crate) id: TrackId,
    pub(crate) peer: usize,
    pub(crate) owner: Owner,
    pub(crate) person: PersonId,
    pub(crate) kind: TrackKind,
    pub(crate) codec: Codec,
    pub(crate) clock: u64,
}

fn unix_us(time: SystemTime) -> i64 {
    let us = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => us(since),
        Err(before) => us(before.duration()).saturating_neg(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use forwarding::{Format, Micros, Room};

    use super::*;

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<String>>);

    impl Subscriber for Told {
        fn take(&self, message: Message) {
            let line = match message {
                Message::Record { record, .. } => format!("record {record:?}"),
                Message::Opened(o) => {
                    let person = o.person.as_ref().map_or("nobody", |person| person.as_str());
                    format!("opened {:?} of {person}, {:?}", o.kind, o.place)
                }
                Message::Packet(_) => "packet".to_owned(),
                Message::Placed { place, .. } => format!("placed {place:?}"),
                Message::Closed { .. } => "closed".to_owned(),
            };
            self.0.lock().expect("a lock").push(line);
        }
    }

    impl Told {
        fn take_all(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().expect("a lock"))
        }
    }

    fn track(room: &mut Room, owner: u32, kind: TrackKind, codec: Codec) -> NewTrack {
        let owner = Owner(owner);
        let id = room.add_track(Micros(0), owner, kind, codec, Format(0), 1).expect("room");
        let person = PersonId::new(if owner.0 == 0 { "kazi" } else { "ganich" }).expect("an id");
        NewTrack { id, peer: 0, owner, person, kind, codec, clock: 1 }
    }

    #[test]
    fn a_sink_is_open_only_while_the_plan_and_the_record_allow_it() {
        let told = Arc::new(Told::default());
        let mut room = Room::new();
        let event = EventId::new("e").expect("an id");
        let mut taps = Taps::new(event, Some(Arc::clone(&told) as Arc<dyn Subscriber>));
        let (voice, camera) = (
            track(&mut room, 0, TrackKind::Microphone, Codec::Opus),
            track(&mut room, 0, TrackKind::Camera, Codec::Vp8),
        );
        let voice_id = voice.id;
        taps.add(voice);
        taps.add(camera);
        taps.add(track(&mut room, 1, TrackKind::Microphone, Codec::Opus));
        let heard = Hearing { voices: vec![Owner(0)], main: Some(Owner(0)), ..Default::default() };
        taps.set_plan(Record::Off, &heard);
        assert!(told.take_all().is_empty(), "heard by the audience, but off the record");

        taps.set_plan(Record::Attributed, &heard);
        let all = [
            "record Attributed",
            "opened Microphone of kazi, Aside",
            "opened Camera of kazi, Main",
        ];
        assert_eq!(told.take_all(), all);
        taps.set_plan(Record::Attributed, &heard);
        assert!(told.take_all().is_empty(), "the same again");

        let aside = Hearing { thumbnails: vec![Owner(0)], ..Default::default() };
        taps.set_plan(Record::Attributed, &aside);
        assert_eq!(told.take_all(), ["closed", "placed Aside"], "heard no longer, seen aside");

        taps.set_plan(Record::Unattributed, &heard);
        let all = [
            "closed",
            "record Unattributed",
            "opened Microphone of nobody, Aside",
            "opened Camera of nobody, Main",
        ];
        assert_eq!(told.take_all(), all);

        taps.set_plan(Record::Off, &heard);
        assert_eq!(told.take_all(), ["closed", "closed", "record Off"]);
        taps.set_plan(Record::Attributed, &heard);
        told.take_all();
        taps.remove(voice_id);
        assert_eq!(told.take_all(), ["closed"], "it has stopped");
        drop(taps);
        assert_eq!(told.take_all(), ["closed", "record Off"]);
    }

    #[test]
    fn key_frames_are_asked_for_at_once_and_then_spaced() {
        let mut room = Room::new();
        let event = EventId::new("e").expect("an id");
        let mut taps = Taps::new(event, Some(Arc::new(Told::default())));
        taps.add(track(&mut room, 0, TrackKind::Camera, Codec::Vp8));
        let seen = Hearing { main: Some(Owner(0)), ..Default::default() };
        let now = Instant::now();
        assert!(taps.due(now).is_empty(), "nothing is kept");
        taps.set_plan(Record::Attributed, &seen);
        assert_eq!(taps.due(now), [(0, TrackKind::Camera)]);
        assert!(taps.due(now).is_empty());
        let sink = taps.tracks[0].sink.as_ref().expect("an open sink").id;
        assert_eq!(taps.want(now + Duration::from_millis(500), sink), None);
        assert!(taps.want(now + Duration::from_millis(1_000), sink).is_some());
    }
}
