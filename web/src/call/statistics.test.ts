import { describe, expect, test } from 'vitest';
import { details, type Reading, type Span } from './statistics';

type Report = Record<string, unknown>;

const reading = (at_ms: number, reports: Report[]): Reading => ({
  at_ms,
  reports: new Map(reports.map((report) => [String(report['id']), report])),
});
const span = (before: Report[], now: Report[], seconds = 5): Span => ({
  before: reading(0, before),
  now: reading(seconds * 1000, now),
});

const path = (local: Report, pair: Report = {}): Report[] => [
  { id: 'T', type: 'transport', selectedCandidatePairId: 'P2' },
  { id: 'P1', type: 'candidate-pair', localCandidateId: 'L1', state: 'failed', currentRoundTripTime: 9 },
  { id: 'P2', type: 'candidate-pair', localCandidateId: 'L2', state: 'succeeded', currentRoundTripTime: 0.08, ...pair },
  { id: 'L1', type: 'local-candidate', candidateType: 'host', protocol: 'tcp', address: '192.0.2.7' },
  { id: 'L2', type: 'local-candidate', address: '192.0.2.7', ...local },
];

const voice = (id: string, change: Report): Report => ({
  id,
  type: 'inbound-rtp',
  kind: 'audio',
  codecId: 'C1',
  packetsReceived: 0,
  packetsLost: 0,
  bytesReceived: 0,
  headerBytesReceived: 0,
  totalSamplesReceived: 0,
  concealedSamples: 0,
  silentConcealedSamples: 0,
  ...change,
});
const picture = (id: string, change: Report): Report => ({
  id,
  type: 'inbound-rtp',
  kind: 'video',
  codecId: 'C2',
  packetsReceived: 0,
  packetsLost: 0,
  bytesReceived: 0,
  framesDecoded: 0,
  ...change,
});
const CODECS: Report[] = [
  { id: 'C1', type: 'codec', mimeType: 'audio/opus' },
  { id: 'C2', type: 'codec', mimeType: 'video/VP8' },
];

describe('the way', () => {
  test.each([
    [{ candidateType: 'prflx', protocol: 'udp' }, 'udp'],
    [{ candidateType: 'host', protocol: 'tcp' }, 'tcp'],
    [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'udp' }, 'relay-udp'],
    [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'tcp' }, 'relay-tcp'],
    [{ candidateType: 'relay', protocol: 'udp', relayProtocol: 'tls' }, 'relay-tls'],
  ])('%o is %s', (local, way) => {
    const now = path(local);
    expect(details(span(now, now), null, null)).toMatchObject({ way, round_trip_ms: 80 });
  });

  test('is the selected pair where the transport names none, as in Firefox', () => {
    const [, ...now] = path({ candidateType: 'relay', relayProtocol: 'tcp' }, { selected: true });
    expect(details(span(now, now), null, null)).toMatchObject({ way: 'relay-tcp', round_trip_ms: 80 });
  });

  test('is that of what is sent, where nothing is received', () => {
    const now = path({ candidateType: 'host', protocol: 'udp' });
    expect(details(null, span(now, now), null).way).toBe('udp');
    expect(details(null, null, null)).toMatchObject({ way: null, round_trip_ms: null, voice_in: null });
  });
});

