/** The keys of the desk, named by the letter and by the place on the keyboard as the console's are. */
import type { Pressed } from '../../console/keys';
import type { ShuttleKey } from './sound';

export type DeskKey = ShuttleKey | 'mark' | 'begins' | 'ends' | 'again' | 'check' | 'next' | 'search' | 'drop';

const LETTERS: Record<string, DeskKey> = {
  j: 'slower',
  k: 'stop',
  l: 'faster',
  m: 'mark',
  i: 'begins',
  o: 'ends',
  h: 'again',
  e: 'check',
  n: 'next',
};

/** Keys in the order of the foot. */
export const SHOWN: readonly { key: DeskKey; label: string }[] = [
  { key: 'slower', label: 'J' },
  { key: 'toggle', label: 'K' },
  { key: 'faster', label: 'L' },
  { key: 'back-2', label: '←→' },
  { key: 'back-10', label: '⇧←→' },
  { key: 'mark', label: 'M' },
  { key: 'begins', label: 'I' },
  { key: 'ends', label: 'O' },
  { key: 'again', label: 'H' },
  { key: 'check', label: 'E' },
  { key: 'next', label: 'N' },
  { key: 'search', label: '/' },
];

/** What a pressed key asks for. Sound runs from left to right in every language, and so do arrows. */
export function deskKey(pressed: Pressed & { shiftKey: boolean }): DeskKey | null {
  if (pressed.ctrlKey || pressed.altKey || pressed.metaKey || pressed.isComposing) return null;
  // An arrow that is held down goes on; everything else happens once.
  if (pressed.key === 'ArrowLeft') return pressed.shiftKey ? 'back-10' : 'back-2';
  if (pressed.key === 'ArrowRight') return pressed.shiftKey ? 'on-10' : 'on-2';
  if (pressed.repeat) return null;
  if (pressed.key === ' ') return 'toggle';
  if (pressed.key === '/') return 'search';
  if (pressed.key === 'Escape') return 'drop';
  const key = pressed.key.toLowerCase();
  if (key in LETTERS) return LETTERS[key] ?? null;
  if (/^\p{ASCII}$/u.test(key)) return null;
  return LETTERS[/^Key([A-Z])$/.exec(pressed.code)?.[1]?.toLowerCase() ?? ''] ?? null;
}
