/** The press list as it is written: one person a line, or a table with commas or semicolons. */
import type { Language, Recipient } from '../../api/types';

export interface ReadList {
  recipients: Recipient[];
  /** Lines that say nothing, by their number. */
  wrong: { line: number; text: string }[];
}

/** The server has the last word on addresses; this finds what is none at all. */
const ADDRESS = /^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;"]+$/;

export const lineOf = ({ name, address, language }: Recipient): string =>
  name === '' ? `${address}, ${language}` : `${name} <${address}>, ${language}`;

/** Reads lines like `Name <address>, ru`, `address` and `Name;address;ru`; without a language it is
 * the event's first. */
export function readList(text: string, languages: readonly Language[]): ReadList {
  const recipients: Recipient[] = [];
  const wrong: ReadList['wrong'] = [];
  for (const [index, given] of text.split(/\r?\n/).entries()) {
    const line = given.trim();
    if (line === '' || line.startsWith('#')) continue;
    const found = entry(line, languages);
    if (found === null) wrong.push({ line: index + 1, text: line });
    else recipients.push(found);
  }
  return { recipients, wrong };
}

function entry(line: string, languages: readonly Language[]): Recipient | null {
  const parts = line
    .replace(/[<>"]/g, (sign) => (sign === '"' ? '' : ','))
    .split(/[,;\t]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const at = parts.findIndex((part) => ADDRESS.test(part));
  if (at < 0) return null;
  const address = parts[at] as string;
  const others = parts.filter((_, index) => index !== at);
  const last = others.at(-1)?.toLowerCase();
  const isLanguage = last !== undefined && languages.includes(last);
  // A word of two or three letters at the end is meant as a language, and there is none of that name.
  if (!isLanguage && at < parts.length - 1 && last !== undefined && /^[a-z]{2,3}$/.test(last)) return null;
  const language = isLanguage ? last : (languages[0] ?? 'en');
  return { name: (isLanguage ? others.slice(0, -1) : others).join(', '), address, language };
}
