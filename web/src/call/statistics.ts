/**
 * What a person's connection carries, from what getStats counts: for those who want to know, or whom
 * support asks. Nothing here names a person or an address. No UI.
 */
import type { Way } from './preflight';

/** Asked so often while somebody looks. */
const EVERY_MS = 1_000;
/** Shares and rates are those of this many readings back: in one second a voice has 50 packets, and
 * a share of so few jumps. */
const READINGS = 6;

/** The connections that there are now. */
export interface Connections {
  receiving: RTCPeerConnection | null;
  sending: RTCPeerConnection | null;
  screen: RTCPeerConnection | null;
}

/** Width, height and frames a second. */
export interface Size {
  width: number;
  height: number;
  frames: number | null;
}

/** Why a browser sends less of a picture than it could (webrtc-stats, `qualityLimitationReason`). */
export type Limit = 'none' | 'cpu' | 'bandwidth' | 'other';

/** All sound or all pictures in one direction. What is not known yet is null. */
export interface Stream {
  codecs: string[];
  bps: number | null;
  /** Share of packets lost, from 0 to 1; what was asked for again and came is not lost. */
  loss: number | null;
}

export interface VoiceIn extends Stream {
  /** Share of the sound that the browser made up where it was missing, silence not counted. */
  concealed: number | null;
}

export interface PictureIn extends Stream {
  size: Size | null;
}

export interface PictureOut extends Stream {
  /** One for each layer that is sent, the largest first. */
  sizes: Size[];
  limit: Limit;
}

export interface Details {
  /** None while there is no way. */
  way: Way | null;
  round_trip_ms: number | null;
  voice_in: VoiceIn | null;
  picture_in: PictureIn | null;
  voice_out: Stream | null;
  picture_out: PictureOut | null;
  screen_out: PictureOut | null;
}

type Report = Record<string, unknown>;

/** The reports of one connection at one moment. */
export interface Reading {
  at_ms: number;
  reports: Map<string, Report>;
}

/** The first and the last reading of one connection that are compared. */
export interface Span {
  before: Reading;
  now: Reading;
}

/** What the readings of the connections say; null stands for a connection that there is not. */
export function details(receiving: Span | null, sending: Span | null, screen: Span | null): Details {
  const main = receiving ?? sending;
  return {
    way: main === null ? null : wayOf(main.now),
    round_trip_ms: main === null ? null : roundTrip(main.now),
    voice_in: receiving && voiceIn(receiving),
    picture_in: receiving && pictureIn(receiving),
    voice_out: sending && voiceOut(sending),
    picture_out: sending && pictureOut(sending),
    screen_out: screen && pictureOut(screen),
  };
}

/** Reads the connections every second and tells what they say. */
export class Statistics {
  readonly #connections: () => Connections;
  readonly #tell: (details: Details) => void;
  readonly #histories = new Map<keyof Connections, { of: RTCPeerConnection; readings: Reading[] }>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #reading = false;

  constructor(connections: () => Connections, tell: (details: Details) => void) {
    this.#connections = connections;
    this.#tell = tell;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#read(), EVERY_MS);
    void this.#read();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#histories.clear();
  }

