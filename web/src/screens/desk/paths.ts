/** Addresses of the record's screens. Apart from the router's: a participant's first visit needs none. */

/** Address of the rapporteur's desk, with a personal link's token. */
export const deskPath = (event: string, token: string): string => `/e/${event}/desk#${token}`;

/** Address of the captions' desk. */
export const captionsPath = (event: string, token: string): string => `/e/${event}/captions#${token}`;

/** Address of the page on which a speaker clears statements. */
export const clearancePath = (event: string, token: string): string => `/e/${event}/clearance#${token}`;

/** Address of the editor of the release, with a personal link's token. */
export const releasePath = (event: string, token: string): string => `/e/${event}/press#${token}`;
