import { describe, expect, test } from 'vitest';
import type { RecordingsView, Run, Statement, TranscriptLine } from '../../api/types';
import { deskKey } from './keys';
import { beginMark, endMark, lineAt, passageOfLines } from './marking';
import { extent, pieceAfter, pieceAt, pieces, shuttle, sources, type Shuttle, type ShuttleKey } from './sound';
import { draftOf, edits, languagesOf } from './wording';

const line = (id: number, start: number, end: number, more: Partial<TranscriptLine> = {}): TranscriptLine => ({
  id,
  segment: 'talk',
  person: 'ganich',
  start,
  end,
  language: 'en',
  interpreted_from: null,
  text: `line ${id}`,
  struck: false,
  changed: id,
  ...more,
});

const runs: Run[] = [
  { segment: 'talk', status: 'on-the-record', from: 10_000, until: 60_000 },
  { segment: 'questions', status: 'chatham-house-rule', from: 90_000, until: null },
];
const lines = [line(1, 20_000, 25_000), line(2, 25_000, 31_000), line(3, 40_000, 44_000, { person: 'kazi' })];

describe('a mark', () => {
  test('begins with the running line', () => {
    expect(beginMark(28_000, lines, runs)).toEqual({ start: 25_000, speaker: 'ganich', language: 'en' });
  });
  test('begins with the line that ended a breath ago', () => {
    expect(beginMark(45_000, lines, runs)?.start).toBe(40_000);
  });
  test('reaches back eight seconds where no line runs, but not before the segment', () => {
    expect(beginMark(50_000, lines, runs)).toEqual({ start: 42_000, speaker: null, language: null });
    expect(beginMark(12_000, [], runs)?.start).toBe(10_000);
    expect(beginMark(95_000, [], runs)?.start).toBe(90_000);
  });
  test('does not begin off the record', () => {
    expect(beginMark(70_000, lines, runs)).toBeNull();
    expect(beginMark(5_000, lines, runs)).toBeNull();
  });
  test('ends with the running line, or at the press, and within its segment', () => {
    const open = { start: 25_000, speaker: 'ganich', language: 'en' };
    expect(endMark(open, 30_000, lines, runs)?.end).toBe(31_000);
    expect(endMark(open, 35_000, lines, runs)?.end).toBe(35_000);
    expect(endMark(open, 80_000, lines, runs)?.end).toBe(60_000);
  });
  test('is no passage where it ends before it began', () => {
    expect(endMark({ start: 50_000, speaker: null, language: null }, 45_500, [], runs)).toBeNull();
  });
  test('takes lines in whichever order they were chosen', () => {
    const passage = { start: 20_000, end: 31_000, speaker: 'ganich', language: 'en' };
    expect(passageOfLines(lines, 1, 2)).toEqual(passage);
    expect(passageOfLines(lines, 2, 1)).toEqual(passage);
    expect(passageOfLines(lines, 1, 9)).toBeNull();
  });
  test('knows no struck line and no interpreter', () => {
    const other = [line(1, 0, 5_000, { struck: true }), line(2, 0, 5_000, { interpreted_from: 'ru' })];
    expect(lineAt(other, 2_000)).toBeNull();
  });
});

const recordings: RecordingsView = {
  programme: [
    {
      url: '/p.mp4?ticket=1',
      status: 'on-the-record',
      duration: 30_000,
      spans: [
        { at: 0, began_at: 1_000_000 },
        { at: 10_000, began_at: 1_100_000 },
      ],
    },
    { url: '/q.mp4', status: 'on-the-record', duration: null, spans: [{ at: 0, began_at: 1_200_000 }] },
  ],
  takes: [
    { url: '/b', person: 'kazi', kind: 'microphone', codec: 'opus', status: 'on-the-record', began_at: 1_050_000, duration: 5_000 },
    { url: '/a', person: 'ganich', kind: 'microphone', codec: 'opus', status: 'on-the-record', began_at: 1_000_000, duration: 9_000 },
    { url: '/c', person: 'ganich', kind: 'camera', codec: 'vp8', status: 'on-the-record', began_at: 1_000_000, duration: 9_000 },
  ],
  store: null,
};

