//! Files as a whole: written, cut off anywhere, taken up, read back, and shown to ffprobe.

mod media;
mod players;
mod round_trip;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use base::{Millis, Timestamp};
use container::{Change, Codec, Header, PictureSize, Track, Writer};

/// Does to bytes in memory what a recorder does to a file.
fn apply(file: &mut Vec<u8>, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Append(bytes) => file.extend(bytes),
            Change::Patch { at, bytes } => {
                let at = usize::try_from(at).expect("small");
                file[at..at + bytes.len()].copy_from_slice(&bytes);
            }
        }
    }
}

fn save(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).expect("a file");
    file.seek(SeekFrom::Start(0)).expect("its beginning");
    file.write_all(bytes).expect("written");
}

fn header(codecs: &[Codec]) -> Header {
    let track = |codec: &Codec| Track {
        codec: *codec,
        private: Vec::new(),
        size: (!codec.is_audio()).then_some(PictureSize { width: 320, height: 240 }),
    };
    Header {
        began_at: Timestamp(1_612_854_000_123),
        title: "Plenary address".to_owned(),
        tags: vec![("PERSON".to_owned(), "ganich".to_owned())],
        tracks: codecs.iter().map(track).collect(),
    }
}

/// Writes frames of 40 ms for each track in turn; a key frame every second.
fn made_up(codecs: &[Codec], count: u64, finish: bool) -> (Vec<u8>, Writer) {
    let mut writer = Writer::new(&header(codecs));
    let mut file = Vec::new();
    for number in 0..count {
        for (track, codec) in codecs.iter().enumerate() {
            let key = codec.is_audio() || number % 25 == 0;
            let data = [u8::try_from(number % 251).expect("a byte"); 30];
            // 40 ms of Opus in two frames of 20.
            let data = if codec.is_audio() { vec![0xFD, 1, 1] } else { data.to_vec() };
            writer.frame(track, Millis(number * 40), Millis(40), key, &data).expect("taken");
            apply(&mut file, writer.take_changes());
        }
    }
    if finish {
        writer.finish(&[]);
        apply(&mut file, writer.take_changes());
    }
    (file, writer)
}
