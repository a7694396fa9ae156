import { beforeEach, describe, expect, test } from 'vitest';
import { LiveSocket, liveUrl, type Line, type SocketLike, type Surroundings } from './live';
import type { ServerMessage } from './types';

/** A socket that a test speaks through. */
class FakeSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  sent: unknown[] = [];
  closed = false;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.onopen?.(undefined as never);
  }
  say(message: unknown): void {
    this.onmessage?.({ data: typeof message === 'string' ? message : JSON.stringify(message) });
  }
  drop(): void {
    this.onclose?.(undefined as never);
  }
}

/** Time and sockets under the test's hand. */
class World implements Surroundings {
  sockets: FakeSocket[] = [];
  now_ms = 0;
  #timers = new Map<number, { at_ms: number; run: () => void }>();
  #next = 1;
  open = (): SocketLike => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };
  setTimer(run: () => void, delay_ms: number): number {
    this.#timers.set(this.#next, { at_ms: this.now_ms + delay_ms, run });
    return this.#next++;
  }
  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as number);
  }
  random = (): number => 1;
  pass(span_ms: number): void {
    const end_ms = this.now_ms + span_ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { at_ms }]) => at_ms <= end_ms).sort((a, b) => a[1].at_ms - b[1].at_ms)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.now_ms = due[1].at_ms;
      due[1].run();
    }
    this.now_ms = end_ms;
  }
  get timers(): number {
    return this.#timers.size;
  }
  get last(): FakeSocket {
    return this.sockets.at(-1)!;
  }
}

let world: World;
let messages: ServerMessage[];
let lines: Line[];
let live: LiveSocket;

const WELCOME = { type: 'welcome', connection: 1, sequence: 7, now: 1000, event: {}, you: {}, sections: [] };

beforeEach(() => {
  world = new World();
  messages = [];
  lines = [];
  live = new LiveSocket(
    'ws://x/api/live',
    'day',
    'secret',
    { message: (message) => messages.push(message), line: (line) => lines.push(line) },
    world,
  );
});

function connect(): FakeSocket {
  live.start();
  world.last.open();
  world.last.say(WELCOME);
  return world.last;
}

describe('connecting', () => {
  test('says hello with the token in the message, and is open after welcome', () => {
    const socket = connect();
    expect(socket.sent).toEqual([{ type: 'hello', event: 'day', token: 'secret', resume: null }]);
    expect(lines.map(({ state }) => state)).toEqual(['connecting', 'open']);
    expect(messages.map(({ type }) => type)).toEqual(['welcome']);
  });

  test('tries anew when nothing opens', () => {
    live.start();
    world.pass(8_000);
    expect(world.sockets[0]!.closed).toBe(true);
    world.pass(400);
    expect(world.sockets).toHaveLength(2);
  });

  test('passes over what it does not understand', () => {
    const socket = connect();
    socket.say('not json');
    socket.say('[1]');
    expect(messages).toHaveLength(1);
    expect(lines.at(-1)?.state).toBe('open');
  });
});

describe('coming back', () => {
  test('resumes from the last sequence seen', () => {
    const socket = connect();
    socket.say({ type: 'changed', sequence: 12, sections: [] });
    socket.drop();
    expect(lines.at(-1)).toEqual({ state: 'lost', attempt: 1 });
    world.pass(300);
    world.last.open();
    expect(world.last.sent[0]).toMatchObject({ type: 'hello', resume: 12 });
  });

  test('waits longer each time, never more than four seconds', () => {
    connect().drop();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const before = world.sockets.length;
      const from_ms = world.now_ms;
      while (world.sockets.length === before) world.pass(50);
      waits.push(world.now_ms - from_ms);
      world.last.drop();
    }
    expect(waits).toEqual([300, 600, 1200, 2400, 4000, 4000, 4000, 4000]);
  });

  test('begins with the short wait again after a good connection', () => {
    connect().drop();
    world.pass(300);
    world.last.drop();
    world.pass(600);
    world.last.open();
    world.last.say(WELCOME);
    world.last.drop();
    expect(lines.at(-1)).toEqual({ state: 'lost', attempt: 1 });
  });

  test('tries at once when the network is back', () => {
    connect().drop();
    live.retryNow();
    expect(world.sockets).toHaveLength(2);
    live.retryNow();
    expect(world.sockets).toHaveLength(2);
  });

  test('pings, and gives up a line that is silent', () => {
    const socket = connect();
    world.pass(10_000);
    expect(socket.sent.at(-1)).toEqual({ type: 'ping' });
    world.pass(12_000);
    expect(socket.closed).toBe(true);
    expect(lines.at(-1)?.state).toBe('lost');
  });

  test('an answer keeps the line', () => {
    const socket = connect();
    for (let beat = 0; beat < 10; beat += 1) {
      world.pass(10_000);
      socket.say({ type: 'pong', now: 1 });
    }
    expect(lines.at(-1)?.state).toBe('open');
  });

  test('news of a socket that was given up do not count', () => {
    const old = connect();
    const { onmessage } = old;
    old.drop();
    world.pass(300);
    onmessage?.({ data: JSON.stringify({ type: 'changed', sequence: 99, sections: [] }) });
    world.last.open();
    expect(world.last.sent[0]).toMatchObject({ resume: 7 });
  });
});

