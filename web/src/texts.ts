/** Parts of the texts that screens ask for (scripts/locale-parts.ts). */
import type { Messages } from './i18n';

/**
 * `later` holds faults and refusals, `public` the public pages, `desk` the screens of the record and
 * the release, `captions` what viewers and captioners read about captions, `console` the moderator's console.
 */
export const TEXTS = {
  later: import.meta.glob<Messages>('./locales/*.json', { import: 'default', query: '?part=later' }),
  public: import.meta.glob<Messages>('./locales/*.json', { import: 'default', query: '?part=public' }),
  desk: import.meta.glob<Messages>('./locales/*.json', { import: 'default', query: '?part=desk' }),
  captions: import.meta.glob<Messages>('./locales/*.json', { import: 'default', query: '?part=captions' }),
  console: import.meta.glob<Messages>('./locales/*.json', { import: 'default', query: '?part=console' }),
};

export type LaterPart = keyof typeof TEXTS;
