/** How good a person's line is, from what getStats counts. */
import type { LineQuality } from '../api/types';

export type Quality = 'unknown' | LineQuality;

/** From what is not known to the worst. */
const STEPS: readonly Quality[] = ['unknown', 'good', 'fair', 'poor', 'lost'];

/** The worse of two judgements of one line: each end sees what the other does not. */
export const worse = (one: Quality, other: Quality): Quality =>
  STEPS.indexOf(one) > STEPS.indexOf(other) ? one : other;

/** What is counted at one moment, over all voices and pictures received and sent. */
export interface Counted {
  at_ms: number;
  packets: number;
  packets_lost: number;
  /** Round trip of the last connectivity check. */
  round_trip_ms: number | null;
  jitter_ms: number | null;
}

/** Loss and delay at which speech begins to suffer, and at which it breaks. */
const FAIR = { loss: 0.02, round_trip_ms: 250, jitter_ms: 40 };
const POOR = { loss: 0.08, round_trip_ms: 600, jitter_ms: 100 };

/** Judges the line between two countings. Without packets nothing is claimed. */
export function judge(before: Counted, now: Counted): Quality {
  const received = now.packets - before.packets;
  const lost = Math.max(0, now.packets_lost - before.packets_lost);
  if (received <= 0 && lost === 0) return 'unknown';
  const loss = lost / Math.max(1, received + lost);
  const beyond = (limit: typeof FAIR): boolean =>
    loss > limit.loss ||
    (now.round_trip_ms ?? 0) > limit.round_trip_ms ||
    (now.jitter_ms ?? 0) > limit.jitter_ms;
  if (beyond(POOR)) return 'poor';
  return beyond(FAIR) ? 'fair' : 'good';
}

/** Counts over the reports of a connection. */
export function count(reports: Iterable<Record<string, unknown>>, at_ms: number): Counted {
  const counted: Counted = { at_ms, packets: 0, packets_lost: 0, round_trip_ms: null, jitter_ms: null };
  for (const report of reports) {
    const number = (key: string): number | null =>
      typeof report[key] === 'number' ? (report[key] as number) : null;
    if (report['type'] === 'inbound-rtp') {
      counted.packets += number('packetsReceived') ?? 0;
      counted.packets_lost += Math.max(0, number('packetsLost') ?? 0);
      if (report['kind'] === 'audio') {
        counted.jitter_ms = Math.max(counted.jitter_ms ?? 0, (number('jitter') ?? 0) * 1000);
      }
    } else if (report['type'] === 'remote-inbound-rtp') {
      counted.packets_lost += Math.max(0, number('packetsLost') ?? 0);
    } else if (report['type'] === 'outbound-rtp') {
      counted.packets += number('packetsSent') ?? 0;
    } else if (report['type'] === 'candidate-pair' && report['state'] === 'succeeded') {
      const seconds = number('currentRoundTripTime');
      if (seconds !== null) counted.round_trip_ms = seconds * 1000;
    }
  }
  return counted;
}
