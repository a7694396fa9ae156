//! What is in the files of an event.

use std::path::Path;
use std::sync::Arc;

use base::{Millis, Timestamp};
use forwarding::sink::{Place, Record};
use recording::{ChapterAt, Config, LocalDisk, Recorder, Status, read_index};

use super::feed::{
    Speaker, Wall, decoded, duration, event, make_picture, record, sound, speak, strength,
};

fn start(folder: &Path) -> Recorder {
    let config = Config { folder: folder.to_owned(), instant: std::time::Instant::now };
    Recorder::start(config, Arc::new(LocalDisk), Arc::new(Wall)).expect("it starts")
}

fn finish(recorder: &Recorder, chapters: Vec<ChapterAt>) -> recording::Index {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(recorder.finish(&event(), chapters)).expect("it runs")
}

#[test]
fn takes_and_programme_of_an_event_with_a_part_off_the_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let (small, large) = (folder.path().join("s.ivf"), folder.path().join("l.ivf"));
    make_picture(&small, "320x240");
    make_picture(&large, "640x360");
    let recorder = start(&folder.path().join("recordings"));
    let to = recorder.subscriber();
    let mut kazi = Speaker::new("kazi", 1, 300.0, &small, Arc::clone(&to));
    let mut ganich = Speaker::new("ganich", 2, 700.0, &large, Arc::clone(&to));

    record(&*to, Record::Off, Record::Attributed);
    kazi.open(Place::Main, Record::Attributed);
    ganich.open(Place::Aside, Record::Attributed);
    speak(&mut [&mut kazi, &mut ganich], 2_000);
    // The floor goes to the speaker.
    kazi.place(Place::Aside);
    ganich.place(Place::Main);
    speak(&mut [&mut kazi, &mut ganich], 2_000);
    // Off the record: the media engine closes the sinks.
    kazi.close();
    ganich.close();
    record(&*to, Record::Attributed, Record::Off);
    speak(&mut [&mut kazi, &mut ganich], 1_000);
    // The Chatham House Rule, recorded by the policy.
    record(&*to, Record::Off, Record::Unattributed);
    ganich.open(Place::Main, Record::Unattributed);
    speak(&mut [&mut kazi, &mut ganich], 1_000);
    ganich.close();
    record(&*to, Record::Unattributed, Record::Attributed);
    kazi.open(Place::Main, Record::Attributed);
    speak(&mut [&mut kazi, &mut ganich], 2_000);
    kazi.close();
    record(&*to, Record::Attributed, Record::Off);

    let all = ChapterAt {
        segment: base::SegmentId::new("introductory-remarks").expect("an id"),
        title: "Introductory remarks".to_owned(),
        began_at: Timestamp(0),
        ended_at: Timestamp(i64::MAX),
    };
    let index = finish(&recorder, vec![all]);
    let folder = folder.path().join("recordings").join(event().as_str());
    assert_eq!(read_index(&folder).expect("written"), index);

    // Files of single tracks.
    let takes: Vec<_> = index
        .takes
        .iter()
        .map(|take| (take.person.as_ref().map(|p| p.as_str()), take.kind.as_str(), take.status))
        .collect();
    let (on, rule) = (Status::OnTheRecord, Status::ChathamHouseRule);
    let mut sorted = takes.clone();
    sorted.sort();
    let expected = [
        (None, "camera", rule),
        (None, "microphone", rule),
        (Some("ganich"), "camera", on),
        (Some("ganich"), "microphone", on),
        (Some("kazi"), "camera", on),
        (Some("kazi"), "camera", on),
        (Some("kazi"), "microphone", on),
        (Some("kazi"), "microphone", on),
    ];
    assert_eq!(sorted, expected);
    for take in &index.takes {
        let path = folder.join(&take.file);
        let is_picture = take.kind == "camera";
        let (frames, complaints) = decoded(&path, if is_picture { "v:0" } else { "a:0" });
        let seconds = duration(&path);
        assert_eq!(complaints, "", "{}", take.file);
        let expected = if is_picture { seconds * 25.0 } else { seconds * 50.0 };
        assert!((frames as f64 - expected).abs() <= 2.0, "{}: {frames} in {seconds}", take.file);
        let named = take.status == on;
        assert_eq!(take.file.contains("kazi") || take.file.contains("ganich"), named);
    }

    // Sound and picture of one person begin at one time, although the picture's first packet came
    // before the sender had reported anything, and by the sender's own clock they fit.
    let ganich: Vec<_> = index
        .takes
        .iter()
        .filter(|take| take.person.as_ref().is_some_and(|p| p.as_str() == "ganich"))
        .collect();
    let apart = ganich[0].began_at.0 - ganich[1].began_at.0;
    assert!(apart.abs() <= 10, "{apart} ms apart");

    // The programme: four seconds, a break, two seconds.
    let programme: Vec<_> = index.programme.iter().filter(|p| p.status == on).collect();
    assert_eq!(programme.len(), 1);
    let programme = programme[0];
    assert_eq!(programme.spans.len(), 2);
    let path = folder.join(&programme.file);
    let seconds = duration(&path);
    assert!((5.7..6.3).contains(&seconds), "{seconds}");
    let (frames, complaints) = decoded(&path, "v:0");
    assert_eq!(complaints, "");
    assert!((135..=152).contains(&frames), "{frames}");
    let sound = sound(&path);
    let second = |from: f64, to: f64| &sound[(from * 48_000.0) as usize..(to * 48_000.0) as usize];
    let (both, later) = (second(1.0, 3.0), second(4.5, 5.5));
    assert!(strength(both, 300.0) > 0.2 && strength(both, 700.0) > 0.2);
    assert!(strength(later, 300.0) > 0.2, "{}", strength(later, 300.0));
    assert!(strength(later, 700.0) < 0.02, "who spoke under the rule is not in it");
    let sizes = sizes(&path);
    assert_eq!(sizes, ["320x240", "640x360", "320x240"], "the picture follows the floor");
    let first = programme.spans[1];
    assert!(first.at.0.abs_diff(4_000) < 150, "{first:?}");
    let gap = first.began_at.since(programme.spans[0].began_at);
    assert!(gap.0.abs_diff(6_000) < 150, "{gap:?}");
    assert_eq!(programme.place(first.began_at), Some(first.at));

    // Whoever plays a file wants to know whether there is something to see.
    assert_eq!(recording::has_picture(&path), Some(true));
    for take in &index.takes {
        let seen = recording::has_picture(&folder.join(&take.file));
        assert_eq!(seen, Some(take.kind == "camera"), "{}", take.file);
    }
    assert_eq!(recording::has_picture(&folder.join("index.json")), None);

    // The programme under the rule names nobody.
    let private: Vec<_> = index.programme.iter().filter(|p| p.status == rule).collect();
    assert_eq!(private.len(), 1);
    let bytes = std::fs::read(folder.join(&private[0].file)).expect("a file");
    for name in ["kazi", "ganich"] {
        assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{name}");
    }
    assert!(private[0].duration.is_some_and(|duration| duration >= Millis(800)));
}