  async #read(): Promise<void> {
    // A browser that is slow to answer is not asked twice at once.
    if (this.#reading) return;
    this.#reading = true;
    const now = this.#connections();
    const [receiving, sending, screen] = await Promise.all(
      (['receiving', 'sending', 'screen'] as const).map((name) => this.#span(name, now[name])),
    );
    this.#reading = false;
    if (this.#timer !== undefined) this.#tell(details(receiving ?? null, sending ?? null, screen ?? null));
  }

  async #span(name: keyof Connections, connection: RTCPeerConnection | null): Promise<Span | null> {
    const stats = await connection?.getStats().catch(() => null);
    if (!connection || !stats) {
      this.#histories.delete(name);
      return null;
    }
    // Another connection counts from the beginning.
    const before = this.#histories.get(name);
    const history = before?.of === connection ? before : { of: connection, readings: [] };
    this.#histories.set(name, history);
    const now = { at_ms: performance.now(), reports: new Map(stats as unknown as Map<string, Report>) };
    history.readings = [...history.readings, now].slice(-READINGS);
    return { before: history.readings[0] ?? now, now };
  }
}

function wayOf({ reports }: Reading): Way | null {
  const pair = selectedPair(reports);
  const local = reports.get(String(pair?.['localCandidateId']));
  if (local === undefined) return null;
  if (local['candidateType'] === 'relay') {
    const relay = local['relayProtocol'];
    return relay === 'tls' ? 'relay-tls' : relay === 'tcp' ? 'relay-tcp' : 'relay-udp';
  }
  return local['protocol'] === 'tcp' ? 'tcp' : 'udp';
}

const roundTrip = ({ reports }: Reading): number | null => {
  const seconds = number(selectedPair(reports), 'currentRoundTripTime');
  return seconds === null ? null : seconds * 1000;
};

/** The pair of addresses in use: named by the transport, or marked itself (Firefox). */
function selectedPair(reports: Map<string, Report>): Report | undefined {
  const all = [...reports.values()];
  const named = all.find(({ type, selectedCandidatePairId: id }) => type === 'transport' && id !== undefined);
  if (named) return reports.get(String(named['selectedCandidatePairId']));
  return all.find(({ type, selected }) => type === 'candidate-pair' && selected === true);
}

function voiceIn(span: Span): VoiceIn {
  const streams = streamsOf(span, 'inbound-rtp', 'audio').filter(carries('packetsReceived'));
  const total = sum(span, streams, 'totalSamplesReceived');
  const concealed = sum(span, streams, 'concealedSamples') - sum(span, streams, 'silentConcealedSamples');
  return { ...streamIn(span, streams), concealed: share(concealed, total) };
}

function pictureIn(span: Span): PictureIn {
  const streams = streamsOf(span, 'inbound-rtp', 'video').filter(carries('packetsReceived'));
  const shown = streams.filter((one) => grown(span, one, 'framesDecoded') > 0 || span.before === span.now);
  return { ...streamIn(span, streams), size: sizesOf(shown)[0] ?? null };
}

function streamIn(span: Span, streams: Report[]): Stream {
  const received = sum(span, streams, 'packetsReceived');
  const lost = sum(span, streams, 'packetsLost');
  return {
    codecs: codecsOf(span.now, streams.filter((one) => grown(span, one, 'packetsReceived') > 0)),
    bps: rate(span, sum(span, streams, 'bytesReceived') + sum(span, streams, 'headerBytesReceived')),
    loss: share(lost, received + lost),
  };
}

function voiceOut(span: Span): Stream {
  return streamOut(span, 'audio', streamsOf(span, 'outbound-rtp', 'audio'));
}

function pictureOut(span: Span): PictureOut {
  const streams = streamsOf(span, 'outbound-rtp', 'video');
  const sent = streams.filter((one) => grown(span, one, 'framesEncoded') > 0);
  const reasons = sent.map((one) => one['qualityLimitationReason']);
  const limit = (['bandwidth', 'cpu', 'other'] as const).find((reason) => reasons.includes(reason));
  return { ...streamOut(span, 'video', streams), sizes: sizesOf(sent), limit: limit ?? 'none' };
}

function streamOut(span: Span, kind: 'audio' | 'video', streams: Report[]): Stream {
  const sent = sum(span, streams, 'packetsSent');
  const lost = sum(span, streamsOf(span, 'remote-inbound-rtp', kind), 'packetsLost');
  return {
    codecs: codecsOf(span.now, streams.filter((one) => grown(span, one, 'packetsSent') > 0)),
    bps: rate(span, sum(span, streams, 'bytesSent') + sum(span, streams, 'headerBytesSent')),
    loss: share(lost, sent),
  };
}

const streamsOf = ({ now }: Span, type: string, kind: string): Report[] =>
  [...now.reports.values()].filter((report) => report['type'] === type && report['kind'] === kind);

/** A slot that nobody was in makes silence up; only those that carried something count. */
const carries = (key: string) => (report: Report): boolean => (number(report, key) ?? 0) > 0;

/** By how much a count has grown; a stream that is new counts from nothing. */
function grown({ before, now }: Span, report: Report, key: string): number {
  if (before === now) return 0;
  const earlier = number(before.reports.get(String(report['id'])), key) ?? 0;
  return Math.max(0, (number(report, key) ?? 0) - earlier);
}

const sum = (span: Span, streams: Report[], key: string): number =>
  streams.reduce((total, one) => total + grown(span, one, key), 0);

/** Nothing is said of nothing. */
const share = (part: number, whole: number): number | null =>
  whole > 0 ? Math.min(1, Math.max(0, part / whole)) : null;

function rate({ before, now }: Span, bytes: number): number | null {
  const seconds = (now.at_ms - before.at_ms) / 1000;
  return seconds > 0 ? (bytes * 8) / seconds : null;
}

function codecsOf({ reports }: Reading, streams: Report[]): string[] {
  const names = streams.flatMap((one) => {
    const type = reports.get(String(one['codecId']))?.['mimeType'];
    if (typeof type !== 'string') return [];
    const name = type.replace(/^.*\//, '');
    return [name === 'opus' ? 'Opus' : name.toUpperCase()];
  });
  return [...new Set(names)].sort();
}

const sizesOf = (streams: Report[]): Size[] =>
  streams
    .flatMap((one) => {
      const [width, height] = [number(one, 'frameWidth'), number(one, 'frameHeight')];
      const frames = number(one, 'framesPerSecond');
      return width && height ? [{ width, height, frames }] : [];
    })
    .sort((one, other) => other.width * other.height - one.width * one.height);

function number(report: Report | undefined, key: string): number | null {
  const value = report?.[key];
  return typeof value === 'number' ? value : null;
}
