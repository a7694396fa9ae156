//! What others make of the files: ffprobe reads them, ffmpeg decodes them without a complaint.

use std::path::Path;
use std::process::Command;

use base::Millis;
use container::{Chapter, Codec, Track, Writer, recover};

use super::media::{Coded, picture, tone};
use super::{apply, header, save};

fn run(program: &str, arguments: &[&str], path: &Path) -> (String, String) {
    let output = Command::new(program).args(arguments).arg(path).output().expect("it is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Frames that are decoded, and what is said about them.
fn decoded(path: &Path, stream: &str) -> (u64, String) {
    let arguments = [
        "-v",
        "warning",
        "-count_frames",
        "-select_streams",
        stream,
        "-show_entries",
        "stream=nb_read_frames",
        "-of",
        "csv=p=0",
    ];
    let (out, complaints) = run("ffprobe", &arguments, path);
    (out.trim().trim_end_matches(',').parse().unwrap_or(0), complaints)
}

fn duration(path: &Path) -> f64 {
    let arguments = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"];
    run("ffprobe", &arguments, path).0.trim().parse().unwrap_or(0.0)
}

fn write(codec: Codec, pictures: &[Coded], sounds: &[Coded]) -> (Vec<u8>, Writer) {
    let mut header = header(&[codec, Codec::Opus]);
    let private = pictures.iter().find_map(|frame| frame.private.clone());
    header.tracks[0] = Track { private: private.unwrap_or_default(), ..header.tracks[0].clone() };
    let mut writer = Writer::new(&header);
    let mut all: Vec<_> =
        pictures.iter().map(|f| (0, f)).chain(sounds.iter().map(|f| (1, f))).collect();
    all.sort_by_key(|(track, frame)| (frame.at, *track));
    for (track, frame) in all {
        let length = if track == 0 { Millis(40) } else { Millis(20) };
        writer.frame(track, Millis(frame.at), length, frame.key, &frame.data).expect("taken");
    }
    let mut file = Vec::new();
    apply(&mut file, writer.take_changes());
    (file, writer)
}

#[test]
fn every_codec_plays_whole_unfinished_and_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let sounds = tone();
    for codec in [Codec::Vp8, Codec::Vp9, Codec::H264, Codec::Av1] {
        let pictures = picture(codec);
        assert_eq!(pictures.len(), 75, "{codec:?}");
        let path = folder.path().join(format!("{codec:?}.webm"));
        let (mut file, mut writer) = write(codec, &pictures, &sounds);

        // As it is while it is being recorded.
        save(&path, &file);
        let (frames, complaints) = decoded(&path, "v:0");
        assert_eq!((frames, complaints.as_str()), (75, ""), "{codec:?} unfinished");
        assert_eq!(decoded(&path, "a:0"), (sounds.len() as u64, String::new()), "{codec:?}");

        // As a kill leaves it, and taken up.
        let mut cut = file[..file.len() * 2 / 3].to_vec();
        save(&path, &cut);
        let (before, _) = decoded(&path, "v:0");
        let mut recovered = recover(&*cut).expect("readable").expect("unfinished");
        cut.truncate(usize::try_from(recovered.length).expect("small"));
        recovered.writer.finish(&[]);
        apply(&mut cut, recovered.writer.take_changes());
        save(&path, &cut);
        let (after, complaints) = decoded(&path, "v:0");
        assert_eq!(complaints, "", "{codec:?} taken up");
        assert!(after > 30 && after <= before, "{codec:?}: {before} {after}");
        assert!(duration(&path) > 1.3, "{codec:?}");

        // Finished.
        let chapter = |start, end, title: &str| Chapter {
            start: Millis(start),
            end: Millis(end),
            title: title.to_owned(),
        };
        writer.finish(&[
            chapter(0, 1_000, "Introductory remarks"),
            chapter(1_000, 3_000, "Пленарный доклад"),
        ]);
        apply(&mut file, writer.take_changes());
        save(&path, &file);
        assert_eq!(decoded(&path, "v:0"), (75, String::new()), "{codec:?} finished");
        assert!((duration(&path) - 3.0).abs() < 0.05, "{codec:?}: {}", duration(&path));
        let (chapters, _) =
            run("ffprobe", &["-v", "error", "-show_chapters", "-of", "csv=p=0"], &path);
        assert!(chapters.contains("Пленарный доклад"), "{chapters}");

        // Seeking lands where it should, by the index.
        let (seen, _) = run(
            "ffprobe",
            &[
                "-v",
                "error",
                "-read_intervals",
                "2%+#1",
                "-select_streams",
                "v:0",
                "-show_entries",
                "packet=pts_time,flags",
                "-of",
                "csv=p=0",
            ],
            &path,
        );
        assert!(seen.starts_with("2.0") && seen.contains('K'), "{codec:?}: {seen}");
    }
}
