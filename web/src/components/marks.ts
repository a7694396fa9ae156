/**
 * Drawings of the marks and icons. Discs say how much is recorded, squares how far a statement is
 * cleared, points ask for attention.
 */
export const MARKS = {
  'on-the-record': 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Z',
  'chatham-house-rule': 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.8A5.2 5.2 0 0 1 13.2 8H2.8A5.2 5.2 0 0 1 8 2.8Z',
  'off-the-record':
    'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1Zm0 1.8c1.1 0 2.15.35 3 .95L3.75 11A5.2 5.2 0 0 1 8 2.8Zm0 10.4c-1.1 0-2.15-.35-3-.95L12.25 5A5.2 5.2 0 0 1 8 13.2Z',
  good: 'M5.9 13.8.9 8.8l1.9-1.9 3.1 3.1L13.2 2.7l1.9 1.9Z',
  overrun: 'M8 1.2 15.6 14.6H.4Z',
  trouble: 'M8 0l8 8-8 8-8-8ZM7 4v5h2V4Zm0 6.2v2h2v-2Z',
  pending: 'M1 1h14v14H1Zm1.8 1.8v10.4h10.4V2.8Z',
} as const;

export type MarkName = keyof typeof MARKS;

export const ICONS = {
  calendar: 'M4 6h16v14H4ZM4 10.5h16M8 3.5V8M16 3.5V8',
  hand: 'M8 13V5.5a1.5 1.5 0 0 1 3 0V11m0-6.5a1.5 1.5 0 0 1 3 0V11m0-5a1.5 1.5 0 0 1 3 0v6m0-3.5a1.5 1.5 0 0 1 3 0V15c0 4-2.5 6.5-6.5 6.5-3 0-4.7-1-6-3.5L4.6 14.2a1.5 1.5 0 0 1 2.5-1.7L8 14',
  globe: 'M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17ZM3.5 12h17M12 3.5c5 5 5 12 0 17M12 3.5c-5 5-5 12 0 17',
  ear: 'M4 13v-1a8 8 0 0 1 16 0v1M4 13h3.5v6H4Zm12.5 0H20v6h-3.5Z',
  leave: 'M13 4H5v16h8M10 12h10m-4-4 4 4-4 4',
  microphone: 'M9 11V6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M8.5 21h7',
  'microphone-off': 'M9 11V6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M8.5 21h7M4 3l16 18',
  camera: 'M3 7h12v10H3ZM15 10.500l6-3v9l-6-3',
  'camera-off': 'M3 7h12v10H3ZM15 10.500l6-3v9l-6-3M4 3l16 18',
  screen: 'M3 5h18v11H3ZM9 20h6M12 16v4M12 13V8m-2.500 2.500L12 8l2.500 2.500',
  'screen-off': 'M3 5h18v11H3ZM9 20h6M12 16v4M9.500 8l5 5m0-5-5 5',
  words: 'M3 6h18v12H3ZM6.500 11h7M16 11h1.500M6.500 14.500H10M12.500 14.500h5',
  copy: 'M8 8h12v12H8ZM16 8V4H4v12h4',
  down: 'M6 9.5 12 15.5 18 9.5',
  sound: 'M4 9.500v5h4l5 4v-13l-5 4ZM16 9a4.500 4.500 0 0 1 0 6M18.500 6.500a8 8 0 0 1 0 11',
  lock: 'M6 11h12v9H6ZM8.500 11V8a3.500 3.500 0 0 1 7 0v3',
  unlock: 'M6 11h12v9H6ZM8.500 11V8a3.500 3.500 0 0 1 6.800-1.200',
  person: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8ZM4.500 20.500a7.500 7.500 0 0 1 15 0',
  search: 'M10.500 4a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM15.500 15.500 21 21',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  yield: 'M20 8H8a4 4 0 0 0 0 8h3M8 12l4 4-4 4',
} as const;

export type IconName = keyof typeof ICONS;
