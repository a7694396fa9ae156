/** What of the captions is shown, and how the viewer likes it. Pure. */
import type { CaptionLine, CaptionsSection, PartialCaption, RecordStatus, SegmentId } from '../api/types';

/** A line that came while this page was open, and in which segment. */
export type Kept = CaptionLine & { segment: SegmentId | null };

/** Lines kept on the page: half an hour of one language, for who reads instead of hearing. */
export const KEPT_MAX = 600;

/** A line under a picture is taken away so long after it ended. */
const STALE_MS = 30_000;

/**
 * Takes up what the section says now. It carries the last lines of the present segment; one that is
 * missing among them was struck out, one that is older is kept. Off the record it is empty, and
 * what was on the record before stays.
 */
export function follow(
  kept: readonly Kept[],
  section: CaptionsSection,
  segment: SegmentId | null,
  status: RecordStatus,
): Kept[] {
  if (status === 'off-the-record') return [...kept];
  const firsts = new Map<string, number>();
  for (const { language, id } of section.lines) {
    firsts.set(language, Math.min(firsts.get(language) ?? id, id));
  }
  const now = new Map(section.lines.map((line) => [line.id, line]));
  const stay = kept.filter(
    (line) => !now.has(line.id) && (line.segment !== segment || line.id < (firsts.get(line.language) ?? -1)),
  );
  const lines = [...stay, ...section.lines.map((line) => ({ ...line, segment }))];
  return lines.sort((one, other) => one.id - other.id).slice(-KEPT_MAX);
}

/** A run of lines of one speaker. */
export interface Passage {
  key: number;
  person: string | null;
  lines: readonly Kept[];
}

/** Lines of a language, those of one speaker together. */
export function passages(lines: readonly Kept[], language: string): Passage[] {
  const out: { key: number; person: string | null; lines: Kept[] }[] = [];
  for (const line of lines) {
    if (line.language !== language) continue;
    const last = out.at(-1);
    if (last !== undefined && last.person === line.person && last.lines.length < PASSAGE_MAX) last.lines.push(line);
    else out.push({ key: line.id, person: line.person, lines: [line] });
  }
  return out;
}

/** Lines that are set as one paragraph; more than these are hard to read. */
const PASSAGE_MAX = 6;

/** The last lines for under a picture: none that was over long ago. */
export const fresh = (lines: readonly Kept[], language: string, now: number): Kept[] =>
  lines.filter((line) => line.language === language && now - line.end < STALE_MS).slice(-3);

/** What is being put down in a language: a person's words go before the recogniser's. */
export function partialsOf(partials: readonly PartialCaption[], language: string): PartialCaption[] {
  const own = partials.filter((partial) => partial.language === language);
  const typed = own.filter(({ source }) => source === 'captioner');
  return typed.length > 0 ? typed : own;
}

export const SIZES = ['small', 'medium', 'large', 'largest'] as const;
export const LOOKS = ['page', 'picture'] as const;
export const PLACES = ['under', 'over-bottom', 'over-top', 'beside'] as const;

/** How the viewer likes captions. */
export interface Wishes {
  /** `null`: the viewer's own language where the event has it, else the floor's. */
  language: string | null;
  size: (typeof SIZES)[number];
  look: (typeof LOOKS)[number];
  place: (typeof PLACES)[number];
  /** Screen readers and braille displays are told each line. */
  announced: boolean;
}

export const DEFAULT_WISHES: Wishes = { language: null, size: 'medium', look: 'page', place: 'under', announced: false };

/** Wishes as they were saved; whatever is not understood is as usual. */
export function readWishes(saved: string | null): Wishes {
  let given: Partial<Record<keyof Wishes, unknown>> = {};
  try {
    const value: unknown = JSON.parse(saved ?? '{}');
    if (typeof value === 'object' && value !== null) given = value;
  } catch {
    // As usual, then.
  }
  const one = <Value>(values: readonly Value[], value: unknown, otherwise: Value): Value =>
    values.includes(value as Value) ? (value as Value) : otherwise;
  return {
    language: typeof given.language === 'string' ? given.language : null,
    size: one(SIZES, given.size, DEFAULT_WISHES.size),
    look: one(LOOKS, given.look, DEFAULT_WISHES.look),
    place: one(PLACES, given.place, DEFAULT_WISHES.place),
    announced: given.announced === true,
  };
}

/** The language in which captions are shown. */
export function chosenLanguage(wish: string | null, own: string, there: readonly string[]): string {
  if (wish !== null && there.includes(wish)) return wish;
  return there.includes(own) ? own : (there[0] ?? own);
}
