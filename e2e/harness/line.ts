/**
 * A person's line to the server: a relay for UDP on this machine that delays, loses and queues as a
 * network does. The person's browser is told its address in the place of the server's, nothing else
 * is changed. It stands in for netem, which needs a module that many kernels do not have.
 *
 * Signalling and the live socket (TCP) do not go through it.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Person } from './person.ts';

/** What a line does to each direction. */
export interface Conditions {
  /** From one end to the other, besides the queue. */
  delay_ms: number;
  /** Share of packets that vanish, each by itself. */
  loss: number;
  /** Bits a second, headers included; Infinity for a line that never queues. */
  rate_bps: number;
}

export const CLEAN: Conditions = { delay_ms: 0, loss: 0, rate_bps: Infinity };

/** A packet that would wait longer before a full line is dropped, as by the routers of homes. */
const QUEUE_MS = 400;

/** Bytes of IP and UDP headers. */
const HEADER_BYTES = 28;

/** A browser has a few sockets at a time; beyond this something is wrong. */
const SOURCES_MAX = 200;

interface Waiting {
  due: number;
  deliver: () => void;
}

/** One direction. Packets leave in the order in which they came. */
class Direction {
  conditions = CLEAN;
  passed = 0;
  lost = 0;
  overflown = 0;
  bytes = 0;
  private free_at = 0;
  private readonly waiting: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly random: () => number) {}

  carry(bytes: number, deliver: () => void): void {
    const { delay_ms, loss, rate_bps } = this.conditions;
    const now = performance.now();
    const start = Math.max(now, this.free_at);
    if (rate_bps !== Infinity && start - now > QUEUE_MS) {
      this.overflown++;
      return;
    }
    this.free_at = start + ((bytes + HEADER_BYTES) * 8 * 1000) / rate_bps;
    if (this.random() < loss) {
      this.lost++;
      return;
    }
    this.passed++;
    this.bytes += bytes + HEADER_BYTES;
    const before = this.waiting.at(-1)?.due ?? 0;
    const due = Math.max(before, this.free_at + delay_ms);
    if (due <= now && this.waiting.length === 0) deliver();
    else {
      this.waiting.push({ due, deliver });
      this.timer ??= setTimeout(() => this.release(), due - now);
    }
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private release(): void {
    const now = performance.now();
    // Timers are exact to a millisecond.
    while (this.waiting.length > 0 && this.waiting[0]!.due <= now + 0.5) this.waiting.shift()!.deliver();
    const next = this.waiting[0];
    this.timer = next && setTimeout(() => this.release(), Math.max(0, next.due - now));
  }
}

export class Line {
  readonly down: Direction;
  readonly up: Direction;
  private readonly sources = new Map<string, Socket>();

  private constructor(
    private readonly entrance: Socket,
    private readonly serverPort: number,
    seed: number,
  ) {
    this.down = new Direction(randomly(seed));
    this.up = new Direction(randomly(seed + 1));
    entrance.on('message', (datagram, { address, port }) => {
      this.up.carry(datagram.length, () =>
        this.exit(address, port)?.send(datagram, this.serverPort, '127.0.0.1'));
    });
  }

  /** A clean line to the server's port. The seed decides which packets are lost. */
  static async open(serverPort: number, seed = 1): Promise<Line> {
    const entrance = createSocket('udp4');
    await new Promise<void>((done) => entrance.bind(0, '127.0.0.1', done));
    return new Line(entrance, serverPort, seed);
  }

  /** From now on the line does this in both directions. */
  become(conditions: Partial<Conditions>): void {
    this.down.conditions = this.up.conditions = { ...CLEAN, ...conditions };
  }

  /** Sends the person's media over this line: the answers of the server name no other address. */
  async carry(person: Person): Promise<void> {
    await person.page.route(/\/(whep|whip)\//, async (route) => {
      const response = await route.fetch();
      // Without the relays that the server would offer, which are other ways around.
      const { link: _, ...headers } = response.headers();
      const body = this.throughHere(await response.text());
      await route.fulfill({ status: response.status(), headers, body });
    });
  }

  async close(): Promise<void> {
    this.down.end();
    this.up.end();
    for (const socket of this.sources.values()) socket.close();
    await new Promise<void>((done) => this.entrance.close(done));
  }

  /** An answer with this line's entrance as the only candidate of each section. */
  private throughHere(answer: string): string {
    const { port } = this.entrance.address();
    let named = false;
    return answer
      .split('\r\n')
      .filter((line) => {
        if (line.startsWith('m=')) named = false;
        if (!line.startsWith('a=candidate:')) return true;
        const first = !named && / udp /i.test(line) && line.includes(' 127.0.0.1 ');
        named ||= first;
        return first;
      })
      .map((line) => (line.startsWith('a=candidate:') ? line.replace(/ 127\.0\.0\.1 \d+ /, ` 127.0.0.1 ${port} `) : line))
      .join('\r\n');
  }

  /** The socket by which the server sees this source. */
  private exit(address: string, port: number): Socket | undefined {
    const source = `${address}:${port}`;
    const known = this.sources.get(source);
    if (known !== undefined || this.sources.size >= SOURCES_MAX) return known;
    const socket = createSocket('udp4');
    this.sources.set(source, socket);
    socket.on('message', (datagram) => {
      this.down.carry(datagram.length, () => this.entrance.send(datagram, port, address));
    });
    return socket;
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomly(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
