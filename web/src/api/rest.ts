/** The few REST calls of the client (docs/PROTOCOL.md). No user interface here. */
import type { ErrorBody, EventSummary, EventView, JoinView, LinkIssued, Registration } from './types';

/** A call that failed. `code` is the server's stable word, or `network` when no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A first answer slower than this is treated as no answer; the person can try again. */
const ANSWER_TIMEOUT_MS = 15_000;

/** All events of this server. */
export const fetchEvents = (): Promise<EventSummary[]> => call('/api/events');

/** One event, as everybody may read it. */
export const fetchEvent = (event: string): Promise<EventView> => call(`/api/events/${event}`);

/** Whose personal link this is. */
export const fetchJoin = (event: string, token: string): Promise<JoinView> =>
  call(`/api/events/${event}/join`, { headers: { authorization: `Bearer ${token}` } });

/** Registers a participant; the answer carries their personal link, shown once. */
export const register = (event: string, registration: Registration): Promise<LinkIssued> =>
  call(`/api/events/${event}/registrations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(registration),
  });

/** Address of the calendar file. */
export const calendarPath = (event: string): string => `/api/events/${event}/calendar.ics`;

async function call<Body>(path: string, init: RequestInit = {}): Promise<Body> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  } catch {
    throw new ApiError(0, 'network', 'The server does not answer.');
  }
  if (response.ok) return (await response.json()) as Body;
  const body = (await response.json().catch(() => null)) as ErrorBody | null;
  throw new ApiError(response.status, body?.error ?? 'unknown', body?.message ?? response.statusText);
}
