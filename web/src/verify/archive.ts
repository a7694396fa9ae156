/**
 * ZIP files whose entries are stored as they are (PKWARE APPNOTE 6.3.10, with ZIP64), read as
 * strictly as crates/package/src/archive does: entries follow one another from the first byte to the
 * directory, and what stands before an entry says what the directory says.
 */
import { PIECE_BYTES, type Source } from './source';

/** Most entries of a package. */
export const ENTRIES_MAX = 60_000;
/** Longest name of an entry, in bytes. */
const NAME_BYTES_MAX = 240;
const DIRECTORY_BYTES_MAX = ENTRIES_MAX * (NAME_BYTES_MAX + 128);

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END_64_BYTES = 56;
const LOCATOR_64_BYTES = 20;
const EXTRA_64 = 1;
const SEE_EXTRA = 0xffffffff;
/** Encrypted, or sizes behind the content. */
const FLAGS_REFUSED = 1 | (1 << 3);

export type ArchiveFault = 'no-end' | 'directory' | 'too-many' | 'name' | 'twice' | 'not-stored' | 'place';

/** The file is no package that can be judged. */
export class NotAPackage extends Error {
  constructor(
    readonly fault: ArchiveFault,
    readonly entry = '',
  ) {
    super(entry === '' ? fault : `${fault}: ${entry}`);
  }
}

export interface Entry {
  name: string;
  bytes: number;
  crc: number;
  /** Version needed, flags, method, time and date, as both headers have them. */
  common: Uint8Array;
  offset: number;
  /** Where the next entry, or the directory, begins. */
  end: number;
}

export type Soundness = 'sound' | 'header' | 'checksum';

interface Directory {
  entries: number;
  bytes: number;
  offset: number;
  /** What follows it. */
  end: number;
}

/** Reads the directory; the entries in the order in which they lie. */
export async function open(source: Source): Promise<Entry[]> {
  const endAt = source.size - END_BYTES;
  if (endAt < 0) throw new NotAPackage('no-end');
  const end = view(await source.read(endAt, source.size));
  // A comment would make it longer; packages have none.
  if (u32(end, 0) !== END || u16(end, 20) !== 0) throw new NotAPackage('no-end');
  const oneDisk = u16(end, 4) === 0 && u16(end, 6) === 0;
  const countsAgree = u16(end, 8) === u16(end, 10);
  const directory = (await directory64(source, endAt)) ?? {
    entries: u16(end, 10),
    bytes: u32(end, 12),
    offset: u32(end, 16),
    end: endAt,
  };
  if (directory.entries > ENTRIES_MAX) throw new NotAPackage('too-many');
  const fits = directory.offset + directory.bytes === directory.end;
  if (!oneDisk || !countsAgree || !fits || directory.bytes > DIRECTORY_BYTES_MAX) throw new NotAPackage('directory');
  return entries(await source.read(directory.offset, directory.end), directory);
}

/** Shows the content of an entry to `see`, piece by piece. */
export async function read(source: Source, entry: Entry, see: (piece: Uint8Array) => void | Promise<void>): Promise<Soundness> {
  const start = entry.end - entry.bytes;
  const header = await source.read(entry.offset, start);
  let crc = 0xffffffff;
  for (let at = start; at < entry.end; at += PIECE_BYTES) {
    const piece = await source.read(at, Math.min(at + PIECE_BYTES, entry.end));
    crc = crcOver(crc, piece);
    await see(piece);
  }
  if (!agrees(header, entry)) return 'header';
  return (crc ^ 0xffffffff) >>> 0 === entry.crc ? 'sound' : 'checksum';
}

/** The directory as the end of 64 bits tells it, if there is one. */
async function directory64(source: Source, endAt: number): Promise<Directory | null> {
  const locatorAt = endAt - LOCATOR_64_BYTES;
  if (locatorAt < 0) return null;
  const locator = view(await source.read(locatorAt, endAt));
  if (u32(locator, 0) !== LOCATOR_64) return null;
  const at = u64(locator, 8);
  if (at + END_64_BYTES !== locatorAt) throw new NotAPackage('directory');
  const end = view(await source.read(at, locatorAt));
  if (u32(end, 0) !== END_64 || u64(end, 4) !== END_64_BYTES - 12 || u64(end, 24) !== u64(end, 32)) {
    throw new NotAPackage('directory');
  }
  return { entries: u64(end, 32), bytes: u64(end, 40), offset: u64(end, 48), end: at };
}

