/**
 * Tries every way to the server in order and measures the best one, in a room of the person's own
 * (docs/PROTOCOL.md, "Trying a connection"): what is sent there comes back. No UI.
 */
import { end, offer, type Accepted } from './http';

/** From the best to the last resort. */
export const WAYS = ['udp', 'tcp', 'relay-udp', 'relay-tcp', 'relay-tls', 'socket'] as const;
export type Way = (typeof WAYS)[number];

/** `absent`: this server does not offer the way. */
export type Trial = { state: 'waiting' | 'trying' | 'fails' | 'absent' } | { state: 'works'; round_trip_ms: number };

/** What was measured over the best way. */
export interface Measured {
  round_trip_ms: number;
  /** Share of packets lost, from here to the server and back. */
  loss: number;
  /** What came back, in bits a second. */
  received_bps: number;
  /** What the browser believes that it can send, in bits a second. */
  sent_bps: number;
}

export interface Report {
  trials: Record<Way, Trial>;
  measuring: boolean;
  measured: Measured | null;
}

const CONNECT_TIMEOUT_MS = 5_000;
const SOCKET_TIMEOUT_MS = 5_000;
/** The browser feels its way up for some seconds; the end of it counts. */
const MEASURE_MS = 8_000;
const MEASURE_LAST_MS = 3_000;
/** Nothing in an event needs more. */
export const BITRATE_MAX = 2_000_000;

export const best = (report: Report): Way | null =>
  WAYS.find((way) => report.trials[way].state === 'works') ?? null;

/** An answer with only those candidates that this way uses. */
export function onlyWay(sdp: string, way: Way): string {
  const tcp = /^a=candidate:\S+ \d+ tcp /i;
  return sdp
    .split('\r\n')
    .filter((line) => !line.startsWith('a=candidate:') || tcp.test(line) === (way === 'tcp'))
    .join('\r\n');
}

/** The relay that this way uses, if the server has it. */
export function relayFor(relays: RTCIceServer[], way: Way): RTCIceServer | undefined {
  const url = { 'relay-udp': /^turn:.*udp$/, 'relay-tcp': /^turn:.*tcp$/, 'relay-tls': /^turns:/ }[way as string];
  return url && relays.find(({ urls }) => url.test(String(urls)));
}

/** Runs all trials and the measurement; `tell` hears of each step. */
export async function preflight(
  event: string,
  token: string,
  tell: (report: Report) => void,
  signal: AbortSignal,
): Promise<void> {
  const trials = Object.fromEntries(WAYS.map((way) => [way, { state: 'waiting' }])) as Record<Way, Trial>;
  const report: Report = { trials, measuring: false, measured: null };
  const say = (change: Partial<Report>): void => {
    Object.assign(report, change);
    if (!signal.aborted) tell({ ...report, trials: { ...report.trials } });
  };
  const mark = (way: Way, trial: Trial): void => say({ trials: { ...report.trials, [way]: trial } });
  let relays: RTCIceServer[] = [];
  for (const way of WAYS) {
    if (signal.aborted) return;
    mark(way, { state: 'trying' });
    if (way === 'socket') {
      mark(way, await trySocket(event, token));
      continue;
    }
    const relay = relayFor(relays, way);
    if (way.startsWith('relay') && relay === undefined) {
      mark(way, { state: 'absent' });
      continue;
    }
    const line = new Line(event, token, 'receive', way, relay);
    const connected = await line.connect((connection) => {
      connection.addTransceiver('audio', { direction: 'recvonly' });
    });
    if (line.relays.length > 0) relays = line.relays;
    mark(way, connected ? { state: 'works', round_trip_ms: await line.roundTrip() } : { state: 'fails' });
    line.close();
  }
  const way = best(report);
  if (signal.aborted || way === null || way === 'socket') return;
  say({ measuring: true });
  const measured = await measure(event, token, way, relayFor(relays, way));
  say({ measuring: false, measured });
}

/** The voice's way over a WebSocket: any answer of the server shows that it is there. */
async function trySocket(event: string, token: string): Promise<Trial> {
  const began = performance.now();
  const socket = new WebSocket(new URL('/api/listen', location.href.replace(/^http/, 'ws')));
  const answered = await new Promise<boolean>((done) => {
    const late = setTimeout(() => done(false), SOCKET_TIMEOUT_MS);
    const tell = (way: boolean) => () => {
      clearTimeout(late);
      done(way);
    };
    socket.onerror = tell(false);
    socket.onclose = tell(false);
    socket.onmessage = tell(true);
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'hello', event, token, resume: null }));
      // While the event runs there is no answer but the voice itself, and an open socket is enough.
      setTimeout(tell(true), SOCKET_TIMEOUT_MS / 2);
    };
  });
  socket.close();
  return answered ? { state: 'works', round_trip_ms: Math.round(performance.now() - began) } : { state: 'fails' };
}

/** One session over one way. */
class Line {
  readonly connection: RTCPeerConnection;
  relays: RTCIceServer[] = [];
  readonly #url: string;
  readonly #token: string;
  readonly #way: Way;
  #accepted: Accepted | null = null;

