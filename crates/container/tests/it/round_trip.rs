//! Read back what was written, whole, cut off and spoilt.

use base::{Millis, Timestamp};
use container::{Block, Codec, FrameError, Item, Reader, Writer, recover};
use proptest::prelude::*;

use super::{apply, header, made_up};

fn blocks(file: &[u8]) -> Vec<Block> {
    let mut reader = Reader::open(file).expect("a file");
    let mut blocks = Vec::new();
    while let Some(item) = reader.next_item().expect("memory can be read") {
        if let Item::Block(block) = item {
            blocks.push(block);
        }
    }
    blocks
}

fn short(blocks: &[Block]) -> Vec<(u64, Millis, bool, Vec<u8>)> {
    blocks.iter().map(|b| (b.track, b.at, b.key, b.data.clone())).collect()
}

#[test]
fn what_is_written_is_read() {
    let (file, writer) = made_up(&[Codec::Vp8, Codec::Opus], 500, true);
    let reader = Reader::open(&*file).expect("a file");
    let contents = reader.contents();
    assert_eq!(contents.began_at, Some(Timestamp(1_612_854_000_123)));
    assert_eq!(contents.tags, [("PERSON".to_owned(), "ganich".to_owned())]);
    assert_eq!(contents.duration, Some(Millis(20_000)));
    assert_eq!(contents.size, Some(file.len() as u64));
    assert_eq!(writer.bytes(), file.len() as u64);
    assert_eq!(contents.tracks.len(), 2);
    let blocks = blocks(&file);
    assert_eq!(blocks.len(), 1_000);
    assert!(blocks.iter().step_by(2).zip(0..).all(|(block, number)| {
        block.track == 1 && block.at == Millis(number * 40) && block.key == (number % 25 == 0)
    }));
}

#[test]
fn frames_that_cannot_be_kept_are_refused() {
    let mut writer = Writer::new(&header(&[Codec::Opus]));
    let mut frame = |track, at| writer.frame(track, Millis(at), Millis(20), true, &[0xFC]);
    assert_eq!(frame(1, 0), Err(FrameError::NoSuchTrack));
    assert_eq!(frame(0, 60_000), Ok(()));
    assert_eq!(frame(0, 0), Err(FrameError::TooLate));
    assert_eq!(frame(0, 59_900), Ok(()), "a little late");
    writer.finish(&[]);
    assert_eq!(writer.frame(0, Millis(0), Millis(0), true, &[]), Err(FrameError::Finished));
}

#[test]
fn a_gap_of_an_hour_is_kept() {
    let mut writer = Writer::new(&header(&[Codec::Vp8]));
    let mut file = Vec::new();
    for at in [0, 3_600_000, 3_600_040] {
        writer.frame(0, Millis(at), Millis(0), at == 0, &[1]).expect("taken");
    }
    apply(&mut file, writer.take_changes());
    assert_eq!(blocks(&file).iter().map(|b| b.at.0).collect::<Vec<_>>(), [0, 3_600_000, 3_600_040]);
}

#[test]
fn a_finished_file_is_left_alone() {
    let (file, _) = made_up(&[Codec::Opus], 100, true);
    assert!(recover(&*file).expect("a file").is_none());
}

/// Cut off at every byte, a file is taken up with all frames that are there as a whole.
#[test]
fn a_file_cut_off_anywhere_is_taken_up() {
    let codecs = [Codec::Vp8, Codec::Opus];
    let (whole, _) = made_up(&codecs, 60, false);
    let all = short(&blocks(&whole));
    let (finished, _) = made_up(&codecs, 60, true);
    let mut last = 0;
    for cut in 0..finished.len() {
        // The end of a finished file without what is patched in last.
        let mut file =
            if cut <= whole.len() { whole[..cut].to_vec() } else { finished[..cut].to_vec() };
        let Ok(recovered) = recover(&*file) else {
            assert!(last == 0, "a longer piece can be read if a shorter one can: {cut}");
            continue;
        };
        let Some(mut recovered) = recovered else {
            panic!("{cut} of {} is not all", finished.len())
        };
        file.truncate(usize::try_from(recovered.length).expect("small"));
        recovered.writer.finish(&[]);
        apply(&mut file, recovered.writer.take_changes());
        let kept = short(&blocks(&file));
        assert!(kept.len() >= last, "{cut}");
        last = kept.len();
        assert_eq!(kept, all[..kept.len()], "{cut}");
        assert!(recover(&*file).expect("a file").is_none(), "finished now: {cut}");
        if last == all.len() {
            assert_eq!(file.len(), finished.len(), "as if nothing had happened: {cut}");
        }
    }
    assert_eq!(last, all.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_frames_are_read_back(
        frames in prop::collection::vec(
            (0_usize..2, 0_u64..3_000, any::<bool>(), prop::collection::vec(any::<u8>(), 1..50)), 0..80,
        ),
    ) {
        let mut writer = Writer::new(&header(&[Codec::Vp9, Codec::Opus]));
        let (mut at, mut expected, mut file) = (0, Vec::new(), Vec::new());
        for (track, step, key, data) in frames {
            at += step;
            writer.frame(track, Millis(at), Millis(0), key, &data).expect("in order");
            expected.push((track as u64 + 1, Millis(at), key, data));
            apply(&mut file, writer.take_changes());
        }
        prop_assert_eq!(short(&blocks_or_none(&file)), expected.clone());
        writer.finish(&[]);
        apply(&mut file, writer.take_changes());
        prop_assert_eq!(short(&blocks_or_none(&file)), expected);
    }

    /// Whatever a file holds, reading it ends and takes no more memory than it is long.
    #[test]
    fn spoilt_files_are_read_to_an_end(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (mut file, _) = made_up(&[Codec::Vp8, Codec::Opus], 40, true);
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        for bytes in [&file, &noise] {
            if let Ok(mut reader) = Reader::open(&**bytes) {
                let mut items = 0;
                while reader.next_item().expect("memory can be read").is_some() {
                    items += 1;
                    prop_assert!(items <= bytes.len());
                }
                prop_assert!(reader.whole_until() <= bytes.len() as u64);
            }
            if let Ok(Some(mut recovered)) = recover(&**bytes) {
                recovered.writer.finish(&[]);
                recovered.writer.take_changes();
            }
        }
    }
}

fn blocks_or_none(file: &[u8]) -> Vec<Block> {
    if file.is_empty() { Vec::new() } else { blocks(file) }
}
