/**
 * Texts in the person's language. Keys are typed by en.json; a text with plural forms is an object
 * with the categories of Intl.PluralRules, chosen by the parameter `n`. Adding a language is adding
 * one file to locales/.
 */
import type en from './locales/en.json';

export type Messages = { [key: string]: Message };
export type Message = string | Messages;

/** Parameters of a text. Numbers are written as they are, with Latin digits. */
export type Parameters = Record<string, string | number>;

/** A text cut at its parameters, for texts in which one of them is set differently. */
export type Part = { text: string } | { name: string; text: string };

type Plural = { one: string; other: string };
type Keys<M> = {
  [K in keyof M & string]: M[K] extends string ? K : M[K] extends Plural ? K : `${K}.${Keys<M[K]>}`;
}[keyof M & string];

/** Every key of en.json, as `event.title`. */
export type Key = Keys<typeof en>;

/** Picks the text of a key. A missing key shows itself; a test sees that there is none. */
export function pick(messages: Messages, language: string, key: string, params: Parameters = {}): string {
  let message: Message | undefined = messages;
  for (const step of key.split('.')) {
    message = typeof message === 'object' ? message[step] : undefined;
  }
  if (typeof message === 'string') return message;
  if (message !== undefined && typeof message['other'] === 'string') {
    const category = plural(language, Number(params['n'] ?? 0));
    const form = message[category];
    return typeof form === 'string' ? form : message['other'];
  }
  return key;
}

/** Two parts of the texts as one. */
export function merge(one: Messages, other: Messages): Messages {
  const out: Messages = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const there = out[key];
    out[key] = typeof there === 'object' && typeof value === 'object' ? merge(there, value) : value;
  }
  return out;
}

/** Cuts a text at its `{parameters}` and fills them in. */
export function cut(text: string, params: Parameters, dir: 'ltr' | 'rtl'): Part[] {
  return text
    .split(/(\{\w+\})/)
    .filter((piece) => piece !== '')
    .map((piece) => {
      const name = /^\{(\w+)\}$/.exec(piece)?.[1];
      if (name === undefined) return { text: piece };
      const value = params[name];
      return { name, text: value === undefined ? piece : isolate(String(value), dir) };
    });
}

/** Fills a text's parameters in. */
export const fill = (text: string, params: Parameters, dir: 'ltr' | 'rtl'): string =>
  cut(text, params, dir)
    .map((part) => part.text)
    .join('');

const RTL_LETTER = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const LTR_LETTER = /\p{Script=Latin}|\p{Script=Cyrillic}|\p{Script=Greek}/u;
const FIRST_STRONG_ISOLATE = '\u2068';
const POP_ISOLATE = '\u2069';

/** Wraps a run of the other direction in Unicode isolates, so that a Latin name does not tear an
 * Urdu sentence apart, nor the reverse. */
export function isolate(text: string, dir: 'ltr' | 'rtl'): string {
  const foreign = dir === 'ltr' ? RTL_LETTER.test(text) : LTR_LETTER.test(text);
  return foreign ? FIRST_STRONG_ISOLATE + text + POP_ISOLATE : text;
}

/** The first of the wished languages that is there; a wish for `ru-RU` is met by `ru`. */
export function choose(wishes: readonly (string | null | undefined)[], there: readonly string[]): string {
  for (const wish of wishes) {
    const tag = wish?.toLowerCase();
    if (!tag) continue;
    const found = there.find((one) => one === tag) ?? there.find((one) => one === tag.split('-')[0]);
    if (found !== undefined) return found;
  }
  return there.includes('en') ? 'en' : (there[0] ?? 'en');
}

const rules = new Map<string, Intl.PluralRules>();

function plural(language: string, n: number): string {
  let found = rules.get(language);
  if (found === undefined) rules.set(language, (found = new Intl.PluralRules(language)));
  return found.select(n);
}
