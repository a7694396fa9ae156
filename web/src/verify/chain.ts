/** Reads proceedings as they come, line by line, against their hash chain. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js';

/** Longest line, in bytes; the first holds the whole programme. */
const LINE_BYTES_MAX = 8 << 20;

const NEW_LINE = 10;
/** What a line ends with: the hash of the line before, and its own. */
const TAIL = /,"previous":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/;

export type Broken = 'too-long' | 'unreadable' | 'cut-off' | 'gap' | 'previous' | 'content' | 'creation';

export class Chain {
  lines = 0;
  hash = '0'.repeat(64);
  event: string | null = null;
  broken: { line: number; why: Broken } | null = null;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  feed(piece: Uint8Array): void {
    let from = 0;
    while (this.broken === null) {
      const end = piece.indexOf(NEW_LINE, from);
      const part = piece.slice(from, end === -1 ? undefined : end);
      this.#pending.push(part);
      this.#pendingBytes += part.length;
      if (end === -1) {
        if (this.#pendingBytes > LINE_BYTES_MAX) this.#break('too-long');
        return;
      }
      from = end + 1;
      const line = concatBytes(...this.#pending);
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#take(line);
    }
  }

  finish(): void {
    if (this.broken === null && this.#pendingBytes > 0) this.#break('cut-off');
  }

  #take(bytes: Uint8Array): void {
    let text: string;
    let line: { sequence?: unknown; event?: unknown; definition?: { id?: unknown } };
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      line = JSON.parse(text) as typeof line;
    } catch {
      return this.#break('unreadable');
    }
    const tail = TAIL.exec(text);
    if (tail?.[1] === undefined || tail[2] === undefined || typeof line !== 'object' || line === null) return this.#break('unreadable');
    const [, previous, hash] = tail;
    // The hash covers the line's own JSON without these two.
    const body = new TextEncoder().encode(`${text.slice(0, tail.index)}}`);
    const creates = line.event === 'event-created';
    if (line.sequence !== this.lines + 1) return this.#break('gap');
    if (previous !== this.hash) return this.#break('previous');
    if (hash !== bytesToHex(sha256(concatBytes(hexToBytes(previous), body)))) return this.#break('content');
    if (creates !== (this.lines === 0)) return this.#break('creation');
    if (creates) this.event = typeof line.definition?.id === 'string' ? line.definition.id : null;
    this.lines += 1;
    this.hash = hash;
  }

  #break(why: Broken): void {
    this.#pending = [];
    this.broken = { line: this.lines + 1, why };
  }
}
