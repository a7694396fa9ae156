import { describe, expect, it } from 'vitest';
import {
  digestOf,
  moved,
  numberOf,
  oneLine,
  placeOf,
  problemsAt,
  withoutParagraph,
  withParagraph,
  withRun,
  withText,
  type Problem,
  type ReleaseDocument,
} from './document';

const TEXT =
  '{"form":1,"event":"talk","dated":"2021-02-09","original":"en","about":{"title":{"en":"Talk"},"opened":0,"time_zone":"UTC"},' +
  '"statements":[{"id":7,"segment":"s","speaker":"a","span":{"start":1,"end":2}},{"id":9,"segment":"s","speaker":null,"span":null}],' +
  '"versions":{"en":{"blocks":[{"part":"headline","runs":[{"text":"Talk","source":{"fact":"subject"}}]},' +
  '{"part":"intervention","segment":"s","runs":[{"text":"A said so.","source":{"statement":7}},{"text":"B held so.","source":{"statement":9}}]}]}}}';
const release = (): ReleaseDocument => JSON.parse(TEXT) as ReleaseDocument;
const texts = (document: ReleaseDocument): string[][] =>
  (document.versions['en']?.blocks ?? []).map(({ runs }) => runs.map(({ text }) => text));

describe('an edited release', () => {
  it('stays the same bytes where nothing changed, for its hash is approved', () => {
    const same = withText(release(), { language: 'en', block: 1, run: 0 }, ' A said  so.\n');
    expect(JSON.stringify(same)).toBe(TEXT);
  });

  it('keeps what a reworded sentence goes back to, and its number', () => {
    const edited = withText(release(), { language: 'en', block: 1, run: 1 }, 'B stressed so.');
    expect(texts(edited)[1]).toEqual(['A said so.', 'B stressed so.']);
    expect(edited.versions['en']?.blocks[1]?.runs[1]?.source).toEqual({ statement: 9 });
    expect([numberOf(edited, 7), numberOf(edited, 9), numberOf(edited, 1)]).toEqual([1, 2, null]);
    expect(texts(release())[1]).toEqual(['A said so.', 'B held so.']);
  });

  it('cites no statement that no version reports', () => {
    const without = withText(release(), { language: 'en', block: 1, run: 0 }, '  ');
    expect(without.statements.map(({ id }) => id)).toEqual([9]);
    const empty = withText(without, { language: 'en', block: 1, run: 0 }, '');
    expect(texts(empty)).toEqual([['Talk']]);
    expect(empty.statements).toEqual([]);
  });

  it('takes new sentences and paragraphs, bound to nothing, and none that is empty', () => {
    const added = withParagraph(withRun(release(), 'en', 1, 'And more.'), 'en', 1, 'Before.');
    expect(texts(added)).toEqual([['Talk'], ['Before.'], ['A said so.', 'B held so.', 'And more.']]);
    expect(added.versions['en']?.blocks[1]).toEqual({ part: 'paragraph', runs: [{ text: 'Before.', source: 'unbound' }] });
    expect(withRun(release(), 'en', 1, ' ')).toEqual(release());
    expect(texts(moved(added, 'en', 1, 1))).toEqual([['Talk'], ['A said so.', 'B held so.', 'And more.'], ['Before.']]);
    expect(moved(added, 'en', 0, -1)).toEqual(added);
    expect(texts(withoutParagraph(added, 'en', 1))).toEqual(texts(withRun(release(), 'en', 1, 'And more.')));
  });

  it('has no line breaks and control letters', () => {
    expect(oneLine(' a\u0000\n\tb  c\u00a0d\u2028e ')).toBe('a b c\u00a0d e');
  });
});

describe('a problem', () => {
  const reworded: Problem = {
    problem: 'reworded',
    statement: 9,
    text: { language: 'en', at: { block: 1, run: 1 }, text: 'x', digest: 'd' },
  };
  const named: Problem = { problem: 'named', language: 'en', block: 1 };

  it('leads to its place', () => {
    expect(placeOf(release(), reworded)).toEqual({ language: 'en', block: 1, run: 1 });
    expect(placeOf(release(), named)).toEqual({ language: 'en', block: 1, run: null });
    expect(placeOf(release(), { problem: 'not-cleared', statement: 9 })).toEqual({ language: 'en', block: 1, run: 1 });
    expect(placeOf(release(), { problem: 'missing-version', language: 'ru' })).toBeNull();
  });

  it('marks its sentence, or every sentence of its paragraph', () => {
    expect(problemsAt(release(), [reworded, named], 'en', 1, 0)).toEqual([named]);
    expect(problemsAt(release(), [reworded, named], 'en', 1, 1)).toEqual([reworded, named]);
    expect(problemsAt(release(), [reworded, named], 'ru', 1, 1)).toEqual([]);
  });

  it('is accepted by the hash that the server computes', async () => {
    // printf 'en\nunbound\nMore.' | sha256sum
    const hash = await digestOf('en', { text: 'More.', source: 'unbound' });
    expect(hash).toBe('29f6310f35da1c1d013d2f0779f2b2e245ba0177f6cddbd79b68ea05bda89271');
    const bound = await digestOf('en', { text: 'More.', source: { statement: 7 } });
    expect(bound).toBe('81ad0e56580f5c88971399a9e49e92c1854ce7615b55c17917279c3d56a1df31');
  });
});
