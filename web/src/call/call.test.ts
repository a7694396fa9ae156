import { describe, expect, test } from 'vitest';
import { faultOf } from './devices';
import { accepted, relaysIn, SignalError } from './http';
import { level } from './levels';
import { count, judge, worse, type Counted } from './quality';
import { iceCredentials, restartFragment, tuneOpus, withFragment } from './sdp';
import { cameraLayers } from './whip';

const OFFER = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 63',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:0123456789012345678901',
  'a=mid:0',
  '',
].join('\r\n');

const ANSWER = [
  'v=0',
  'a=ice-lite',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=ice-ufrag:old1',
  'a=ice-pwd:oldpassword01234567890',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1',
  'a=candidate:1 1 udp 1 10.0.0.1 8080 typ host',
  'a=candidate:2 1 udp 1 10.0.0.2 8080 typ host',
  'a=end-of-candidates',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'a=ice-ufrag:old1',
  'a=ice-pwd:oldpassword01234567890',
  'a=candidate:1 1 udp 1 10.0.0.1 8080 typ host',
  '',
].join('\r\n');

describe('ICE restart', () => {
  test('the fragment carries the new credentials and the first media section', () => {
    expect(restartFragment(OFFER)?.split('\r\n')).toEqual([
      'a=ice-ufrag:abcd',
      'a=ice-pwd:0123456789012345678901',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=mid:0',
      'a=end-of-candidates',
      '',
    ]);
    expect(restartFragment('v=0\r\n')).toBeNull();
  });

  test('the answer takes over credentials and candidates in every section', () => {
    const fragment = 'a=ice-lite\r\na=ice-ufrag:new1\r\na=ice-pwd:newpassword01234567890\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:9 1 udp 1 10.0.0.9 8080 typ host\r\n';
    const sdp = withFragment(ANSWER, fragment)!;
    expect(iceCredentials(sdp)).toEqual({ ufrag: 'new1', pwd: 'newpassword01234567890' });
    expect(sdp).not.toContain('old1');
    expect(sdp.match(/a=candidate/g)).toHaveLength(2);
    expect(sdp.match(/10\.0\.0\.9/g)).toHaveLength(2);
    expect(sdp.endsWith('\r\n')).toBe(true);
  });

  test('without candidates the old ones stay; without credentials there is no answer', () => {
    const sdp = withFragment(ANSWER, 'a=ice-ufrag:new1\r\na=ice-pwd:newpassword01234567890\r\n')!;
    expect(sdp.match(/a=candidate/g)).toHaveLength(3);
    expect(withFragment(ANSWER, 'a=mid:0\r\n')).toBeNull();
  });
});

describe('Opus', () => {
  test('asks for FEC and DTX once, and keeps the rest', () => {
    expect(tuneOpus(ANSWER)).toContain('a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n');
    expect(tuneOpus(tuneOpus(ANSWER))).toBe(tuneOpus(ANSWER));
  });
  test('adds a line where there is none, and leaves other codecs alone', () => {
    expect(tuneOpus('a=rtpmap:111 opus/48000/2\r\n')).toContain('a=fmtp:111 useinbandfec=1;usedtx=1');
    expect(tuneOpus('a=rtpmap:96 VP8/90000\r\n')).toBe('a=rtpmap:96 VP8/90000\r\n');
  });
});

