/**
 * The live socket (docs/PROTOCOL.md): one WebSocket that comes back by itself, resumes where it
 * stopped, and keeps no message queue of its own. No user interface here.
 */
import type {
  CaptionAct,
  ClientMessage,
  Command,
  CommandFailure,
  EndReason,
  Refusal,
  Sequence,
  ServerMessage,
} from './types';

/** Where the line stands. `lost` comes back by itself; `ended` does not. */
export type Line =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'lost'; attempt: number }
  | { state: 'ended'; reason: EndReason };

/** What became of a command. `lost`: the line dropped before an answer, so it may have been done. */
export type Outcome =
  | { outcome: 'accepted'; sequence: Sequence }
  | { outcome: 'refused'; refusal: Refusal }
  /** The server could not do it now; nothing changed, and it may be asked again. */
  | { outcome: 'failed'; failure: CommandFailure }
  | { outcome: 'lost' };

/** What the client needs of its surroundings; tests hand in their own. */
export interface Surroundings {
  open(url: string): SocketLike;
  setTimer(run: () => void, delay_ms: number): unknown;
  clearTimer(timer: unknown): void;
  random(): number;
}

/** The part of WebSocket that is used. */
export interface SocketLike {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface LiveHandlers {
  message(message: ServerMessage): void;
  line(line: Line): void;
}

/** The server closes a socket that was silent for 30 s. */
const PING_EVERY_MS = 10_000;
/** Nothing at all from the server for this long means that the line is dead. */
const SILENCE_MAX_MS = 22_000;
/** A connection that does not open within this time is tried anew. */
const OPEN_TIMEOUT_MS = 8_000;
/** First wait after a drop; doubles up to the longest. Clients are to be back within 5 s. */
const RETRY_FIRST_MS = 300;
const RETRY_LONGEST_MS = 4_000;
/** For reasons after which the server asks to come back slowly. */
const RETRY_SLOW_MS = 10_000;
/** Commands under way at once; a person presses one button at a time. */
const PENDING_MAX = 64;

/** After these the person has to act; coming back by itself would only be refused again. */
const FINAL: ReadonlySet<EndReason> = new Set<EndReason>([
  'bad-token',
  'no-such-event',
  'removed',
  'too-many-connections',
  'closed',
  'bad-message',
]);
const SLOW: ReadonlySet<EndReason> = new Set<EndReason>(['suspended', 'event-full']);

export class LiveSocket {
  readonly #url: string;
  readonly #event: string;
  readonly #token: string;
  readonly #handlers: LiveHandlers;
  readonly #around: Surroundings;

  #socket: SocketLike | null = null;
  #resume: Sequence | null = null;
  #attempt = 0;
  #slow = false;
  #stopped = false;
  #opened = false;
  #timer: unknown = null;
  #ping: unknown = null;
  #silence: unknown = null;
  #next_id = 1;
  readonly #pending = new Map<number, (outcome: Outcome) => void>();

  constructor(
    url: string,
    event: string,
    token: string,
    handlers: LiveHandlers,
    around: Surroundings = browser,
  ) {
    this.#url = url;
    this.#event = event;
    this.#token = token;
    this.#handlers = handlers;
    this.#around = around;
  }

  /** Connects, and from now on stays connected. */
  start(): void {
    this.#handlers.line({ state: 'connecting' });
    this.#connect();
  }

  /** Leaves for good. */
  stop(): void {
    this.#stopped = true;
    this.#drop();
    this.#around.clearTimer(this.#timer);
  }

