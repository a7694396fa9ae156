import type { Key } from '../i18n';
import { zoneCity } from '../format/time';
import { t } from './i18n.svelte';

/** The city of an IANA zone in the reader's language where the translation names it, else as the
 * zone database has it. */
export function zoneName(zone: string): string {
  const key = `zone.${zone}`;
  const name = t(key as Key);
  return name === key ? zoneCity(zone) : name;
}
