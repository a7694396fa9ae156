/**
 * Places in the record. A moment is counted from the opening of the event; a file of the recording
 * has stretches without a break, each with its place in the file and in time.
 */

/** Where a stretch begins in its file, and when it began and ended, in milliseconds. */
export type Stretch = readonly [at: number, start: number, end: number];

/** So long after the moment asked for the recording may begin and still be its place. */
const GAP_MS_MAX = 5_000;

/** The file and the place in it that a moment lies in; where nothing was recorded, what follows. */
export function locate(files: readonly (readonly Stretch[])[], moment: number): { file: number; at: number } | null {
  let next: { file: number; at: number; start: number } | null = null;
  for (const [file, stretches] of files.entries()) {
    for (const [at, start, end] of stretches) {
      if (moment >= end) continue;
      if (moment >= start - GAP_MS_MAX) return { file, at: at + Math.max(0, moment - start) };
      if (next === null || start < next.start) next = { file, at, start };
    }
  }
  return next && { file: next.file, at: next.at };
}

/** The moment at a place of a file. */
export function momentAt(stretches: readonly Stretch[], at: number): number {
  const stretch = stretches.findLast(([begins]) => begins <= at) ?? stretches[0];
  return stretch === undefined ? 0 : Math.min(stretch[1] + Math.max(0, at - stretch[0]), stretch[2]);
}

/** The moment of an address that ends in `#t=72.5` or `#t=72.5,80`. */
export function momentOf(fragment: string): number | null {
  const [, seconds] = /^#t=(\d{1,7}(?:\.\d{1,3})?)(?:,\d{1,7}(?:\.\d{1,3})?)?$/.exec(fragment) ?? [];
  return seconds === undefined ? null : Math.round(Number(seconds) * 1_000);
}

/** Where each of the words wanted stands in a text, in any letter case. */
export function places(text: string, wanted: string): [from: number, to: number][] {
  const words = wanted.trim();
  if (words === '') return [];
  const pattern = new RegExp(words.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&').replace(/\s+/g, '\\s+'), 'giu');
  return [...text.matchAll(pattern)].map((match) => [match.index, match.index + match[0].length]);
}

/** The last of the moments, which are in order, that is not after the one asked for. */
export function lastBefore(moments: readonly number[], moment: number): number {
  let [low, high] = [0, moments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((moments[middle] ?? Infinity) <= moment) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
