/**
 * The keys of the console. Single letters act only outside text fields and dialogs, and can be
 * switched off (WCAG 2.1.4). They are named by the place on the keyboard as well as by the letter,
 * so that they work while a Russian or Urdu layout is chosen.
 */

/** What a key asks for. */
export type KeyAct =
  | 'next-1'
  | 'next-2'
  | 'next-3'
  | 'take-floor'
  | 'undo'
  | 'hands'
  | 'next-segment'
  | 'extend'
  | 'lobby'
  | 'microphone'
  | 'help';

/** The keys in the order of the help, each with the place on the keyboard. */
export const KEYS: readonly { act: KeyAct; label: string; key: string; code: string | null }[] = [
  { act: 'next-1', label: '1', key: '1', code: 'Digit1' },
  { act: 'next-2', label: '2', key: '2', code: 'Digit2' },
  { act: 'next-3', label: '3', key: '3', code: 'Digit3' },
  { act: 'take-floor', label: 'T', key: 't', code: 'KeyT' },
  { act: 'undo', label: 'Z', key: 'z', code: 'KeyZ' },
  { act: 'hands', label: 'H', key: 'h', code: 'KeyH' },
  { act: 'next-segment', label: 'N', key: 'n', code: 'KeyN' },
  { act: 'extend', label: 'E', key: 'e', code: 'KeyE' },
  { act: 'lobby', label: 'L', key: 'l', code: 'KeyL' },
  { act: 'microphone', label: 'M', key: 'm', code: 'KeyM' },
  { act: 'help', label: '?', key: '?', code: null },
];

/** The part of a `KeyboardEvent` that decides. */
export interface Pressed {
  key: string;
  code: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
  isComposing: boolean;
}

/**
 * What a pressed key asks for. A Latin letter counts as the letter it prints, whatever its place
 * (AZERTY has its Z elsewhere); any other letter counts by its place.
 */
export function keyAct(pressed: Pressed): KeyAct | null {
  if (pressed.ctrlKey || pressed.altKey || pressed.metaKey) return null;
  if (pressed.repeat || pressed.isComposing) return null;
  const key = pressed.key.toLowerCase();
  const printed = KEYS.find((entry) => entry.key === key);
  if (printed !== undefined) return printed.act;
  // The question mark of an Arabic layout, and its digits.
  if (key === '؟') return 'help';
  if (/^[\p{ASCII}]$/u.test(key)) return null;
  return KEYS.find((entry) => entry.code !== null && entry.code === pressed.code)?.act ?? null;
}

/** True where a letter is text: fields, and anything the person edits. */
export function isTextField(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable) return true;
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return (
    target instanceof HTMLInputElement &&
    !['button', 'checkbox', 'radio', 'range', 'submit', 'reset'].includes(target.type)
  );
}
