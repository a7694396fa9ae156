/**
 * The release document as the desk edits it, and what is wrong with it. The server knows a
 * document by the hash of its bytes, so fields keep the order in which they came and nothing is
 * added (crates/publication/src/release.rs).
 */
import type { Hash, Language, Localized, PersonId, SegmentId, StatementId, Timestamp } from '../../api/types';

/** What a text goes back to. */
export type Source = { statement: StatementId } | { fact: unknown } | 'unbound';

export interface Run {
  text: string;
  source: Source;
}

export type Part =
  | 'letterhead'
  | 'headline'
  | 'deck'
  | 'lede'
  | 'intervention'
  | 'paragraph'
  | 'thanks'
  | 'outlook'
  | 'end-mark'
  | 'boilerplate'
  | 'contact'
  | 'notice'
  | 'prevailing';

export interface Block {
  part: Part;
  segment?: SegmentId;
  runs: Run[];
}

export interface Cited {
  id: StatementId;
  segment: SegmentId;
  speaker: PersonId | null;
  span: { start: number; end: number } | null;
}

export interface ReleaseDocument {
  form: number;
  event: string;
  dated: unknown;
  original: Language;
  about: { title: Localized; opened: Timestamp; time_zone: string; [more: string]: unknown };
  statements: Cited[];
  versions: Record<Language, { blocks: Block[] }>;
}

/** Where a run stands: paragraph and run, both from 0. */
export interface At {
  block: number;
  run: number;
}

export interface Unbound {
  language: Language;
  at: At;
  text: string;
  digest: Hash;
}

/** Why a release may not be issued as it is (publication::Problem). */
export type Problem =
  | { problem: 'other-event' | 'about-changed' }
  | { problem: 'missing-version'; language: Language }
  | { problem: 'missing-statement'; language: Language; statement: StatementId }
  | { problem: 'missing-part'; language: Language; part: Part }
  | { problem: 'not-reportable' | 'not-cleared' | 'statement-changed'; statement: StatementId }
  | { problem: 'unbound' | 'not-the-fact'; text: Unbound }
  | { problem: 'reworded'; statement: StatementId; text: Unbound }
  | { problem: 'misplaced'; language: Language; at: At; statement: StatementId }
  | { problem: 'named'; language: Language; block: number }
  | { problem: 'not-clean'; language: Language; at: At };

/** A place in one language version; without a run it is the whole paragraph. */
export interface Place {
  language: Language;
  block: number;
  run: number | null;
}

export const statementOf = (run: Run): StatementId | null =>
  typeof run.source === 'object' && 'statement' in run.source ? run.source.statement : null;

/** The number that stands beside a statement, from 1; `null` when it is not cited. */
export function numberOf(document: ReleaseDocument, statement: StatementId): number | null {
  const index = document.statements.findIndex((cited) => cited.id === statement);
  return index < 0 ? null : index + 1;
}

/** One line without control letters and marks that turn what follows, as the server wants texts;
 * spaces at which no line ends stay. */
export const oneLine = (text: string): string =>
  text
    .replace(/[\u00ad\ufeff\u202a-\u202e\u2060-\u206f]/g, '')
    .replace(/[^\P{Cc}]|[^\S\u00a0\u202f]/gu, ' ')
    .replace(/ +/g, ' ')
    .replace(/^ | $/g, '');

/** The document with another text in one place. An emptied run goes, and its paragraph with it
 * when nothing is left; a run keeps what it goes back to, and the server says whether it still does. */
export function withText(document: ReleaseDocument, place: Place & { run: number }, text: string): ReleaseDocument {
  const clean = oneLine(text);
  return changed(document, place.language, (blocks) =>
    blocks.flatMap((block, index) => {
      if (index !== place.block) return [block];
      const runs = block.runs.flatMap((run, at) =>
        at !== place.run ? [run] : clean === '' ? [] : [{ ...run, text: clean }],
      );
      return runs.length === 0 ? [] : [{ ...block, runs }];
    }),
  );
}