describe('the answer to an offer', () => {
  const headers = (entries: Record<string, string>): Headers => new Headers(entries);
  test('its session may be named relative to the endpoint', () => {
    expect(accepted('/whep/day', headers({ location: '/whep/day/s1', etag: '"1"' }), ANSWER)).toMatchObject({
      location: 'http://localhost/whep/day/s1',
      etag: '"1"',
    });
    expect(accepted('/whep/day', headers({ location: 'https://other.example/s' }), ANSWER).location).toBe(
      'https://other.example/s',
    );
  });
  test('it may name relays, each with credentials', () => {
    const one = '<turn:h:1?transport=udp>; rel="ice-server"; username="9:ab"; credential="c"; credential-type="password"';
    const two = one.replace('turn:', 'turns:').replace('udp', 'tcp');
    expect(relaysIn(`${one}, ${two}, </style>; rel="preload"`)).toEqual([
      { urls: 'turn:h:1?transport=udp', username: '9:ab', credential: 'c' },
      { urls: 'turns:h:1?transport=tcp', username: '9:ab', credential: 'c' },
    ]);
    expect(relaysIn('')).toEqual([]);
    expect(relaysIn('<turn:h>; rel="ice-server"')).toEqual([]);
  });

  test('without a session or a description it is none', () => {
    expect(() => accepted('/whep/day', headers({}), ANSWER)).toThrow(SignalError);
    expect(() => accepted('/whep/day', headers({ location: '/s' }), 'hello')).toThrow(SignalError);
  });
});

test.each([
  ['a phone held upright', 720 * 1280, [4, 2, 1]],
  ['a webcam of 640 × 480', 640 * 480, [2, 1]],
  ['an old one', 320 * 240, [1]],
])('layers of %s: the largest that is sent is the whole picture', (_, pixels, scales) => {
  const layers = cameraLayers(pixels);
  expect(layers.map(({ rid }) => rid)).toEqual(['q', 'h', 'f']);
  const sent = layers.filter(({ active }) => active);
  expect(sent.map(({ scaleResolutionDownBy }) => scaleResolutionDownBy)).toEqual(scales);
});

describe('the line', () => {
  const at = (change: Partial<Counted>): Counted => ({
    at_ms: 0,
    packets: 0,
    packets_lost: 0,
    round_trip_ms: 20,
    jitter_ms: 5,
    ...change,
  });
  test.each([
    [{ packets: 200 }, 'good'],
    [{ packets: 200, packets_lost: 6 }, 'fair'],
    [{ packets: 200, packets_lost: 30 }, 'poor'],
    [{ packets: 200, round_trip_ms: 300 }, 'fair'],
    [{ packets: 200, round_trip_ms: 900 }, 'poor'],
    [{ packets: 200, jitter_ms: 150 }, 'poor'],
    [{ packets: 0 }, 'unknown'],
  ] as const)('%o is %s', (now, quality) => {
    expect(judge(at({}), at(now))).toBe(quality);
  });

  test('is as good as its worse end, as far as that is known', () => {
    expect(worse('good', 'poor')).toBe('poor');
    expect(worse('lost', 'fair')).toBe('lost');
    expect(worse('unknown', 'good')).toBe('good');
  });

  test('counts over all reports, and does not fail on unknown ones', () => {
    expect(
      count(
        [
          { type: 'inbound-rtp', kind: 'audio', packetsReceived: 50, packetsLost: -1, jitter: 0.02 },
          { type: 'inbound-rtp', kind: 'video', packetsReceived: 100, packetsLost: 3 },
          { type: 'candidate-pair', state: 'succeeded', currentRoundTripTime: 0.08 },
          { type: 'candidate-pair', state: 'failed', currentRoundTripTime: 9 },
          { type: 'something-new' },
        ],
        5,
      ),
    ).toEqual({ at_ms: 5, packets: 150, packets_lost: 3, round_trip_ms: 80, jitter_ms: 20 });
  });
});

test.each([
  ['NotAllowedError', 'denied'],
  ['NotFoundError', 'missing'],
  ['OverconstrainedError', 'missing'],
  ['NotReadableError', 'busy'],
  ['TypeError', 'failed'],
])('%s means %s', (name, fault) => {
  expect(faultOf(name)).toBe(fault);
});

test('level is 0 in silence, 1 at full scale, in between for speech', () => {
  const tone = (peak: number): number[] => Array.from({ length: 960 }, (_, index) => peak * Math.sin(index / 7));
  expect(level(tone(0))).toBe(0);
  expect(level(tone(1))).toBe(1);
  const speech = level(tone(0.1));
  expect(speech).toBeGreaterThan(0.5);
  expect(speech).toBeLessThan(0.9);
});
