import { describe, expect, test } from 'vitest';
import {
  badForms,
  BEHIND_MS,
  EMPTY,
  ended,
  expanded,
  read,
  readForms,
  settled,
  span,
  speakerOf,
  step,
  typed,
  WAITING_MAX,
  writeForms,
  written,
  type Surroundings,
  type Typing,
} from './typing';

const at = (now: number, since = 0): Surroundings => ({
  now,
  since,
  person: 'ganich',
  language: 'en',
  interpreted_from: null,
});

/** Types a text from one moment on and ends it at another. */
const line = (typing: Typing, text: string, from: number, to: number, since = 0): Typing =>
  ended(typed(typing, text, at(from, since)), at(to, since));

describe('a line', () => {
  test('was said somewhat before it was typed', () => {
    const { waiting, text } = line(EMPTY, ' Thank  you. ', 10_000, 14_000);
    expect(text).toBe('');
    expect(waiting[0]?.line).toEqual({
      do: 'commit-transcript-line',
      person: 'ganich',
      start: 10_000 - BEHIND_MS,
      end: 14_000 - BEHIND_MS,
      language: 'en',
      interpreted_from: null,
      text: 'Thank you.',
    });
  });
  test('does not begin before the one before it ended, nor under another status', () => {
    const two = line(line(EMPTY, 'one', 10_000, 14_000), 'two', 12_500, 16_000);
    expect(two.waiting.map(({ line: { start, end } }) => [start, end])).toEqual([
      [8_000, 12_000],
      [12_000, 14_000],
    ]);
    const after = line(two, 'three', 20_000, 24_000, 19_500);
    expect(after.waiting.at(-1)?.line.start).toBe(19_500);
  });
  test('always has some length and is not over in the future', () => {
    for (const [began, last, now, since] of [
      [10, 0, 10, 0],
      [1_000, 990, 1_001, 1_000],
      [5_000, 5_000, 5_001, 5_001],
      [0, 0, 500_000, 0],
    ] as const) {
      const [start, end] = span(began, last, { now, since });
      expect(end).toBeGreaterThan(start);
      expect(end).toBeLessThanOrEqual(now);
      expect(end - start).toBeLessThanOrEqual(60_000);
    }
  });
  test('begins with its first letter, not with its last', () => {
    const some = typed(typed(EMPTY, 'T', at(1_000)), 'Th', at(9_000));
    expect(some.began).toBe(1_000);
    expect(typed(some, '', at(9_500)).began).toBeNull();
    expect(ended(typed(EMPTY, '   ', at(1)), at(2)).waiting).toEqual([]);
  });
  test('that is full ends at its last space', () => {
    const long = 'word '.repeat(50);
    const next = typed(EMPTY, long, at(50_000));
    expect(next.waiting).toHaveLength(1);
    expect(`${next.waiting[0]?.line.text} ${next.text}`.replace(/\s+/g, ' ').trim()).toBe(long.trim());
    const wordless = typed(EMPTY, 'x'.repeat(900), at(50_000));
    expect(wordless.waiting.map((sent) => sent.line.text).join('') + wordless.text).toBe('x'.repeat(900));
  });
  test('is kept until it is acknowledged, also over a new page', () => {
    let typing = line(line(EMPTY, 'one', 1_000, 4_000), 'two', 5_000, 8_000);
    typing = typed(typing, 'three', at(9_000));
    const again = read(written(typing));
    expect(again).toEqual(typing);
    const first = again.waiting[0]?.key ?? 0;
    expect(settled(again, first).waiting.map((sent) => sent.line.text)).toEqual(['two']);
    for (const bad of [null, '', '{', '[]', '{"text":3}', '{"text":"a","waiting":[{"line":{}},7]}']) {
      expect(read(bad).waiting).toEqual([]);
    }
  });
  test('stays in the field when too many wait', () => {
    let typing = EMPTY;
    for (let n = 0; n < WAITING_MAX + 5; n += 1) typing = line(typing, `line ${n}`, n * 5_000, n * 5_000 + 3_000);
    expect(typing.waiting).toHaveLength(WAITING_MAX);
    expect(typing.text).toBe(`line ${WAITING_MAX + 4}`);
  });
});

describe('a short form', () => {
  const forms = readForms('sco = Shanghai Cooperation Organisation\nшос = Шанхайская организация сотрудничества\nсип=CPEC');
  test.each([
    ['The sco ', 'The Shanghai Cooperation Organisation '],
    ['SCO.', 'Shanghai Cooperation Organisation.'],
    ['о шос, ', 'о Шанхайская организация сотрудничества, '],
    ['sco', 'sco'],
    ['disco ', 'disco '],
    ['the sco of', 'the sco of'],
    ['', ''],
    [' ', ' '],
  ])('%j becomes %j', (text, wanted) => expect(expanded(text, forms)).toBe(wanted));
  test('is read and written', () => {
    expect(readForms(writeForms(forms))).toEqual(forms);
    const text = 'a b = c\n= d\nok = fine\n\nalone';
    expect(readForms(text)).toEqual([{ short: 'ok', long: 'fine' }]);
    expect(badForms(text)).toBe(3);
  });
});

test('the speaker is the one chosen, who has the floor, or who is heard alone', () => {
  expect(speakerOf('kazi', 'ganich', new Set(), null)).toBe('kazi');
  expect(speakerOf(null, 'ganich', new Set(['kazi']), null)).toBe('ganich');
  expect(speakerOf(null, null, new Set(['kazi']), 'ganich')).toBe('kazi');
  expect(speakerOf(null, null, new Set(['kazi', 'sehgal']), 'ganich')).toBe('ganich');
});

test('arrows go from line to line and come back to the field', () => {
  expect(step([3, 5, 9], null, -1)).toBe(9);
  expect(step([3, 5, 9], 5, -1)).toBe(3);
  expect(step([3, 5, 9], 3, -1)).toBe(3);
  expect(step([3, 5, 9], 5, 1)).toBe(9);
  expect(step([3, 5, 9], 9, 1)).toBeNull();
  expect(step([], null, -1)).toBeNull();
});