describe('the sound', () => {
  test('can be heard from the programme or from a microphone', () => {
    expect(sources(recordings)).toEqual(['programme', 'person:ganich', 'person:kazi']);
  });
  test('of a moment is in the stretch that holds it, at its place in the file', () => {
    const all = pieces(recordings, 'programme');
    expect(pieceAt(all, 1_005_000)).toMatchObject({ url: '/p.mp4?ticket=1', from: 1_000_000, at: 0 });
    expect(pieceAt(all, 1_105_000)).toMatchObject({ from: 1_100_000, at: 10_000, until: 1_120_000 });
    expect(pieceAt(all, 1_050_000)).toBeNull();
    expect(pieceAt(all, 9_000_000)).toMatchObject({ url: '/q.mp4', until: null });
    expect(pieceAfter(all, 1_050_000)).toMatchObject({ from: 1_100_000 });
    expect(pieces(recordings, 'person:ganich')).toHaveLength(1);
  });
  test('spans from the first run to the last', () => {
    expect(extent(runs, 120_000)).toEqual({ from: 10_000, until: 120_000 });
    expect(extent([], 5)).toBeNull();
  });
});

const still: Shuttle = { playing: false, rate: 1 };
test.each<[Shuttle, ShuttleKey, Shuttle, number]>([
  [still, 'toggle', { playing: true, rate: 1 }, 0],
  [{ playing: true, rate: 1.5 }, 'toggle', still, 0],
  [still, 'faster', { playing: true, rate: 1 }, 0],
  [{ playing: true, rate: 1 }, 'faster', { playing: true, rate: 1.25 }, 0],
  [{ playing: true, rate: 2 }, 'faster', { playing: true, rate: 2 }, 0],
  [{ playing: true, rate: 1.5 }, 'slower', { playing: true, rate: 1.25 }, 0],
  [{ playing: true, rate: 1 }, 'slower', { playing: true, rate: 1 }, -2_000],
  [still, 'slower', still, -2_000],
  [{ playing: true, rate: 2 }, 'stop', still, 0],
  [still, 'on-10', still, 10_000],
  [{ playing: true, rate: 2 }, 'back-10', { playing: true, rate: 2 }, -10_000],
])('shuttle: %j, %s', (now, key, next, jump) => {
  expect(shuttle(now, key)).toEqual({ next, jump });
});

const pressed = (key: string, more = {}) => ({
  key, code: '', ctrlKey: false, altKey: false, metaKey: false, shiftKey: false, repeat: false, isComposing: false, ...more,
});
test('keys go by letter, and by place where the layout is another', () => {
  expect(deskKey(pressed('m'))).toBe('mark');
  expect(deskKey(pressed('ь', { code: 'KeyM' }))).toBe('mark');
  expect(deskKey(pressed(' '))).toBe('toggle');
  expect(deskKey(pressed('ArrowLeft', { shiftKey: true }))).toBe('back-10');
  expect(deskKey(pressed('ArrowRight', { repeat: true }))).toBe('on-2');
  expect(deskKey(pressed('m', { repeat: true }))).toBeNull();
  expect(deskKey(pressed('m', { ctrlKey: true }))).toBeNull();
  expect(deskKey(pressed('q', { code: 'KeyM' }))).toBeNull();
});

describe('the editor sends', () => {
  const statement: Statement = {
    id: 1,
    segment: 'talk',
    speaker: 'ganich',
    start: 1,
    end: 2,
    language: 'en',
    verb: 'stated',
    wordings: { en: { form: 'indirect', text: 'that it is so' }, ru: { form: 'verbatim', text: 'Да', corrected_by_ear: true } },
    revision: 3,
    life: { is: 'drafted' },
    changed: 9,
  };
  const drafts = () => ({ en: draftOf(statement.wordings['en']), ru: draftOf(statement.wordings['ru']), ur: draftOf(undefined) });
  test('nothing where nothing changed', () => {
    expect(edits(statement, 'stated', drafts())).toEqual([]);
    expect(edits(statement, null, { en: { form: 'indirect', text: ' that it is so ', corrected_by_ear: true } })).toEqual([]);
  });
  test('what changed, and null for what was emptied', () => {
    expect(edits(statement, 'noted', { ...drafts(), en: { form: 'verbatim', text: 'It is so', corrected_by_ear: false }, ru: { form: 'verbatim', text: ' ', corrected_by_ear: true } })).toEqual([
      { change: 'verb', verb: 'noted' },
      { change: 'wording', language: 'en', wording: { form: 'verbatim', text: 'It is so', corrected_by_ear: false } },
      { change: 'wording', language: 'ru', wording: null },
    ]);
  });
  test('in the language spoken first', () => {
    expect(languagesOf({ ...statement, language: 'ur' }, ['en', 'ru'])).toEqual(['ur', 'en', 'ru']);
  });
});
