/**
 * How people and texts are named. Titles are the person's data of that day: nothing is guessed,
 * and an absent title stays absent.
 */
import type { Localized, PersonView } from '../api/types';

/** A text together with the language it is in. */
export interface Said {
  text: string;
  language: string;
}

/** The best version of a text: the wished languages in order, else English, else any. */
export function say(text: Localized | null | undefined, wishes: readonly string[]): Said | null {
  if (!text) return null;
  for (const wish of [...wishes, 'en']) {
    const found = text[wish] ?? text[wish.split('-')[0] ?? wish];
    if (found) return { text: found, language: text[wish] ? wish : (wish.split('-')[0] ?? wish) };
  }
  const first = Object.entries(text).find(([, value]) => value !== '');
  return first ? { text: first[1], language: first[0] } : null;
}

/** Name as it is spoken of: "HE Danila Ganich". The style is used only in the name's language. */
export function fullName(person: PersonView, wishes: readonly string[]): Said {
  const name = say(person.name, wishes) ?? { text: person.id, language: 'en' };
  const style = styleFor(person, name.language);
  return { text: style ? `${style} ${name.text}` : name.text, language: name.language };
}

/** Style and name apart, for pages that set the style over the name. */
export function styleAndName(person: PersonView, wishes: readonly string[]): { style: string | null; name: Said } {
  const name = say(person.name, wishes) ?? { text: person.id, language: 'en' };
  return { style: styleFor(person, name.language), name };
}

/** What stands under a name: the office and the body the person belongs to, unless the office
 * names it already. In one language they are one line: "Chairman, Council on …". */
export function offices(person: PersonView, wishes: readonly string[]): Said[] {
  const office = say(person.office, wishes);
  const body = say(person.affiliation, wishes);
  if (!office) return body ? [body] : [];
  if (!body || office.text.includes(body.text)) return [office];
  if (office.language !== body.language) return [office, body];
  const comma = RTL.test(office.text) ? '، ' : ', ';
  return [{ text: office.text + comma + body.text, language: office.language }];
}

const RTL = /[\u0600-\u08ff]/;

function styleFor(person: PersonView, language: string): string | null {
  return person.honorific?.[language] || null;
}