/** A new sentence at the end of a paragraph. It goes back to nothing. */
export function withRun(document: ReleaseDocument, language: Language, block: number, text: string): ReleaseDocument {
  const run: Run = { text: oneLine(text), source: 'unbound' };
  if (run.text === '') return document;
  return changed(document, language, (blocks) =>
    blocks.map((one, index) => (index === block ? { ...one, runs: [...one.runs, run] } : one)),
  );
}

/** A new paragraph before the one at this place. */
export function withParagraph(
  document: ReleaseDocument,
  language: Language,
  before: number,
  text: string,
): ReleaseDocument {
  const run: Run = { text: oneLine(text), source: 'unbound' };
  if (run.text === '') return document;
  return changed(document, language, (blocks) => [
    ...blocks.slice(0, before),
    { part: 'paragraph', runs: [run] },
    ...blocks.slice(before),
  ]);
}

export function withoutParagraph(document: ReleaseDocument, language: Language, block: number): ReleaseDocument {
  return changed(document, language, (blocks) => blocks.filter((_, index) => index !== block));
}

/** The paragraph one place up or down. */
export function moved(document: ReleaseDocument, language: Language, block: number, by: -1 | 1): ReleaseDocument {
  return changed(document, language, (blocks) => {
    const to = block + by;
    const [one, other] = [blocks[block], blocks[to]];
    if (one === undefined || other === undefined) return blocks;
    return blocks.map((each, index) => (index === block ? other : index === to ? one : each));
  });
}

/** Where to look for a problem; `null` when it is not in the text. */
export function placeOf(document: ReleaseDocument, problem: Problem): Place | null {
  switch (problem.problem) {
    case 'unbound':
    case 'not-the-fact':
    case 'reworded':
      return { language: problem.text.language, ...problem.text.at };
    case 'misplaced':
    case 'not-clean':
      return { language: problem.language, ...problem.at };
    case 'named':
      return { language: problem.language, block: problem.block, run: null };
    case 'not-reportable':
    case 'not-cleared':
    case 'statement-changed':
      return findStatement(document, problem.statement);
    default:
      return null;
  }
}

/** The digest by which a text is accepted, if the problem is one of those that can be. */
export const acceptable = (problem: Problem): Unbound | null => ('text' in problem ? problem.text : null);

/** Problems of one run, or of a whole paragraph. */
export function problemsAt(
  document: ReleaseDocument,
  problems: readonly Problem[],
  language: Language,
  block: number,
  run: number,
): Problem[] {
  return problems.filter((problem) => {
    const place = placeOf(document, problem);
    return place?.language === language && place.block === block && (place.run === null || place.run === run);
  });
}

/** The hash by which the server knows a text that somebody answers for (publication::check). */
export async function digestOf(language: Language, run: Run): Promise<Hash> {
  const statement = statementOf(run);
  const binding = run.source === 'unbound' ? 'unbound' : statement === null ? 'fact' : `statement ${statement}`;
  const bytes = new TextEncoder().encode(`${language}\n${binding}\n${run.text}`);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function findStatement(document: ReleaseDocument, statement: StatementId): Place | null {
  const languages = [document.original, ...Object.keys(document.versions)];
  for (const language of languages) {
    const blocks = document.versions[language]?.blocks ?? [];
    for (const [block, { runs }] of blocks.entries()) {
      const run = runs.findIndex((one) => statementOf(one) === statement);
      if (run >= 0) return { language, block, run };
    }
  }
  return null;
}

/** Changes one version; statements that no version reports any more are not cited any more. */
function changed(
  document: ReleaseDocument,
  language: Language,
  change: (blocks: Block[]) => Block[],
): ReleaseDocument {
  const version = document.versions[language];
  if (version === undefined) return document;
  const versions = { ...document.versions, [language]: { ...version, blocks: change(version.blocks) } };
  const runs = Object.values(versions).flatMap(({ blocks }) => blocks.flatMap((block) => block.runs));
  const used = new Set(runs.map(statementOf));
  return { ...document, statements: document.statements.filter(({ id }) => used.has(id)), versions };
}