  constructor(event: string, token: string, doing: 'receive' | 'send', way: Way, relay: RTCIceServer | undefined) {
    this.#url = `/check/${event}/${doing}`;
    this.#token = token;
    this.#way = way;
    this.connection = new RTCPeerConnection({
      bundlePolicy: 'max-bundle',
      iceServers: relay ? [relay] : [],
      iceTransportPolicy: relay ? 'relay' : 'all',
    });
  }

  async connect(build: (connection: RTCPeerConnection) => void): Promise<boolean> {
    try {
      build(this.connection);
      await this.connection.setLocalDescription();
      const session = await offer(this.#url, this.#token, this.connection.localDescription?.sdp ?? '');
      this.#accepted = session;
      this.relays = session.relays;
      const sdp = onlyWay(session.sdp, this.#way);
      await this.connection.setRemoteDescription({ type: 'answer', sdp });
    } catch {
      return false;
    }
    return new Promise((done) => {
      const late = setTimeout(() => done(false), CONNECT_TIMEOUT_MS);
      const look = (): void => {
        const state = this.connection.connectionState;
        if (state !== 'connected' && state !== 'failed') return;
        clearTimeout(late);
        done(state === 'connected');
      };
      this.connection.onconnectionstatechange = look;
      look();
    });
  }

  /** Round trip of the last check, in milliseconds. */
  async roundTrip(): Promise<number> {
    const pair = (await this.stats()).find((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true);
    return Math.max(1, Math.round(Number(pair?.['currentRoundTripTime'] ?? 0) * 1_000));
  }

  async stats(): Promise<Record<string, unknown>[]> {
    return [...(await this.connection.getStats()).values()] as Record<string, unknown>[];
  }

  close(): void {
    this.connection.close();
    if (this.#accepted !== null) end(this.#accepted, this.#token);
  }
}

/** Sends a moving test picture to the server and receives it. */
async function measure(
  event: string,
  token: string,
  way: Way,
  relay: RTCIceServer | undefined,
): Promise<Measured | null> {
  const picture = new TestPicture();
  const receiving = new Line(event, token, 'receive', way, relay);
  const sending = new Line(event, token, 'send', way, relay);
  try {
    const both = await Promise.all([
      receiving.connect((connection) => {
        connection.addTransceiver('audio', { direction: 'recvonly' });
        connection.addTransceiver('video', { direction: 'recvonly' });
      }),
      sending.connect((connection) => {
        const [track] = picture.stream.getVideoTracks();
        connection.addTransceiver(track ?? 'video', {
          direction: 'sendonly',
          sendEncodings: [{ maxBitrate: BITRATE_MAX }],
        });
      }),
    ]);
    if (both.includes(false)) return null;
    await pause(MEASURE_MS - MEASURE_LAST_MS);
    const before = count(await receiving.stats());
    await pause(MEASURE_LAST_MS);
    const after = count(await receiving.stats());
    const pair = (await sending.stats()).find((entry) => entry['type'] === 'candidate-pair' && entry['nominated'] === true);
    const packets = after.packets - before.packets;
    // The room may be over; that says nothing about the line.
    if (packets === 0) return null;
    const lost = Math.max(0, after.lost - before.lost);
    return {
      round_trip_ms: await receiving.roundTrip(),
      loss: packets + lost > 0 ? lost / (packets + lost) : 0,
      received_bps: ((after.bytes - before.bytes) * 8_000) / MEASURE_LAST_MS,
      sent_bps: Number(pair?.['availableOutgoingBitrate'] ?? 0),
    };
  } finally {
    picture.stop();
    receiving.close();
    sending.close();
  }
}

function count(stats: Record<string, unknown>[]): { packets: number; lost: number; bytes: number } {
  const total = { packets: 0, lost: 0, bytes: 0 };
  for (const entry of stats) {
    if (entry['type'] !== 'inbound-rtp') continue;
    total.packets += Number(entry['packetsReceived'] ?? 0);
    total.lost += Number(entry['packetsLost'] ?? 0);
    total.bytes += Number(entry['bytesReceived'] ?? 0);
  }
  return total;
}

/** Noise, which no encoder makes small. */
class TestPicture {
  readonly stream: MediaStream;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor() {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [640, 360];
    const paper = canvas.getContext('2d');
    const noise = new ImageData(64, 36);
    const draw = (): void => {
      crypto.getRandomValues(new Uint8Array(noise.data.buffer));
      for (let at = 3; at < noise.data.length; at += 4) noise.data[at] = 255;
      for (let x = 0; x < 10; x++) for (let y = 0; y < 10; y++) paper?.putImageData(noise, x * 64, y * 36);
    };
    draw();
    this.#timer = setInterval(draw, 50);
    this.stream = canvas.captureStream(20);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.stream.getTracks().forEach((track) => track.stop());
  }
}

const pause = (length_ms: number): Promise<void> => new Promise((done) => setTimeout(done, length_ms));
