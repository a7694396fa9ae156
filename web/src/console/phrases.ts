/**
 * A sentence before it has a language: the pure parts of the console speak in phrases, `words.ts`
 * puts them into the person's language.
 */
import type { Millis, PersonId, RecordStatus, SegmentId, Timestamp } from '../api/types';
import type { Key } from '../i18n';

/** A text of the section `console`. */
export type Say = Key extends infer K ? (K extends `console.${infer Rest}` ? Rest : never) : never;

/** A message and what it speaks of. */
export interface Phrase {
  /** The message. `next.segment` has one form for each kind of segment. */
  say: Say | 'next.segment';
  /** Persons it names; more than one become a list of the language. */
  people?: PersonId[];
  /** Segment it names. */
  segment?: SegmentId;
  /** Record status it names. */
  status?: RecordStatus;
  /** A moment, told as the hour in the event's city. */
  at?: Timestamp;
  /** A length of time, told in words. */
  length?: Millis;
  /** A number that decides the plural. */
  count?: number;
  /** A person's own words, quoted as they are. */
  quote?: string;
}
