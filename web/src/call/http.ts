/** The HTTP side of WHIP (RFC 9725) and WHEP: one offer, one answer, and what may follow. */

/** An answer to an offer. `location` is the session's own address. */
export interface Accepted {
  location: string;
  sdp: string;
  etag: string | null;
  /** Relays of the server, with credentials for this person. */
  relays: RTCIceServer[];
}

/** Why there is no session: the server's status, or 0 when no answer came. */
export class SignalError extends Error {
  constructor(readonly status: number) {
    super(`signalling failed with ${status}`);
  }
}

const ANSWER_TIMEOUT_MS = 10_000;

export async function offer(url: string, token: string, sdp: string): Promise<Accepted> {
  const response = await request(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' },
    body: sdp,
  });
  if (response.status !== 201) throw new SignalError(response.status);
  return accepted(url, response.headers, await response.text());
}

/** What a 201 says. The session's address may be relative to the endpoint's. */
export function accepted(url: string, headers: Headers, sdp: string): Accepted {
  const location = headers.get('location');
  if (location === null || !/^m=/m.test(sdp)) throw new SignalError(201);
  const relays = relaysIn(headers.get('link') ?? '');
  return { location: new URL(location, new URL(url, base())).href, sdp, etag: headers.get('etag'), relays };
}

/** The relays that a `Link` header names (RFC 9725, section 4.6). */
export function relaysIn(link: string): RTCIceServer[] {
  return [...link.matchAll(/<([^>]*)>([^<]*)/g)].flatMap(([, url = '', parameters = '']) => {
    const value = (name: string): string | undefined => new RegExp(`;\\s*${name}="([^"]*)"`).exec(parameters)?.[1];
    const [username, credential] = [value('username'), value('credential')];
    const isRelay = /^turns?:/.test(url) && value('rel') === 'ice-server';
    return isRelay && username && credential ? [{ urls: url, username, credential }] : [];
  });
}

/** Sends a fragment; the answer is the server's fragment on a restart, or null. */
export async function patch(session: Accepted, token: string, body: string): Promise<string | null> {
  const response = await request(session.location, {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/trickle-ice-sdpfrag',
      // A restart has to name what it restarts; the star takes whatever is there.
      'if-match': '*',
    },
    body,
  });
  if (response.status === 200) return response.text();
  if (response.status === 204) return null;
  throw new SignalError(response.status);
}

/** Ends a session. Also sent while the page goes away, so nothing waits for the answer. */
export function end(session: Accepted, token: string): void {
  fetch(session.location, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
    keepalive: true,
  }).catch(() => undefined);
}

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  } catch {
    throw new SignalError(0);
  }
}

const base = (): string => (typeof location === 'undefined' ? 'http://localhost' : location.href);
