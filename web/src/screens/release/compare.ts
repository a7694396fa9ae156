/** What changed between two versions of the release: paragraph by paragraph, word by word. */
import type { Language } from '../../api/types';
import type { Block, Part, ReleaseDocument } from './document';

export type Piece = { kind: 'same' | 'gone' | 'new'; text: string };

export type Change =
  | { kind: 'changed'; part: Part; pieces: Piece[] }
  | { kind: 'new' | 'gone'; part: Part; text: string }
  /** Other paragraphs now, or other sources, and the same words. */
  | { kind: 'moved'; part: Part; text: string };

/** Longest texts that are compared word by word; the table of longer ones would have millions of cells. */
const WORDS_MAX = 1_500;

/** Paragraphs that have less than this in common are two, not one that was changed. */
const LIKE_MIN = 0.4;

/** The changes of every language that has any. */
export function compare(before: ReleaseDocument, after: ReleaseDocument): [Language, Change[]][] {
  const languages = [...new Set([...Object.keys(before.versions), ...Object.keys(after.versions)])];
  return languages.flatMap((language) => {
    const blocks = (of: ReleaseDocument): Block[] => of.versions[language]?.blocks ?? [];
    const changes = changesOf(blocks(before), blocks(after));
    return changes.length === 0 ? [] : [[language, changes] as [Language, Change[]]];
  });
}

const textOf = (block: Block): string => block.runs.map(({ text }) => text).join(' ');

export function changesOf(before: readonly Block[], after: readonly Block[]): Change[] {
  const [old, now] = [before.map(textOf), after.map(textOf)];
  const changes: Change[] = [];
  const gone: number[] = [];
  let [i, j] = [0, 0];
  /** What was dropped and added between two paragraphs that stayed: pairs that are alike are one. */
  const between = (toOld: number, toNew: number): void => {
    const added = [];
    for (; j < toNew; j++) added.push(j);
    const dropped: number[] = [];
    for (; i < toOld; i++) dropped.push(i);
    for (const at of added) {
      const [block, text] = [after[at] as Block, now[at] as string];
      const like = dropped.find((other) => before[other]?.part === block.part && alike(old[other] as string, text));
      if (like === undefined) {
        changes.push({ kind: 'new', part: block.part, text });
        continue;
      }
      for (const earlier of dropped.splice(0, dropped.indexOf(like) + 1)) {
        if (earlier !== like) gone.push(changes.push(dropping(before, earlier)) - 1);
      }
      changes.push({ kind: 'changed', part: block.part, pieces: words(old[like] as string, text) });
    }
    for (const at of dropped) gone.push(changes.push(dropping(before, at)) - 1);
  };
  for (const [a, b] of common(old, now)) {
    between(a, b);
    [i, j] = [a + 1, b + 1];
  }
  between(old.length, now.length);
  return settled(changes, gone);
}

function dropping(before: readonly Block[], at: number): Change {
  const block = before[at] as Block;
  return { kind: 'gone', part: block.part, text: textOf(block) };
}

/** A paragraph that went in one place and came in another was moved. */
function settled(changes: Change[], gone: readonly number[]): Change[] {
  const out: (Change | null)[] = [...changes];
  for (const at of gone) {
    const one = changes[at];
    if (one?.kind !== 'gone') continue;
    const to = out.findIndex((other) => other?.kind === 'new' && other.text === one.text);
    if (to < 0) continue;
    out[to] = { kind: 'moved', part: one.part, text: one.text };
    out[at] = null;
  }
  return out.filter((change) => change !== null);
}

/** The words of two texts, with what went and what came. */
export function words(before: string, after: string): Piece[] {
  const [old, now] = [split(before), split(after)];
  if (old.length > WORDS_MAX || now.length > WORDS_MAX) {
    return [
      { kind: 'gone', text: before },
      { kind: 'new', text: after },
    ];
  }
  const pieces: Piece[] = [];
  const push = (kind: Piece['kind'], text: string): void => {
    const last = pieces.at(-1);
    if (last?.kind === kind) last.text += ` ${text}`;
    else pieces.push({ kind, text });
  };
  let [i, j] = [0, 0];
  for (const [a, b] of [...common(old, now), [old.length, now.length] as const]) {
    for (; i < a; i++) push('gone', old[i] as string);
    for (; j < b; j++) push('new', now[j] as string);
    if (a < old.length) push('same', old[a] as string);
    [i, j] = [a + 1, b + 1];
  }
  return pieces;
}

const split = (text: string): string[] => text.split(' ').filter((word) => word !== '');

function alike(one: string, other: string): boolean {
  const [a, b] = [split(one), split(other)];
  if (a.length > WORDS_MAX || b.length > WORDS_MAX) return false;
  return common(a, b).length >= LIKE_MIN * Math.max(a.length, b.length);
}

/** Places of a longest common subsequence, in order. */
function common(one: readonly string[], other: readonly string[]): (readonly [number, number])[] {
  const width = other.length + 1;
  const lengths = new Uint32Array((one.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = one.length - 1; i >= 0; i--) {
    for (let j = other.length - 1; j >= 0; j--) {
      lengths[i * width + j] = one[i] === other[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  let [i, j] = [0, 0];
  while (i < one.length && j < other.length) {
    if (one[i] === other[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}
