/** From key presses to a passage: where a mark begins, where it ends, whose it is. Pure. */
import type { Language, PersonId, Run, Timestamp, TranscriptLine, TranscriptLineId } from '../../api/types';

/** Whoever hears that a sentence was worth marking presses some seconds after it began. */
export const REACH_BACK_MS = 8_000;

/** A caption line ends a little before the breath after it does; a press in that breath means it. */
const BREATH_MS = 1_500;

/** A mark that has begun. */
export interface OpenMark {
  start: Timestamp;
  /** What the transcript says of it; `null` where it says nothing. */
  speaker: PersonId | null;
  language: Language | null;
}

/** A passage that can be marked. */
export interface Passage extends OpenMark {
  end: Timestamp;
}

/** The stretch under one status in which a moment lies. */
export const runAt = (runs: readonly Run[], at: Timestamp): Run | null =>
  runs.findLast(({ from, until }) => from <= at && (until === null || at < until)) ?? null;

/** The line that is spoken at a moment, or was a breath before. */
export function lineAt(lines: readonly TranscriptLine[], at: Timestamp): TranscriptLine | null {
  const original = lines.filter(({ struck, interpreted_from }) => !struck && interpreted_from === null);
  return (
    original.findLast(({ start, end }) => start <= at && at < end) ??
    original.findLast(({ end }) => end <= at && at <= end + BREATH_MS) ??
    null
  );
}

/** A press of the key: the mark begins with the running line, or a few seconds back, but not before
 * the segment did. `null` where nothing is on the record. */
export function beginMark(at: Timestamp, lines: readonly TranscriptLine[], runs: readonly Run[]): OpenMark | null {
  const run = runAt(runs, at);
  if (run === null) return null;
  const line = lineAt(lines, at);
  return {
    start: Math.max(run.from, line?.start ?? at - REACH_BACK_MS),
    speaker: line?.person ?? null,
    language: line?.language ?? null,
  };
}

/** The second press: with the running line where there is one and it is over, else at the moment,
 * and not after the segment. `null` where that is no passage. */
export function endMark(
  open: OpenMark,
  at: Timestamp,
  lines: readonly TranscriptLine[],
  runs: readonly Run[],
): Passage | null {
  const line = lineAt(lines, at);
  const until = runAt(runs, open.start)?.until ?? Infinity;
  const end = Math.min(until, line === null ? at : line.end);
  return end > open.start ? { ...open, end } : null;
}

/** Lines chosen as a whole, from the first to the last in whichever order they were named. */
export function passageOfLines(
  lines: readonly TranscriptLine[],
  one: TranscriptLineId,
  other: TranscriptLineId,
): Passage | null {
  const [first, last] = [one, other].map((id) => lines.find((line) => line.id === id));
  if (first === undefined || last === undefined) return null;
  const [early, late] = first.start <= last.start ? [first, last] : [last, first];
  const end = Math.max(early.end, late.end);
  return end > early.start ? { start: early.start, end, speaker: early.person, language: early.language } : null;
}
