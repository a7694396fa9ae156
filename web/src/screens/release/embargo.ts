/** Moments as a person writes them down in the event's city, without a zone: "2021-02-09T17:30". */
import type { Timestamp } from '../../api/types';

const MINUTE_MS = 60_000;

/** What a clock in the zone shows at a moment, to the minute. */
export function wallClock(at: Timestamp, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-GB-u-nu-latn', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(at);
  const of = (type: string): string => parts.find((part) => part.type === type)?.value ?? '';
  return `${of('year').padStart(4, '0')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}`;
}

/** The moment at which a clock in the zone shows this; the earlier of two in autumn. `null` when it
 * is no moment, or one that the clock jumps over in spring. */
export function momentOf(text: string, zone: string): Timestamp | null {
  const asUtc = Date.parse(`${text}:00Z`);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) || Number.isNaN(asUtc)) return null;
  // The zone's offset is that of a moment near by: before or after a change of the clock.
  const offset = (at: Timestamp): number => Date.parse(`${wallClock(at, zone)}:00Z`) - at;
  const near = [asUtc - 24 * 60 * MINUTE_MS, asUtc + 24 * 60 * MINUTE_MS];
  const found = near.map((at) => asUtc - offset(at)).filter((at) => wallClock(at, zone) === text);
  return found.length === 0 ? null : Math.min(...found);
}
