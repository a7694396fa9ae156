/**
 * Where a moment of the event lies in the recorded files, and how keys move through the sound. Pure:
 * moments and places in, moments and places out.
 */
import type { Millis, PersonId, RecordingsView, Timestamp } from '../../api/types';

/** What is listened to: what the audience heard, or the microphone of one person. Under the Chatham
 * House Rule a microphone is nobody's. */
export type Source = 'programme' | 'unnamed' | `person:${PersonId}`;

/** A stretch of a file whose time runs with the event's clock. */
export interface Piece {
  url: string;
  from: Timestamp;
  /** `null` while the file grows. */
  until: Timestamp | null;
  /** Place in the file at `from`. */
  at: Millis;
  /** There is a picture. */
  picture: boolean;
}

/** Whose microphone this source is. */
export const sourcePerson = (source: Source): PersonId | null =>
  source.startsWith('person:') ? source.slice('person:'.length) : null;

export const sourceOf = (person: PersonId | null): Source => (person === null ? 'unnamed' : `person:${person}`);

/** Everything that can be listened to: the programme first, then people as they first spoke. */
export function sources(recordings: RecordingsView): Source[] {
  const found: Source[] = recordings.programme.length > 0 ? ['programme'] : [];
  const takes = recordings.takes.filter(({ kind }) => kind === 'microphone');
  for (const { person } of takes.toSorted((one, other) => one.began_at - other.began_at)) {
    if (!found.includes(sourceOf(person))) found.push(sourceOf(person));
  }
  return found;
}

/** The stretches of a source in the order of time. */
export function pieces(recordings: RecordingsView, source: Source): Piece[] {
  const found: Piece[] =
    source === 'programme'
      ? recordings.programme.flatMap(({ url, duration, spans }) =>
          spans.map(({ at, began_at }, index) => {
            const end = spans[index + 1]?.at ?? duration;
            return { url, from: began_at, until: end === null ? null : began_at + end - at, at, picture: true };
          }),
        )
      : recordings.takes
          .filter(({ kind, person }) => kind === 'microphone' && sourceOf(person) === source)
          .map(({ url, duration, began_at }) => ({
            url,
            from: began_at,
            until: duration === null ? null : began_at + duration,
            at: 0,
            picture: false,
          }));
  return found.sort((one, other) => one.from - other.from);
}

/** The stretch in which a moment lies, the latest if there are several. */
export const pieceAt = (all: readonly Piece[], at: Timestamp): Piece | null =>
  all.findLast(({ from, until }) => from <= at && (until === null || at < until)) ?? null;

/** The first stretch after a moment. */
export const pieceAfter = (all: readonly Piece[], at: Timestamp): Piece | null =>
  all.find(({ from }) => from > at) ?? null;

/** From when to when anything of the event can be shown on a line of time. */
export function extent(
  spans: readonly { from: Timestamp; until: Timestamp | null }[],
  now: Timestamp,
): { from: Timestamp; until: Timestamp } | null {
  if (spans.length === 0) return null;
  const from = Math.min(...spans.map((span) => span.from));
  const until = Math.max(...spans.map((span) => span.until ?? now));
  return { from, until: Math.max(until, from + 1) };
}

/** What a key of the shuttle asks for. */
export type ShuttleKey = 'toggle' | 'slower' | 'stop' | 'faster' | 'back-2' | 'on-2' | 'back-10' | 'on-10';

export interface Shuttle {
  playing: boolean;
  rate: number;
}

/** Speeds of the shuttle. Above twice the speed nobody checks a word by ear. */
export const RATES: readonly number[] = [1, 1.25, 1.5, 2];

export const SMALL_STEP_MS = 2_000;
export const LARGE_STEP_MS = 10_000;

/** J, K and L as an editing desk has them: L plays, then faster; K stops; J is slower, and where it
 * cannot be slower goes back a little. */
export function shuttle(now: Shuttle, key: ShuttleKey): { next: Shuttle; jump: Millis } {
  const speed = Math.max(0, RATES.indexOf(now.rate));
  switch (key) {
    case 'toggle':
      return { next: { playing: !now.playing, rate: 1 }, jump: 0 };
    case 'stop':
      return { next: { playing: false, rate: 1 }, jump: 0 };
    case 'faster': {
      const rate = now.playing ? (RATES[speed + 1] ?? now.rate) : 1;
      return { next: { playing: true, rate }, jump: 0 };
    }
    case 'slower':
      return now.playing && speed > 0
        ? { next: { playing: true, rate: RATES[speed - 1] ?? 1 }, jump: 0 }
        : { next: now, jump: -SMALL_STEP_MS };
    case 'back-2':
      return { next: now, jump: -SMALL_STEP_MS };
    case 'on-2':
      return { next: now, jump: SMALL_STEP_MS };
    case 'back-10':
      return { next: now, jump: -LARGE_STEP_MS };
    case 'on-10':
      return { next: now, jump: LARGE_STEP_MS };
  }
}
