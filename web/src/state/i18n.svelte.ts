/** The chosen language as reactive state: a change of language changes every text at once. */
import type { LaterPart } from '../texts';
import { choose, cut, fill, isolate, merge, pick, type Key, type Messages, type Parameters, type Part } from '../i18n';

/** What is there from the start, one file a language; scripts/locale-parts.ts cuts the files. */
const live = import.meta.glob<Messages>('../locales/*.json', { import: 'default', query: '?part=live' });

/** Languages that the interface speaks: one for each file in locales/. */
export const LANGUAGES: readonly string[] = Object.keys(live)
  .map((path) => path.replace(/^.*\/|\.json$/g, ''))
  .sort();

/** `live` is there from the start; a screen asks for its other parts before it is shown. */
export type TextPart = 'live' | LaterPart;

const SAVED = 'plenary.language';

class I18n {
  language: string = $state('en');
  dir: 'ltr' | 'rtl' = $state('ltr');
  #messages: Messages = $state.raw({});
  readonly #needed = new Set<TextPart>(['live']);

  /** Chooses by the address, the saved choice, the browser, then `fallback`, and loads it. */
  async start(fallback?: string): Promise<void> {
    const asked = new URLSearchParams(location.search).get('lang');
    await this.#use(choose([asked, saved(), ...navigator.languages, fallback], LANGUAGES));
  }

  /** The person chooses; the choice is kept on their machine. */
  async set(language: string): Promise<void> {
    try {
      localStorage.setItem(SAVED, language);
    } catch {
      // Storage may be forbidden; then the choice holds for this visit.
    }
    await this.#use(language);
  }

  /** Loads a part of the texts, now and after every change of language. */
  async need(part: TextPart): Promise<void> {
    if (this.#needed.has(part)) return;
    this.#needed.add(part);
    const language = this.language;
    const messages = await load(part, language);
    if (language === this.language) this.#messages = merge(this.#messages, messages);
  }

  text(key: Key, params: Parameters = {}): string {
    return fill(pick(this.#messages, this.language, key, params), params, this.dir);
  }

  parts(key: Key, params: Parameters = {}): Part[] {
    return cut(pick(this.#messages, this.language, key, params), params, this.dir);
  }

  async #use(language: string): Promise<void> {
    if (!LANGUAGES.includes(language)) return;
    const parts = await Promise.all([...this.#needed].map((part) => load(part, language)));
    this.#messages = parts.reduce(merge, {});
    this.language = language;
    this.dir = pick(this.#messages, language, 'meta.dir') === 'rtl' ? 'rtl' : 'ltr';
    document.documentElement.lang = language;
    document.documentElement.dir = this.dir;
  }
}

/** Where the other parts are is no part of a first visit. */
async function load(part: TextPart, language: string): Promise<Messages> {
  if (part === 'live') return (await live[`../locales/${language}.json`]?.()) ?? {};
  const { TEXTS } = await import('../texts');
  return (await TEXTS[part][`./locales/${language}.json`]?.()) ?? {};
}

export const i18n = new I18n();

/** Text of a key in the chosen language. */
export const t = (key: Key, params?: Parameters): string => i18n.text(key, params);

/** Text cut at its parameters. */
export const parts = (key: Key, params?: Parameters): Part[] => i18n.parts(key, params);

/** A language's own name: "English", "Русский", "اردو". */
export function languageName(language: string): string {
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language;
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
}

/** A language as the reader calls it: "English, Russian and Urdu" on an English page. */
export const languageNameHere = (language: string): string =>
  new Intl.DisplayNames([i18n.language], { type: 'language' }).of(language) ?? language;

/** "A, B and C" in the reader's language, each run in its own direction. */
export function listOf(items: readonly string[]): string {
  // British English has no comma before the last "and", as in the rest of our texts.
  const locale = i18n.language === 'en' ? 'en-GB' : i18n.language;
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(items.map((item) => isolate(item, i18n.dir)));
}

/** Direction of a language's script, for runs that are not in the page's language. */
export function languageDir(language: string): 'ltr' | 'rtl' {
  return /^(ar|fa|he|ps|sd|ug|ur|yi|ckb|dv)\b/.test(language) ? 'rtl' : 'ltr';
}

function saved(): string | null {
  try {
    return localStorage.getItem(SAVED);
  } catch {
    return null;
  }
}
