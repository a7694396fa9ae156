/** The notes for the release: what the programme does not say and a release needs
 * (crates/publication/src/mapping.rs). Texts stand by language; what is empty is left out. */
import type { Language, Localized, PartyId, PersonId } from '../../api/types';

export const TEXTS = ['headline', 'dedication', 'thanks', 'outlook', 'boilerplate', 'contact'] as const;
export type NoteText = (typeof TEXTS)[number];

export const PERSON_TEXTS = ['surname', 'address', 'title', 'honorific'] as const;
export type PersonText = (typeof PERSON_TEXTS)[number];

export const GENDERS = ['unspecified', 'feminine', 'masculine'] as const;
export type Gender = (typeof GENDERS)[number];

export type PersonNotes = { gender?: Gender } & { [text in PersonText]?: Localized | null };

export type Notes = { [text in NoteText]?: Localized | null } & {
  parties?: Record<PartyId, Localized>;
  people?: Record<PersonId, PersonNotes>;
};

/** A text of the notes with another wording in one language. */
export function written(texts: Localized | null | undefined, language: Language, text: string): Localized {
  return { ...texts, [language]: text };
}

/** The notes as they are sent: without blanks around texts, and without what is empty. */
export function cleaned(notes: Notes): Notes {
  const out: Notes = {};
  for (const name of TEXTS) {
    const texts = filled(notes[name]);
    if (texts !== null) out[name] = texts;
  }
  const parties = entries(notes.parties, filled);
  if (parties !== null) out.parties = parties;
  const people = entries(notes.people, person);
  if (people !== null) out.people = people;
  return out;
}

export const same = (one: Notes, other: Notes): boolean =>
  JSON.stringify(sorted(cleaned(one))) === JSON.stringify(sorted(cleaned(other)));

function person(notes: PersonNotes): PersonNotes | null {
  const out: PersonNotes = {};
  if (notes.gender !== undefined && notes.gender !== 'unspecified') out.gender = notes.gender;
  for (const name of PERSON_TEXTS) {
    const texts = filled(notes[name]);
    if (texts !== null) out[name] = texts;
  }
  return Object.keys(out).length === 0 ? null : out;
}

function filled(texts: Localized | null | undefined): Localized | null {
  const kept = Object.entries(texts ?? {}).flatMap(([language, text]) =>
    text.trim() === '' ? [] : [[language, text.trim()] as const],
  );
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

function entries<T, U>(all: Record<string, T> | undefined, each: (one: T) => U | null): Record<string, U> | null {
  const kept = Object.entries(all ?? {}).flatMap(([id, one]) => {
    const out = each(one);
    return out === null ? [] : [[id, out] as const];
  });
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(keys.map(([key, inner]) => [key, sorted(inner)]));
}
