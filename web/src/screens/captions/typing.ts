/**
 * What a captioner types, as pure functions of what there was: the line being typed, the lines that
 * are sent and not acknowledged yet, short forms, corrections. No clock, no network.
 */
import type { Language, PersonId, RecordCommand, RecordStatus, Timestamp } from '../../api/types';

/** Longest line, as the server takes it (base::limits). */
export const LINE_CHARS_MAX = 500;
/** A line that is as long as this ends by itself at the last space: no screen shows more at once. */
const LINE_CHARS_FULL = 240;
/** How far a typist is behind the voice. A line was said so much before its first letter came, and
 * was over so much before its end was typed. */
export const BEHIND_MS = 2_000;
/** Shortest and longest line in time; the server takes no longer one. */
const LINE_MS_MIN = 300;
const LINE_MS_MAX = 60_000;
/** Lines that may wait for the server: some twenty minutes without a line of the network. */
export const WAITING_MAX = 300;
/** Short forms of one captioner. */
export const SHORT_FORMS_MAX = 300;

export type Commit = Extract<RecordCommand, { do: 'commit-transcript-line' }>;

/** A line on its way: it is kept until the server has it on disk. */
export interface Sent {
  key: number;
  line: Commit;
}

/** What the captioner's page holds. */
export interface Typing {
  /** The line being typed. */
  text: string;
  /** When its first letter came, by the server's clock; `null` while it is empty. */
  began: Timestamp | null;
  /** Lines not acknowledged yet, the oldest first. */
  waiting: readonly Sent[];
  /** End of the last line: the next does not begin before it. */
  last_end: Timestamp;
  next_key: number;
}

export const EMPTY: Typing = { text: '', began: null, waiting: [], last_end: 0, next_key: 1 };

/** What a line needs beside its words. */
export interface Surroundings {
  now: Timestamp;
  person: PersonId | null;
  language: Language;
  interpreted_from: Language | null;
  /** Since when the present record status holds; a line does not reach back over it. */
  since: Timestamp;
}

/** The field has changed. A line that is full ends by itself, at its last space. */
export function typed(typing: Typing, text: string, around: Surroundings): Typing {
  const began = text.trim() === '' ? null : (typing.began ?? around.now);
  const next = { ...typing, text, began };
  if (text.length <= LINE_CHARS_FULL) return next;
  const cut = text.lastIndexOf(' ', LINE_CHARS_FULL);
  const at = cut > 0 ? cut : LINE_CHARS_FULL;
  const full = ended({ ...next, text: text.slice(0, at) }, around);
  return typed(full, text.slice(at).trimStart(), around);
}

/** The line ends and waits for the server. Nothing happens while there are no words, or when so many
 * lines wait that something else is wrong. */
export function ended(typing: Typing, around: Surroundings): Typing {
  const text = typing.text.trim().replace(/\s+/g, ' ');
  if (text === '' || typing.began === null || typing.waiting.length >= WAITING_MAX) return typing;
  const [start, end] = span(typing.began, typing.last_end, around);
  const line: Commit = {
    do: 'commit-transcript-line',
    person: around.person,
    start,
    end,
    language: around.language,
    interpreted_from: around.interpreted_from,
    text: text.slice(0, LINE_CHARS_MAX),
  };
  return {
    text: '',
    began: null,
    waiting: [...typing.waiting, { key: typing.next_key, line }],
    last_end: end,
    next_key: typing.next_key + 1,
  };
}

/** When what was typed from `began` to now was said: somewhat earlier, after the line before, and
 * under the present record status. */
export function span(
  began: Timestamp,
  last_end: Timestamp,
  { now, since }: Pick<Surroundings, 'now' | 'since'>,
): [Timestamp, Timestamp] {
  const earliest = Math.max(last_end, since, now - LINE_MS_MAX);
  const start = Math.min(Math.max(began - BEHIND_MS, earliest), now - 1);
  const end = Math.min(Math.max(now - BEHIND_MS, start + LINE_MS_MIN), now);
  return [start, end];
}

/** The server has the line, or will never take it. */
export const settled = (typing: Typing, key: number): Typing => ({
  ...typing,
  waiting: typing.waiting.filter((sent) => sent.key !== key),
});

/** What the record status means for the field. */
export type Writable = 'no' | 'named' | 'unnamed';
export const writable = (status: RecordStatus): Writable =>
  status === 'off-the-record' ? 'no' : status === 'on-the-record' ? 'named' : 'unnamed';

// Short forms.

export interface ShortForm {
  short: string;
  long: string;
}

/** A short form is written out as soon as something ends it. The caret stands at the end. */
export function expanded(text: string, forms: readonly ShortForm[]): string {
  const [, before, word, after] = /^(.*?)([\p{L}\p{N}]+)([\s.,;:?!،۔؟»”)]+)$/su.exec(text) ?? [];
  if (before === undefined || word === undefined || after === undefined) return text;
  if (/[\p{L}\p{N}]$/u.test(before)) return text;
  const form = forms.find(({ short }) => short.toLowerCase() === word.toLowerCase());
  return form === undefined ? text : before + form.long + after;
}

/** "sco = Shanghai Cooperation Organisation", one a line. Lines that are no such pair are passed over. */
export function readForms(text: string): ShortForm[] {
  const forms = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, short, long] = /^\s*([\p{L}\p{N}]{1,20})\s*=\s*(\S.{0,199})$/u.exec(line) ?? [];
    if (short !== undefined && long !== undefined) forms.set(short, long.trim());
  }
  return [...forms].slice(0, SHORT_FORMS_MAX).map(([short, long]) => ({ short, long }));
}

export const writeForms = (forms: readonly ShortForm[]): string =>
  forms.map(({ short, long }) => `${short} = ${long}`).join('\n');

/** Words of the field that are no form: for the note beside it. */
export const badForms = (text: string): number =>
  text.split('\n').filter((line) => line.trim() !== '').length - readForms(text).length;

// What a page that is loaded anew takes up again.

/** For the browser's store. */
export const written = (typing: Typing): string => JSON.stringify(typing);

/** What was kept, if it can be read. */
export function read(kept: string | null): Typing {
  try {
    const value = JSON.parse(kept ?? 'null') as Partial<Typing> | null;
    if (typeof value?.text !== 'string' || !Array.isArray(value.waiting)) return EMPTY;
    const waiting = value.waiting.filter((sent) => sent?.line?.do === 'commit-transcript-line').slice(0, WAITING_MAX);
    const number = (given: unknown, otherwise: number): number => (typeof given === 'number' ? given : otherwise);
    return {
      text: value.text.slice(0, LINE_CHARS_MAX),
      began: typeof value.began === 'number' ? value.began : null,
      waiting,
      last_end: number(value.last_end, 0),
      next_key: number(value.next_key, waiting.length + 1),
    };
  } catch {
    return EMPTY;
  }
}

// Whose turn it is, and who speaks.

/** The person whose words are typed: the one chosen, else who has the floor, else who is heard alone. */
export function speakerOf(
  chosen: PersonId | null,
  holder: PersonId | null,
  speaking: ReadonlySet<PersonId>,
  before: PersonId | null,
): PersonId | null {
  if (chosen !== null) return chosen;
  if (holder !== null) return holder;
  const [only] = speaking;
  return speaking.size === 1 && only !== undefined ? only : before;
}

/** The line above or below the one being corrected; `null` is the line being typed. */
export function step(ids: readonly number[], from: number | null, by: -1 | 1): number | null {
  const at = from === null ? ids.length : ids.indexOf(from);
  const next = at + by;
  if (next < 0) return ids[0] ?? null;
  return ids[next] ?? null;
}
