import { describe, expect, test } from 'vitest';
import { changesOf, compare, words } from './compare';
import type { Block, Part, ReleaseDocument } from './document';

const block = (text: string, part: Part = 'intervention'): Block => ({
  part,
  runs: text.split('|').map((one) => ({ text: one, source: 'unbound' as const })),
});

describe('comparing versions', () => {
  test('words are marked where they changed', () => {
    expect(words('He hoped for new avenues.', 'He hoped for many new ways.')).toEqual([
      { kind: 'same', text: 'He hoped for' },
      { kind: 'new', text: 'many' },
      { kind: 'same', text: 'new' },
      { kind: 'gone', text: 'avenues.' },
      { kind: 'new', text: 'ways.' },
    ]);
    expect(words('', 'All new')).toEqual([{ kind: 'new', text: 'All new' }]);
    expect(words('Same words', 'Same words')).toEqual([{ kind: 'same', text: 'Same words' }]);
  });

  test('a paragraph is changed, added, dropped or moved', () => {
    const before = [block('The headline', 'headline'), block('A one two three four.'), block('B stays.'), block('C goes entirely.')];
    const after = [block('The headline', 'headline'), block('A one two|three five.'), block('B stays.'), block('D is another thing altogether.')];
    expect(changesOf(before, after)).toEqual([
      {
        kind: 'changed',
        part: 'intervention',
        pieces: [
          { kind: 'same', text: 'A one two three' },
          { kind: 'gone', text: 'four.' },
          { kind: 'new', text: 'five.' },
        ],
      },
      { kind: 'new', part: 'intervention', text: 'D is another thing altogether.' },
      { kind: 'gone', part: 'intervention', text: 'C goes entirely.' },
    ]);
    expect(changesOf(before, before)).toEqual([]);
    const [a, b, c] = [block('A first.'), block('B second.'), block('C third.')];
    expect(changesOf([a, b, c], [b, c, a])).toEqual([{ kind: 'moved', part: 'intervention', text: 'A first.' }]);
    expect(changesOf([], [a])).toEqual([{ kind: 'new', part: 'intervention', text: 'A first.' }]);
    expect(changesOf([a], [])).toEqual([{ kind: 'gone', part: 'intervention', text: 'A first.' }]);
  });

  test('only languages with changes are told, also new ones', () => {
    const release = (versions: Record<string, Block[]>): ReleaseDocument => ({
      form: 1,
      event: 'rpr',
      dated: null,
      original: 'en',
      about: { title: { en: 'T' }, opened: 0, time_zone: 'UTC' },
      statements: [],
      versions: Object.fromEntries(Object.entries(versions).map(([language, blocks]) => [language, { blocks }])),
    });
    const before = release({ en: [block('One.')], ru: [block('Один.')] });
    const after = release({ en: [block('One.')], ru: [block('Два.')], ur: [block('ایک')] });
    expect(compare(before, after).map(([language]) => language)).toEqual(['ru', 'ur']);
  });
});
