/** The list of what a package holds. */
export interface Manifest {
  event: string;
  made_at: number;
  product: string;
  proceedings: { lines: number; hash: string };
  files: ManifestFile[];
}

export interface ManifestFile {
  path: string;
  bytes: number;
  sha256: string;
}

const FORMAT = 'plenary-record-package';
const VERSION = 1;
const HASH = /^[0-9a-f]{64}$/;

export type ManifestFault = 'json' | 'format' | 'order';

/** Reads it, or says why it cannot be read. */
export function parse(bytes: Uint8Array): Manifest | ManifestFault {
  let read: unknown;
  try {
    read = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return 'json';
  }
  if (!isObject(read) || typeof read['format'] !== 'string' || !isCount(read['version'])) return 'json';
  const { event, made_at, product, proceedings, files } = read;
  const whole =
    typeof event === 'string' &&
    typeof made_at === 'number' &&
    typeof product === 'string' &&
    isObject(proceedings) &&
    isCount(proceedings['lines']) &&
    isHash(proceedings['hash']) &&
    Array.isArray(files) &&
    files.every((file) => isObject(file) && typeof file['path'] === 'string' && isCount(file['bytes']) && isHash(file['sha256']) && typeof file['media_type'] === 'string');
  if (!whole) return 'json';
  if (read['format'] !== FORMAT || read['version'] !== VERSION) return 'format';
  const manifest = read as unknown as Manifest;
  const sorted = manifest.files.every(({ path }, at) => at === 0 || inOrder(manifest.files[at - 1]!.path, path));
  return sorted ? manifest : 'order';
}

/** True when the bytes of one path come before those of the other. */
function inOrder(one: string, other: string): boolean {
  const [a, b] = [new TextEncoder().encode(one), new TextEncoder().encode(other)];
  const at = a.findIndex((byte, place) => byte !== b[place]);
  return at === -1 ? a.length < b.length : at < b.length && a[at]! < b[at]!;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isHash = (value: unknown): value is string => typeof value === 'string' && HASH.test(value);
