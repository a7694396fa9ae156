/**
 * Addresses of the client. The token of a personal link stands in the fragment, so that it never
 * reaches a server's log or a referrer.
 */
export type Route =
  | { screen: 'events' }
  | { screen: 'event'; event: string }
  | { screen: 'join'; event: string; token: string }
  | { screen: 'check'; event: string; token: string }
  | { screen: 'release'; event: string; token: string }
  | { screen: 'desk'; event: string; token: string }
  | { screen: 'clearance'; event: string; token: string }
  | { screen: 'captions'; event: string; token: string }
  | { screen: 'not-found' };

/** An event's identifier, as the server allows it (base::EventId). */
const EVENT_ID = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** Pages of a personal link, by the last part of their address. */
const PAGES = { join: 'join', check: 'check', desk: 'desk', clearance: 'clearance', press: 'release', captions: 'captions' } as const;

/** Reads a route from the path and the fragment of an address. */
export function parseRoute(path: string, fragment: string): Route {
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.length === 0) return { screen: 'events' };
  const [prefix, event, page, ...rest] = parts;
  if (prefix !== 'e' || event === undefined || !EVENT_ID.test(event) || rest.length > 0) {
    return { screen: 'not-found' };
  }
  if (page === undefined) return { screen: 'event', event };
  if (!Object.hasOwn(PAGES, page)) return { screen: 'not-found' };
  return { screen: PAGES[page as keyof typeof PAGES], event, token: fragment.replace(/^#/, '') };
}

/** Address of an event's public page. */
export const eventPath = (event: string): string => `/e/${event}`;

/** Address of a personal link within this server. */
export const joinPath = (event: string, token: string): string => `/e/${event}/join#${token}`;

/** Address of the check of a connection, with a personal link's token. */
export const checkPath = (event: string, token: string): string => `/e/${event}/check#${token}`;