  /** Tries at once instead of waiting: the network is back, or the person asks for it. */
  retryNow(): void {
    if (this.#stopped || this.#socket !== null) return;
    this.#around.clearTimer(this.#timer);
    this.#connect();
  }

  /** Sends a command. Never throws; what became of it is the answer. */
  command(command: Command): Promise<Outcome> {
    if (!this.#opened || this.#socket === null || this.#pending.size >= PENDING_MAX) {
      return Promise.resolve({ outcome: 'lost' });
    }
    const id = this.#next_id++;
    const socket = this.#socket;
    return new Promise((resolve) => {
      this.#pending.set(id, resolve);
      send(socket, { type: 'command', id, command });
    });
  }

  /** Does something at the captions' desk; what is not sent is told anew when the line is back. */
  caption(act: CaptionAct): void {
    if (this.#opened && this.#socket !== null) send(this.#socket, { type: 'caption', act });
  }

  #connect(): void {
    const socket = this.#around.open(this.#url);
    this.#socket = socket;
    this.#timer = this.#around.setTimer(() => this.#lost(socket), OPEN_TIMEOUT_MS);
    socket.onopen = () => {
      send(socket, { type: 'hello', event: this.#event, token: this.#token, resume: this.#resume });
    };
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket && typeof data === 'string') this.#receive(data);
    };
    socket.onclose = () => this.#lost(socket);
  }

  #receive(text: string): void {
    this.#expectMore();
    const message = parse(text);
    if (message === null) return;
    switch (message.type) {
      case 'welcome':
        this.#around.clearTimer(this.#timer);
        this.#opened = true;
        this.#attempt = 0;
        this.#resume = message.sequence;
        this.#schedulePing();
        this.#handlers.message(message);
        this.#handlers.line({ state: 'open' });
        return;
      case 'changed':
        this.#resume = message.sequence;
        break;
      case 'accepted':
        this.#settle(message.id, { outcome: 'accepted', sequence: message.sequence });
        return;
      case 'refused':
        this.#settle(message.id, { outcome: 'refused', refusal: message.refusal });
        return;
      case 'failed':
        this.#settle(message.id, { outcome: 'failed', failure: message.failure });
        return;
      case 'end':
        this.#slow = SLOW.has(message.reason);
        this.#handlers.message(message);
        if (FINAL.has(message.reason)) {
          this.stop();
          this.#handlers.line({ state: 'ended', reason: message.reason });
        }
        return;
    }
    this.#handlers.message(message);
  }

  #settle(id: number, outcome: Outcome): void {
    const resolve = this.#pending.get(id);
    this.#pending.delete(id);
    resolve?.(outcome);
  }

  /** The line dropped: forget this socket and come back after a wait that grows and is never the
   * same for everybody. */
  #lost(socket: SocketLike): void {
    if (socket !== this.#socket || this.#stopped) return;
    this.#drop();
    this.#attempt += 1;
    this.#handlers.line({ state: 'lost', attempt: this.#attempt });
    const longest = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** (this.#attempt - 1));
    const wait = this.#slow ? RETRY_SLOW_MS : longest;
    this.#slow = false;
    this.#around.clearTimer(this.#timer);
    this.#timer = this.#around.setTimer(
      () => this.#connect(),
      wait / 2 + this.#around.random() * (wait / 2),
    );
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#opened = false;
    this.#around.clearTimer(this.#ping);
    this.#around.clearTimer(this.#silence);
    if (socket !== null) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const resolve of pending) resolve({ outcome: 'lost' });
  }

  #schedulePing(): void {
    this.#around.clearTimer(this.#ping);
    this.#ping = this.#around.setTimer(() => {
      if (this.#socket === null) return;
      send(this.#socket, { type: 'ping' });
      this.#schedulePing();
    }, PING_EVERY_MS);
  }

  #expectMore(): void {
    const socket = this.#socket;
    this.#around.clearTimer(this.#silence);
    if (socket === null) return;
    this.#silence = this.#around.setTimer(() => this.#lost(socket), SILENCE_MAX_MS);
  }
}

/** Address of the live socket of the server that this page came from. */
export const liveUrl = (location: { protocol: string; host: string }): string =>
  `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/api/live`;

const browser: Surroundings = {
  open: (url) => new WebSocket(url) as unknown as SocketLike,
  setTimer: (run, delay_ms) => setTimeout(run, delay_ms),
  clearTimer: (timer) => clearTimeout(timer as number | undefined),
  random: Math.random,
};

function send(socket: SocketLike, message: ClientMessage): void {
  socket.send(JSON.stringify(message));
}

/** A message that is not understood is passed over: a newer server may say more. */
function parse(text: string): ServerMessage | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'type' in value ? (value as ServerMessage) : null;
  } catch {
    return null;
  }
}