function entries(bytes: Uint8Array, directory: Directory): Entry[] {
  const found: Entry[] = [];
  const names = new Set<string>();
  for (let at = 0; at < bytes.length; ) {
    const { entry, next } = central(bytes, at);
    if (names.has(entry.name)) throw new NotAPackage('twice', entry.name);
    names.add(entry.name);
    found.push(entry);
    at = next;
  }
  if (found.length !== directory.entries) throw new NotAPackage('directory');
  found.sort((one, other) => one.offset - other.offset);
  let end = directory.offset;
  for (const entry of found.toReversed()) {
    entry.end = end;
    const gap = end - entry.offset - LOCAL_BYTES - new TextEncoder().encode(entry.name).length - entry.bytes;
    // An extra field has at most 64 KiB, so a larger gap is none.
    if (gap < 0 || gap > 0xffff) throw new NotAPackage('place', entry.name);
    end = entry.offset;
  }
  if (end !== 0) throw found[0] === undefined ? new NotAPackage('directory') : new NotAPackage('place', found[0].name);
  return found;
}

/** One entry of the directory, and where the next begins. */
function central(bytes: Uint8Array, at: number): { entry: Entry; next: number } {
  const fixed = view(bytes, at);
  if (at + CENTRAL_BYTES > bytes.length || u32(fixed, 0) !== CENTRAL) throw new NotAPackage('directory');
  const nameAt = at + CENTRAL_BYTES;
  const extraAt = nameAt + u16(fixed, 28);
  const commentAt = extraAt + u16(fixed, 30);
  const next = commentAt + u16(fixed, 32);
  if (next > bytes.length) throw new NotAPackage('directory');
  const name = text(bytes.subarray(nameAt, extraAt));
  if (name === null || !isSafe(name)) throw new NotAPackage('name', name ?? '?');
  const found = sizes([u32(fixed, 20), u32(fixed, 24), u32(fixed, 42)], bytes.subarray(extraAt, commentAt));
  if (found === null) throw new NotAPackage('directory');
  const [compressed = 0, size = 0, offset = 0] = found;
  if (u16(fixed, 10) !== 0 || (u16(fixed, 8) & FLAGS_REFUSED) !== 0 || compressed !== size) throw new NotAPackage('not-stored', name);
  const common = bytes.slice(at + 6, at + 16);
  return { entry: { name, bytes: size, crc: u32(fixed, 16), common, offset, end: 0 }, next };
}

/** True when what stands before the content says what the directory says, and nothing besides. */
function agrees(header: Uint8Array, entry: Entry): boolean {
  if (header.length < LOCAL_BYTES) return false;
  const fixed = view(header);
  const extraAt = LOCAL_BYTES + u16(fixed, 26);
  const extra = header.subarray(extraAt);
  const found = sizes([u32(fixed, 18), u32(fixed, 22), 0], extra);
  return (
    u32(fixed, 0) === LOCAL &&
    entry.common.every((byte, at) => header[4 + at] === byte) &&
    u32(fixed, 14) === entry.crc &&
    text(header.subarray(LOCAL_BYTES, extraAt)) === entry.name &&
    extra.length === u16(fixed, 28) &&
    found !== null &&
    found[0] === entry.bytes &&
    found[1] === entry.bytes
  );
}

/**
 * Sizes that are too large for 32 bits stand in the extra field, in their order. Some programs leave
 * them there though they fit above; then both must say the same.
 */
function sizes(short: [number, number, number], extra: Uint8Array): number[] | null {
  let long: Uint8Array = new Uint8Array();
  for (let at = 0; at < extra.length; ) {
    if (at + 4 > extra.length) return null;
    const head = view(extra, at);
    const end = at + 4 + u16(head, 2);
    if (end > extra.length) return null;
    if (u16(head, 0) === EXTRA_64) long = extra.subarray(at + 4, end);
    at = end;
  }
  let used = 0;
  const found: number[] = [];
  for (const size of short) {
    if (size !== SEE_EXTRA) {
      found.push(size);
    } else {
      if (used + 8 > long.length) return null;
      found.push(u64(view(long), used));
      used += 8;
    }
  }
  if (used === long.length) return found;
  const repeats = long.length % 8 === 0 && long.length <= 24 && found.slice(0, long.length / 8).every((size, at) => size === u64(view(long), 8 * at));
  return repeats ? found : null;
}

/** True for names that stay within a folder, on every system. */
function isSafe(name: string): boolean {
  return (
    new TextEncoder().encode(name).length <= NAME_BYTES_MAX &&
    !/[\p{Cc}\\:*?"<>|]/u.test(name) &&
    name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

const view = (bytes: Uint8Array, at = 0): DataView => new DataView(bytes.buffer, bytes.byteOffset + at, Math.max(bytes.length - at, 0));
const u16 = (bytes: DataView, at: number): number => (at + 2 <= bytes.byteLength ? bytes.getUint16(at, true) : 0);
const u32 = (bytes: DataView, at: number): number => (at + 4 <= bytes.byteLength ? bytes.getUint32(at, true) : 0);
/** Numbers beyond 2^53 are longer than any file; their exact value does not matter. */
const u64 = (bytes: DataView, at: number): number => (at + 8 <= bytes.byteLength ? Number(bytes.getBigUint64(at, true)) : 0);

function text(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crcOver(crc: number, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; at++) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ bytes[at]!) & 0xff] ?? 0);
  return crc;
}
