import { describe, expect, test } from 'vitest';
import { cleaned, same, written, type Notes } from './notes';

describe('notes for the release', () => {
  test('what is empty is left out, and blanks around texts', () => {
    const notes: Notes = {
      headline: { en: ' A new era ', ru: '  ' },
      thanks: null,
      outlook: { en: '' },
      parties: { kcfr: { en: 'the Council (KCFR)' }, embassy: { en: ' ' } },
      people: {
        kazi: { gender: 'masculine', surname: { en: 'Kazi' }, title: null },
        ganich: { gender: 'unspecified', address: { en: '' } },
      },
    };
    expect(cleaned(notes)).toEqual({
      headline: { en: 'A new era' },
      parties: { kcfr: { en: 'the Council (KCFR)' } },
      people: { kazi: { gender: 'masculine', surname: { en: 'Kazi' } } },
    });
    expect(cleaned({})).toEqual({});
  });

  test('order and emptiness make no difference, words do', () => {
    const one: Notes = { thanks: { en: 'T', ru: 'C' }, headline: { en: 'H' } };
    expect(same(one, { headline: { en: 'H' }, thanks: { ru: 'C', en: 'T ' }, contact: { en: '' } })).toBe(true);
    expect(same(one, { ...one, headline: written(one.headline, 'en', 'Another') })).toBe(false);
  });

  test('a wording in one language leaves the others', () => {
    expect(written({ en: 'H', ru: 'З' }, 'en', 'N')).toEqual({ en: 'N', ru: 'З' });
    expect(written(null, 'ur', 'س')).toEqual({ ur: 'س' });
  });
});