describe('what comes in', () => {
  test('counts between the readings, over the slots that carried something', () => {
    const before = [
      ...CODECS,
      voice('V1', { packetsReceived: 1000, packetsLost: 50, bytesReceived: 9_000, totalSamplesReceived: 960_000 }),
      voice('V2', { totalSamplesReceived: 960_000, concealedSamples: 960_000 }),
      picture('M', { packetsReceived: 10, bytesReceived: 5_000, framesDecoded: 10 }),
    ];
    const now = [
      ...CODECS,
      voice('V1', {
        packetsReceived: 1200,
        packetsLost: 100,
        bytesReceived: 25_000,
        headerBytesReceived: 4_000,
        totalSamplesReceived: 1_200_000,
        concealedSamples: 36_000,
        silentConcealedSamples: 12_000,
      }),
      // Nobody was in this slot: all of it is silence that the browser made up.
      voice('V2', { totalSamplesReceived: 1_200_000, concealedSamples: 1_200_000 }),
      picture('M', {
        packetsReceived: 110,
        bytesReceived: 130_000,
        framesDecoded: 110,
        frameWidth: 640,
        frameHeight: 360,
        framesPerSecond: 20,
      }),
      // It was larger once, and stands still.
      picture('S', { packetsReceived: 5, frameWidth: 1920, frameHeight: 1080 }),
    ];
    const { voice_in, picture_in } = details(span(before, now), null, null);
    expect(voice_in).toEqual({ codecs: ['Opus'], bps: 32_000, loss: 0.2, concealed: 0.1 });
    expect(picture_in).toEqual({
      codecs: ['VP8'],
      bps: 200_000,
      loss: 0,
      size: { width: 640, height: 360, frames: 20 },
    });
  });

  test('says nothing of shares and rates at the first reading', () => {
    const first = reading(0, [voice('V1', { packetsReceived: 500, bytesReceived: 1 })]);
    const { voice_in } = details({ before: first, now: first }, null, null);
    expect(voice_in).toEqual({ codecs: [], bps: null, loss: null, concealed: null });
  });

  test('a count that goes back is not less than nothing', () => {
    // Packets that were given up and came late are taken from the lost ones again.
    const before = [voice('V1', { packetsReceived: 100, packetsLost: 9 })];
    const now = [voice('V1', { packetsReceived: 150, packetsLost: 4 })];
    expect(details(span(before, now), null, null).voice_in?.loss).toBe(0);
  });
});

describe('what goes out', () => {
  const layer = (id: string, change: Report): Report => ({
    id,
    type: 'outbound-rtp',
    kind: 'video',
    codecId: 'C2',
    packetsSent: 0,
    bytesSent: 0,
    framesEncoded: 0,
    qualityLimitationReason: 'none',
    ...change,
  });

  test('layers, the largest first, and why they are not larger', () => {
    const now = [
      ...CODECS,
      layer('q', { packetsSent: 90, bytesSent: 50_000, framesEncoded: 100, frameWidth: 320, frameHeight: 180 }),
      layer('h', {
        packetsSent: 110,
        bytesSent: 200_000,
        framesEncoded: 90,
        frameWidth: 640,
        frameHeight: 360,
        framesPerSecond: 18,
        qualityLimitationReason: 'bandwidth',
      }),
      layer('f', { frameWidth: 1280, frameHeight: 720, qualityLimitationReason: 'cpu' }),
      { id: 'R', type: 'remote-inbound-rtp', kind: 'video', packetsLost: 10 },
      { id: 'A', type: 'outbound-rtp', kind: 'audio', codecId: 'C1', packetsSent: 250, bytesSent: 15_000 },
      { id: 'B', type: 'remote-inbound-rtp', kind: 'audio', packetsLost: 25 },
    ];
    const { voice_out, picture_out, screen_out } = details(null, span([], now), null);
    expect(voice_out).toEqual({ codecs: ['Opus'], bps: 24_000, loss: 0.1 });
    expect(picture_out).toEqual({
      codecs: ['VP8'],
      bps: 400_000,
      loss: 0.05,
      sizes: [
        { width: 640, height: 360, frames: 18 },
        { width: 320, height: 180, frames: null },
      ],
      limit: 'bandwidth',
    });
    expect(screen_out).toBeNull();
  });
});

test('no address and no name is in it', () => {
  const now = [
    ...path({ candidateType: 'host', protocol: 'udp', url: 'turn:council.example' }),
    voice('V1', { packetsReceived: 3, trackIdentifier: 'ganich' }),
  ];
  const text = JSON.stringify(details(span([], now), span([], now), null));
  expect(text).not.toMatch(/192\.0\.2|council|ganich/);
});
