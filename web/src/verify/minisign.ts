/**
 * Keys and signatures of minisign (https://jedisct1.github.io/minisign/): Ed25519 (RFC 8032) over
 * the message's BLAKE2b-512 (RFC 7693), or over the message itself in old files; a second signature
 * binds the trusted comment to it.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';

/** Longest key or signature file that is read, in bytes. */
export const FILE_BYTES_MAX = 4096;

const UNTRUSTED = 'untrusted comment: ';
const TRUSTED = 'trusted comment: ';

export interface PublicKey {
  /** As minisign prints it. It is no proof. */
  id: string;
  key: Uint8Array;
}

export interface Signature {
  prehashed: boolean;
  /** The key that is said to have made it. */
  key: string;
  signature: Uint8Array;
  comment: string;
  global: Uint8Array;
}

/** Reads a public key file, or only its second line; `null` when it is none. */
export function publicKey(text: string): PublicKey | null {
  const lines = linesOf(text).map((line) => line.trim()).filter((line) => line !== '');
  const [line, more] = lines.slice(lines.findIndex((one) => !one.startsWith(UNTRUSTED)));
  const bytes = line === undefined ? null : decoded(line, 42);
  if (bytes === null || more !== undefined || algorithm(bytes) !== 'Ed') return null;
  return { id: idOf(bytes), key: bytes.subarray(10) };
}

/** Reads a signature file; `null` when it is none. */
export function signature(text: string): Signature | null {
  const lines = linesOf(text);
  const [untrusted, line, comment, last] = lines;
  if (lines.length !== 4 || untrusted === undefined || line === undefined || comment === undefined || last === undefined) return null;
  const [bytes, global] = [decoded(line, 74), decoded(last, 64)];
  if (bytes === null || global === null || !untrusted.startsWith(UNTRUSTED) || !comment.startsWith(TRUSTED)) return null;
  const kind = algorithm(bytes);
  if (kind !== 'ED' && kind !== 'Ed') return null;
  return { prehashed: kind === 'ED', key: idOf(bytes), signature: bytes.subarray(10), comment: comment.slice(TRUSTED.length), global };
}

/** True when `key` made it over this message and this trusted comment. */
export function isGood({ prehashed, key: id, signature, comment, global }: Signature, { id: own, key }: PublicKey, message: Uint8Array): boolean {
  const signed = prehashed ? blake2b(message, { dkLen: 64 }) : message;
  return own === id && check(signature, signed, key) && check(global, concatBytes(signature, utf8ToBytes(comment)), key);
}

function check(signature: Uint8Array, message: Uint8Array, key: Uint8Array): boolean {
  try {
    // Strictly by RFC 8032, as the server's own library does.
    return ed25519.verify(signature, message, key, { zip215: false });
  } catch {
    return false;
  }
}

const linesOf = (text: string): string[] => {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
};

const algorithm = (bytes: Uint8Array): string => String.fromCharCode(bytes[0] ?? 0, bytes[1] ?? 0);

const idOf = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(2, 10).toReversed(), (byte) => byte.toString(16).padStart(2, '0')).join('').toUpperCase();

function decoded(line: string, length: number): Uint8Array | null {
  const base64 = line.trimEnd();
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) return null;
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return bytes.length === length ? bytes : null;
}