describe('the end', () => {
  test.each(['bad-token', 'no-such-event', 'removed', 'too-many-connections', 'closed', 'bad-message'])(
    'after %s it does not come back',
    (reason) => {
      connect().say({ type: 'end', reason });
      expect(lines.at(-1)).toEqual({ state: 'ended', reason });
      world.pass(60_000);
      expect(world.sockets).toHaveLength(1);
      expect(world.timers).toBe(0);
    },
  );

  test.each(['suspended', 'event-full'])('after %s it comes back slowly', (reason) => {
    const socket = connect();
    socket.say({ type: 'end', reason });
    socket.drop();
    world.pass(9_000);
    expect(world.sockets).toHaveLength(1);
    world.pass(1_000);
    expect(world.sockets).toHaveLength(2);
  });

  test.each(['too-slow', 'server-stops', 'unavailable'])('after %s it comes back soon', (reason) => {
    const socket = connect();
    socket.say({ type: 'end', reason });
    socket.drop();
    world.pass(300);
    expect(world.sockets).toHaveLength(2);
  });

  test('stopping leaves no timer behind', () => {
    connect();
    live.stop();
    expect(world.timers).toBe(0);
    expect(world.last.closed).toBe(true);
  });
});

describe('commands', () => {
  test('are told accepted, refused and failed apart by id', async () => {
    const socket = connect();
    const raise = live.command({ do: 'raise-hand' });
    const lower = live.command({ do: 'lower-hand' });
    const share = live.command({ do: 'set-screen', on: true });
    expect(socket.sent.slice(1)).toEqual([
      { type: 'command', id: 1, command: { do: 'raise-hand' } },
      { type: 'command', id: 2, command: { do: 'lower-hand' } },
      { type: 'command', id: 3, command: { do: 'set-screen', on: true } },
    ]);
    socket.say({ type: 'refused', id: 2, refusal: 'no-hand-raised' });
    socket.say({ type: 'accepted', id: 1, sequence: 9 });
    socket.say({ type: 'failed', id: 3, failure: 'unavailable' });
    expect(await raise).toEqual({ outcome: 'accepted', sequence: 9 });
    expect(await lower).toEqual({ outcome: 'refused', refusal: 'no-hand-raised' });
    expect(await share).toEqual({ outcome: 'failed', failure: 'unavailable' });
  });

  test('under way when the line drops are lost', async () => {
    const socket = connect();
    const raise = live.command({ do: 'raise-hand' });
    socket.drop();
    expect(await raise).toEqual({ outcome: 'lost' });
  });

  test('are not sent while there is no line', async () => {
    live.start();
    expect(await live.command({ do: 'raise-hand' })).toEqual({ outcome: 'lost' });
    expect(world.last.sent).toEqual([]);
  });

  test('are not gathered without bound', async () => {
    const socket = connect();
    for (let count = 0; count < 64; count += 1) void live.command({ do: 'raise-hand' });
    expect(await live.command({ do: 'raise-hand' })).toEqual({ outcome: 'lost' });
    expect(socket.sent).toHaveLength(65);
  });
});

test('the socket is encrypted where the page is', () => {
  expect(liveUrl({ protocol: 'https:', host: 'a.example' })).toBe('wss://a.example/api/live');
  expect(liveUrl({ protocol: 'http:', host: 'localhost:8080' })).toBe('ws://localhost:8080/api/live');
});
