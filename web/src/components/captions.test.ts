import { describe, expect, test } from 'vitest';
import type { CaptionLine, PartialCaption } from '../api/types';
import { chosenLanguage, DEFAULT_WISHES, follow, fresh, KEPT_MAX, partialsOf, passages, readWishes, type Kept } from './captions';

const line = (id: number, text: string, language = 'en', person: string | null = 'ganich'): CaptionLine => ({
  id,
  person,
  start: id * 1000,
  end: id * 1000 + 900,
  language,
  interpreted_from: null,
  text,
});
const on = 'on-the-record';
const texts = (kept: readonly Kept[]): string[] => kept.map(({ text }) => text);

describe('lines that came', () => {
  const first = follow([], { lines: [line(1, 'a'), line(2, 'b'), line(3, 'c')] }, 'talk', on);
  test('are kept when newer ones push them out of the section', () => {
    const next = follow(first, { lines: [line(2, 'b'), line(3, 'c'), line(4, 'd')] }, 'talk', on);
    expect(texts(next)).toEqual(['a', 'b', 'c', 'd']);
  });
  test('are corrected in their place, and leave when they are struck out', () => {
    const next = follow(first, { lines: [line(1, 'a'), line(3, 'C')] }, 'talk', on);
    expect(texts(next)).toEqual(['a', 'C']);
    expect(texts(follow(first, { lines: [] }, 'talk', on))).toEqual([]);
  });
  test('stay when the next segment begins, and while nothing is on the record', () => {
    expect(texts(follow(first, { lines: [line(4, 'd')] }, 'questions', on))).toEqual(['a', 'b', 'c', 'd']);
    expect(texts(follow(first, { lines: [] }, 'talk', 'off-the-record'))).toEqual(['a', 'b', 'c']);
  });
  test('of another language are not taken for struck ones', () => {
    const mixed = follow(first, { lines: [line(1, 'a'), line(2, 'b'), line(3, 'c'), line(4, 'г', 'ru')] }, 'talk', on);
    expect(texts(mixed)).toEqual(['a', 'b', 'c', 'г']);
  });
  test('are bounded', () => {
    let kept: Kept[] = [];
    for (let id = 1; id < KEPT_MAX + 50; id += 1) kept = follow(kept, { lines: [line(id, 'x')] }, `s${id}`, on);
    expect(kept.length).toBe(KEPT_MAX);
  });
  test('stand together by speaker', () => {
    const kept = follow([], { lines: [line(1, 'a'), line(2, 'b'), line(3, 'c', 'en', 'kazi'), line(4, 'г', 'ru')] }, 's', on);
    expect(passages(kept, 'en').map(({ person, lines }) => [person, lines.length])).toEqual([
      ['ganich', 2],
      ['kazi', 1],
    ]);
  });
  test('are taken from the picture some time after they ended', () => {
    expect(texts(fresh(first, 'en', 4_000))).toEqual(['a', 'b', 'c']);
    expect(texts(fresh(first, 'en', 33_000))).toEqual(['c']);
    expect(texts(fresh(first, 'ru', 4_000))).toEqual([]);
  });
});

test('a captioner’s words go before the recogniser’s', () => {
  const partial = (source: PartialCaption['source'], language: string): PartialCaption => ({
    language,
    person: null,
    source,
    text: source,
  });
  const both = [partial('recogniser', 'en'), partial('captioner', 'en'), partial('recogniser', 'ru')];
  expect(partialsOf(both, 'en').map(({ text }) => text)).toEqual(['captioner']);
  expect(partialsOf(both, 'ru').map(({ text }) => text)).toEqual(['recogniser']);
});

test('wishes that are not understood are as usual', () => {
  for (const saved of [null, '', 'nonsense', '[]', '3', '{"size":"huge","place":7,"announced":"yes"}']) {
    expect(readWishes(saved)).toEqual(DEFAULT_WISHES);
  }
  const own = { language: 'ur', size: 'largest', look: 'picture', place: 'over-top', announced: true };
  expect(readWishes(JSON.stringify(own))).toEqual(own);
});

test('the language is the wish, else one’s own, else the floor’s', () => {
  expect(chosenLanguage('ru', 'ur', ['en', 'ru', 'ur'])).toBe('ru');
  expect(chosenLanguage('fr', 'ur', ['en', 'ru', 'ur'])).toBe('ur');
  expect(chosenLanguage(null, 'fr', ['en', 'ru'])).toBe('en');
});