/// The sizes of a picture as they follow one another.
fn sizes(path: &Path) -> Vec<String> {
    let output = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=width,height"])
        .args(["-of", "csv=p=0:s=x"])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    let mut sizes: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|l| l.trim_end_matches('x').to_owned())
        .collect();
    sizes.dedup();
    sizes
}

/// Nothing that is sent while no sink is open reaches any file.
#[test]
fn off_the_record_speech_is_nowhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = folder.path().join("p.ivf");
    make_picture(&picture, "320x240");
    let recordings = folder.path().join("recordings");
    let recorder = start(&recordings);
    let to = recorder.subscriber();
    let mut kazi = Speaker::new("kazi", 1, 300.0, &picture, Arc::clone(&to));
    let mark = |sink: u64, text: &str| {
        use forwarding::sink::{Message, SinkId, SinkPacket};
        to.take(Message::Packet(SinkPacket {
            sink: SinkId(sink),
            layer: 0,
            ssrc: 1,
            sequence: 100_000 + sink,
            timestamp: 0,
            marker: true,
            key_frame_start: true,
            arrived: std::time::Instant::now(),
            report: None,
            payload: Arc::from(text.as_bytes()),
        }));
    };
    mark(1_001, "BEFORE-THE-RECORD");
    record(&*to, Record::Off, Record::Attributed);
    kazi.open(Place::Main, Record::Attributed);
    speak(&mut [&mut kazi], 400);
    mark(1_001, "ON-THE-RECORD");
    speak(&mut [&mut kazi], 200);
    kazi.close();
    record(&*to, Record::Attributed, Record::Off);
    mark(1_001, "OFF-THE-RECORD");
    mark(1_002, "OFF-THE-RECORD");
    speak(&mut [&mut kazi], 200);
    finish(&recorder, Vec::new());
    drop(recorder);
    let holds = |text: &str| holds(&recordings, text);
    assert!(holds("ON-THE-RECORD"), "the search finds what is there");
    assert!(!holds("OFF-THE-RECORD") && !holds("BEFORE-THE-RECORD"));
}

fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).expect("a file");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}
