/** All languages stand in the one file: there is nowhere to fetch another from. */
import { choose, fill, pick, type Key, type Messages, type Parameters } from '../i18n';

const files = import.meta.glob<Messages>('../locales/*.json', { import: 'default', query: '?part=verify', eager: true });
const messages = new Map(Object.entries(files).map(([path, texts]) => [path.replace(/^.*\/|\.json$/g, ''), texts]));

export const LANGUAGES: readonly string[] = [...messages.keys()].sort();

/** Keys of this page's own section, as `title`. */
type Own<K> = K extends `verify.${infer R}` ? R : never;
export type TextKey = Own<Key>;

class Texts {
  language: string = $state(choose([new URLSearchParams(location.search).get('lang'), ...navigator.languages], LANGUAGES));
  readonly dir = $derived(direction(this.language));

  text(key: TextKey, params: Parameters = {}): string {
    return fill(pick(messages.get(this.language) ?? {}, this.language, `verify.${key}`, params), params, this.dir);
  }
}

export const texts = new Texts();
export const t = (key: TextKey, params?: Parameters): string => texts.text(key, params);

export function nameOf(language: string): string {
  const name = new Intl.DisplayNames([language], { type: 'language' }).of(language) ?? language;
  return name.charAt(0).toLocaleUpperCase(language) + name.slice(1);
}

export const direction = (language: string): 'ltr' | 'rtl' => (/^(ar|fa|he|ps|sd|ur)\b/.test(language) ? 'rtl' : 'ltr');
