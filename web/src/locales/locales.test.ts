import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { partOf, PARTS } from '../../scripts/locale-parts';
import { merge, type Message, type Messages } from '../i18n';

const FOLDER = import.meta.dirname;
const read = (name: string): Messages => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Messages;
const LANGUAGES = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.replace(/\.json$/, ''));

const CATEGORIES = ['zero', 'one', 'two', 'few', 'many', 'other'];
const isPlural = (message: Message): message is Record<string, string> =>
  typeof message === 'object' && 'other' in message && Object.keys(message).every((key) => CATEGORIES.includes(key));

/** Every text by its key; a plural is one key with its forms. */
function flat(messages: Messages, path = ''): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const [key, value] of Object.entries(messages)) {
    const here = path === '' ? key : `${path}.${key}`;
    if (typeof value === 'string') out.set(here, [value]);
    else if (isPlural(value)) out.set(here, Object.values(value));
    else for (const [inner, texts] of flat(value, here)) out.set(inner, texts);
  }
  return out;
}

const parameters = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

const english = flat(read('en'));

describe.each(LANGUAGES)('%s', (language) => {
  const messages = read(language);
  const texts = flat(messages);

  test('has every key of en, and no other', () => {
    expect([...texts.keys()].sort()).toEqual([...english.keys()].sort());
  });

  test('names no key twice in one section: the later would hide the earlier', () => {
    const twice: string[] = [];
    const open: Set<string>[] = [];
    const raw = readFileSync(join(FOLDER, `${language}.json`), 'utf8');
    for (const [, key, brace] of raw.matchAll(/("(?:[^"\\]|\\.)*")\s*:|([{}])|"(?:[^"\\]|\\.)*"/g)) {
      if (brace === '{') open.push(new Set());
      else if (brace === '}') open.pop();
      else if (key !== undefined && open.at(-1)?.has(key)) twice.push(key);
      else if (key !== undefined) open.at(-1)?.add(key);
    }
    expect(twice).toEqual([]);
  });

  test('leaves no text empty', () => {
    expect([...texts].filter(([, forms]) => forms.some((form) => form.trim() === ''))).toEqual([]);
  });

  test('uses the parameters of en', () => {
    const wrong = [...texts].filter(([key, forms]) => {
      const known = new Set((english.get(key) ?? []).flatMap(parameters));
      return forms.some((form) => parameters(form).some((one) => !known.has(one)));
    });
    expect(wrong).toEqual([]);
  });

  test('has all plural forms of the language', () => {
    const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    const missing: string[] = [];
    const look = (part: Messages, path: string): void => {
      for (const [key, value] of Object.entries(part)) {
        if (typeof value === 'string') continue;
        if (isPlural(value)) {
          for (const category of wanted) if (!(category in value)) missing.push(`${path}${key}.${category}`);
        } else look(value, `${path}${key}.`);
      }
    };
    look(messages, '');
    expect(missing).toEqual([]);
  });

  test('is whole again when its parts are put together', () => {
    const whole = PARTS.map((part) => partOf(messages, part)).reduce(merge, {});
    expect([...flat(whole).keys()].sort()).toEqual([...texts.keys()].sort());
  });

  test('has no exclamation marks', () => {
    expect([...texts].filter(([, forms]) => forms.some((form) => form.includes('!')))).toEqual([]);
  });
});
