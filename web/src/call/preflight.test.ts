import { expect, test } from 'vitest';
import { best, onlyWay, relayFor, WAYS, type Report, type Trial, type Way } from './preflight';

const SDP = ['m=audio', 'a=candidate:1 1 udp 9 h 1 typ host', 'a=candidate:t 1 TCP 8 h 1 typ host tcptype passive', 'a=mid:0'];

test('a way is tried alone', () => {
  expect(onlyWay(SDP.join('\r\n'), 'udp').split('\r\n')).toEqual([SDP[0], SDP[1], SDP[3]]);
  expect(onlyWay(SDP.join('\r\n'), 'tcp').split('\r\n')).toEqual([SDP[0], SDP[2], SDP[3]]);
  expect(onlyWay(SDP.join('\r\n'), 'relay-tls')).toContain('udp');
});

test('each way finds its relay', () => {
  const relays = ['turn:h:1?transport=udp', 'turn:h:1?transport=tcp', 'turns:h:443?transport=tcp'].map((urls) => ({ urls }));
  expect(relayFor(relays, 'relay-udp')?.urls).toBe(relays[0]!.urls);
  expect(relayFor(relays, 'relay-tcp')?.urls).toBe(relays[1]!.urls);
  expect(relayFor(relays, 'relay-tls')?.urls).toBe(relays[2]!.urls);
  expect(relayFor(relays.slice(0, 2), 'relay-tls')).toBeUndefined();
  expect(relayFor(relays, 'udp')).toBeUndefined();
});

test('the best way is the first that works', () => {
  const fails: Trial = { state: 'fails' };
  const report = (works: Way[]): Report => ({
    trials: Object.fromEntries(
      WAYS.map((way) => [way, works.includes(way) ? { state: 'works', round_trip_ms: 9 } : fails]),
    ) as Record<Way, Trial>,
    measuring: false,
    measured: null,
  });
  expect(best(report(['socket', 'relay-tcp']))).toBe('relay-tcp');
  expect(best(report(['socket']))).toBe('socket');
  expect(best(report([]))).toBeNull();
});
