/** What the record's screens say of people, segments, moments and refusals. */
import { ApiError } from '../../api/rest';
import type { EventView, PersonId, SegmentId, StatementLife, Timestamp, Tone } from '../../api/types';
import { fullName, say, type Said } from '../../format/names';
import type { Key } from '../../i18n';
import { i18n, t } from '../../state/i18n.svelte';

/** "15:26:05" */
export const moment = (at: Timestamp, zone: string): string =>
  new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZone: zone,
  }).format(at);

/** "24 November, 15:26" in the reader's language, digits Latin. */
export const dayAndHour = (at: Timestamp, zone: string): string =>
  new Intl.DateTimeFormat(`${i18n.language === 'en' ? 'en-GB' : i18n.language}-u-nu-latn`, {
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    timeZone: zone,
  }).format(at);

/** Who spoke; where nobody may be named, that. */
export function speakerName(event: EventView, person: PersonId | null): Said {
  if (person === null) return { text: t('desk.nobody'), language: i18n.language };
  const known = event.people.find(({ id }) => id === person);
  return known ? fullName(known, [i18n.language]) : { text: person, language: 'en' };
}

export function segmentName(event: EventView, id: SegmentId): Said {
  const segment = event.segments.find((one) => one.id === id);
  if (segment === undefined) return { text: id, language: 'en' };
  return say(segment.title, [i18n.language]) ?? { text: t(`segment.${segment.kind}` as Key), language: i18n.language };
}

export const lifeWord = (life: StatementLife['is']): string => t(`desk.life.${life}`);
export const toneWord = (tone: Tone): string => t(`desk.tone.${tone}`);

/** What went wrong, in a sentence: the record's own refusals, those of every screen, the rest. */
export function failureText(error: unknown): string {
  if (!(error instanceof ApiError)) return t('desk.failed.unknown');
  if (error.code === 'network') return t('desk.failed.network');
  for (const section of ['record.refused', 'refusal', 'desk.failed']) {
    const key = `${section}.${error.code}`;
    const text = t(key as Key);
    if (text !== key) return text;
  }
  return t('desk.failed.unknown');
}
