/**
 * One media session that stays up: it is offered once, restarted (ICE) when the path breaks, and
 * made anew when that does not help. WHIP and WHEP differ only in what they put into the offer.
 */
import { end, offer, patch, SignalError, type Accepted } from './http';
import { NOTHING_NEW, restartFragment, tuneOpus, withFragment } from './sdp';

/** `refused`: the server says that this person may not, now; it is asked again slowly until stopped. */
export type MediaState = 'idle' | 'connecting' | 'connected' | 'interrupted' | 'refused';

export interface MediaHandlers {
  /** Puts transceivers into a new connection, in the order that the protocol fixes. */
  build(connection: RTCPeerConnection): void;
  state(state: MediaState): void;
}

/** A broken path often comes back by itself; wait this long before a restart. */
const DISCONNECTED_GRACE_MS = 1_500;
/** Without a direct path by then, the server's relay is tried, too. Asking for it at once would cost
 * everybody's server what few need. */
const RELAY_AFTER_MS = 1_500;
/** A session that has not connected by then is made anew. */
const CONNECT_TIMEOUT_MS = 8_000;
const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 5_000;
/** After so many attempts the network lets nothing through, and is asked now and then. */
const ATTEMPTS_QUICK = 4;
const RETRY_SELDOM_MS = 30_000;
/** What the live socket says and what the media server knows may differ for a moment. */
const REFUSED_RETRY_MS = 3_000;

export class MediaSession {
  readonly #url: string;
  readonly #token: string;
  readonly #handlers: MediaHandlers;

  #connection: RTCPeerConnection | null = null;
  #accepted: Accepted | null = null;
  #state: MediaState = 'idle';
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #restarting = false;
  /** The relays of the last answer, once they were needed: later connections begin with them. */
  static #needed: RTCIceServer[] = [];

  constructor(url: string, token: string, handlers: MediaHandlers) {
    this.#url = url;
    this.#token = token;
    this.#handlers = handlers;
  }

  get state(): MediaState {
    return this.#state;
  }

  /** For getStats and for exchanging tracks. */
  get connection(): RTCPeerConnection | null {
    return this.#connection;
  }

  start(): void {
    if (this.#state === 'idle') void this.#open();
  }

  /** Ends the session at both ends. */
  stop(): void {
    this.#close();
    this.#attempt = 0;
    this.#set('idle');
  }

  /** The server may have been restarted: ask whether the session is still there. */
  async verify(): Promise<void> {
    const session = this.#accepted;
    if (this.#restarting) return;
    if (session === null) {
      // The server may be back: what waits for its next attempt makes it now.
      if (this.#attempt > ATTEMPTS_QUICK && this.#connection !== null) void this.#open();
      return;
    }
    try {
      await patch(session, this.#token, NOTHING_NEW);
    } catch (error) {
      const gone = error instanceof SignalError && (error.status === 404 || error.status === 410);
      if (gone && this.#accepted === session) void this.#open();
    }
  }

  async #open(): Promise<void> {
    const wasUp = this.#state === 'connected' || this.#state === 'interrupted';
    this.#close();
    this.#set(wasUp ? 'interrupted' : 'connecting');
    const connection = new RTCPeerConnection(configuration(MediaSession.#needed));
    this.#connection = connection;
    connection.onconnectionstatechange = () => this.#moved(connection);
    try {
      this.#handlers.build(connection);
      await connection.setLocalDescription();
      // Candidates are not awaited: the server is ICE-lite, our first check tells it our address.
      const session = await offer(this.#url, this.#token, connection.localDescription?.sdp ?? '');
      if (connection !== this.#connection) {
        end(session, this.#token);
        return;
      }
      this.#accepted = session;
      await connection.setRemoteDescription({ type: 'answer', sdp: tuneOpus(session.sdp) });
      this.#timer = setTimeout(() => void this.#tryRelays(connection), RELAY_AFTER_MS);
    } catch (error) {
      if (connection !== this.#connection) return;
      if (error instanceof SignalError && (error.status === 401 || error.status === 403)) {
        this.#close();
        this.#set('refused');
        this.#timer = setTimeout(() => void this.#open(), REFUSED_RETRY_MS);
      } else this.#retry(connection);
    }
  }

  #moved(connection: RTCPeerConnection): void {
    if (connection !== this.#connection) return;
    switch (connection.connectionState) {
      case 'connected':
        clearTimeout(this.#timer);
        this.#attempt = 0;
        this.#set('connected');
        break;
      case 'disconnected':
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.#restart(connection), DISCONNECTED_GRACE_MS);
        break;
      case 'failed':
        clearTimeout(this.#timer);
        void this.#restart(connection);
        break;
    }
  }

  /** No direct path so far: gathers again, with the relays of the answer. */
  async #tryRelays(connection: RTCPeerConnection): Promise<void> {
    const relays = this.#accepted?.relays ?? [];
    // With a path the rest is only a matter of time.
    const found = ['connected', 'completed'].includes(connection.iceConnectionState);
    // Whether others need them by now says nothing of this connection.
    const news = relays.length > 0 && !connection.getConfiguration().iceServers?.length;
    if (news && !found) await this.#restart(connection);
    else this.#timer = setTimeout(() => this.#retry(connection), CONNECT_TIMEOUT_MS - RELAY_AFTER_MS);
  }

  async #restart(connection: RTCPeerConnection): Promise<void> {
    const session = this.#accepted;
    if (connection !== this.#connection || session === null || this.#restarting) return;
    const wasUp = this.#state !== 'connecting';
    if (wasUp) this.#set('interrupted');
    this.#restarting = true;
    try {
      MediaSession.#needed = session.relays;
      connection.setConfiguration(configuration(session.relays));
      connection.restartIce();
      await connection.setLocalDescription();
      const body = restartFragment(connection.localDescription?.sdp ?? '');
      const answer = body === null ? null : await patch(session, this.#token, body);
      const sdp = answer === null ? null : withFragment(session.sdp, answer);
      if (connection !== this.#connection) return;
      if (sdp === null) {
        this.#retry(connection);
        return;
      }
      session.sdp = sdp;
      await connection.setRemoteDescription({ type: 'answer', sdp: tuneOpus(sdp) });
      this.#timer = setTimeout(() => this.#retry(connection), CONNECT_TIMEOUT_MS);
    } catch {
      this.#retry(connection);
    } finally {
      this.#restarting = false;
    }
  }

  #retry(connection: RTCPeerConnection): void {
    if (connection !== this.#connection) return;
    const quick = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** this.#attempt);
    const longest = this.#attempt < ATTEMPTS_QUICK ? quick : RETRY_SELDOM_MS;
    this.#attempt += 1;
    this.#set(this.#state === 'connecting' ? 'connecting' : 'interrupted');
    clearTimeout(this.#timer);
    // The first retry is at once; a server that is busy is not asked by everybody together.
    const wait_ms = this.#attempt === 1 ? 0 : longest / 2 + Math.random() * (longest / 2);
    this.#timer = setTimeout(() => {
      if (connection === this.#connection) void this.#open();
    }, wait_ms);
  }

  #close(): void {
    clearTimeout(this.#timer);
    if (this.#connection !== null) {
      this.#connection.onconnectionstatechange = null;
      this.#connection.close();
    }
    if (this.#accepted !== null) end(this.#accepted, this.#token);
    this.#connection = null;
    this.#accepted = null;
  }

  #set(state: MediaState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#handlers.state(state);
  }
}

const configuration = (relays: RTCIceServer[]): RTCConfiguration => ({
  bundlePolicy: 'max-bundle',
  iceServers: relays,
});
