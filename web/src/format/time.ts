/**
 * Dates and times in words. Digits are Latin in every language, so that times agree across them;
 * hours are written 00 to 23 everywhere.
 */
import type { Millis, SegmentNow, SegmentView, Timestamp } from '../api/types';

export const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const locale = (language: string): string => `${language === 'en' ? 'en-GB' : language}-u-nu-latn`;

/** The viewer's own IANA zone. */
export const viewerZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** "15:00" */
export const hour = (at: Timestamp, zone: string): string =>
  new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone }).format(at);

/** "Tuesday" */
export const weekday = (at: Timestamp, zone: string, language: string): string =>
  capital(new Intl.DateTimeFormat(locale(language), { weekday: 'long', timeZone: zone }).format(at), language);

/** "9 February 2021" */
export const day = (at: Timestamp, zone: string, language: string): string =>
  new Intl.DateTimeFormat(locale(language), { day: 'numeric', month: 'long', year: 'numeric', timeZone: zone })
    .format(at)
    .replace(/\s*г\.$/, ' года');

/** "UTC+5" */
export function offset(at: Timestamp, zone: string): string {
  const part = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'shortOffset' })
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')?.value;
  // Some browsers say GMT+0, others GMT.
  return (part ?? 'UTC').replace('GMT', 'UTC').replace('-', '\u2212').replace(/^UTC\+0$/, 'UTC');
}

/** Two zones that show the same hours at this moment. */
export const sameHours = (at: Timestamp, one: string, other: string): boolean =>
  offset(at, one) === offset(at, other);

/** The day in the viewer's zone differs from the event's. */
export const sameDay = (at: Timestamp, one: string, other: string): boolean =>
  day(at, one, 'en') === day(at, other, 'en');

/** The city that names an IANA zone, as the zone has it: "America/New_York" → "New York". */
export const zoneCity = (zone: string): string => (zone.split('/').pop() ?? zone).replaceAll('_', ' ');

/** A length in words, of its two largest units: "3 days", "1 hour 12 minutes". Minutes are rounded
 * up, so that "0 minutes" is never shown before the time is over. */
export function length(millis: Millis, language: string): string {
  const minutes = Math.max(1, Math.ceil(millis / MINUTE_MS));
  const days = Math.floor((minutes * MINUTE_MS) / DAY_MS);
  const hours = Math.floor(minutes / 60) % 24;
  const rest = minutes % 60;
  const pieces: [number, string][] =
    days >= 2 ? [[days, 'day']] : [[days * 24 + hours, 'hour'], [rest, 'minute']];
  return pieces
    .filter(([count]) => count > 0)
    .map(([count, unit]) =>
      new Intl.NumberFormat(locale(language), { style: 'unit', unit, unitDisplay: 'long' }).format(count),
    )
    .join(' ');
}

/** "4:07", "1:02:09": a clock of minutes and seconds. */
export function clockText(millis: Millis): string {
  const seconds = Math.floor(Math.abs(millis) / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(seconds % 60)}`
    : `${minutes}:${two(seconds % 60)}`;
}

/** Time a segment has taken so far. */
export function spent(segment: SegmentNow, now: Timestamp): Millis {
  const running = segment.running_since === null ? 0 : Math.max(0, now - segment.running_since);
  return segment.spent_before + running;
}

/** Time a segment may take: as planned and as extended. */
export const allowed = (planned: SegmentView, segment: SegmentNow | null): Millis =>
  planned.planned + (segment?.extended_by ?? 0);

/** What is left of a segment, negative when it is over its time. */
export const left = (planned: SegmentView, segment: SegmentNow, now: Timestamp): Millis =>
  allowed(planned, segment) - spent(segment, now);

/** When each segment is planned to begin. */
export function plannedStarts(start: Timestamp, segments: readonly SegmentView[]): Timestamp[] {
  let at = start;
  return segments.map(({ planned }) => {
    const begins = at;
    at += planned;
    return begins;
  });
}

const capital = (text: string, language: string): string =>
  text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
