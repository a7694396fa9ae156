/** Judges a package, as `plenary verify` does; docs/PACKAGE.md describes both. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { ENTRIES_MAX, open, read, type Entry } from './archive';
import { Chain } from './chain';
import { parse, type Manifest } from './manifest';
import { FILE_BYTES_MAX, isGood, publicKey, signature, type PublicKey } from './minisign';
import type { Source } from './source';

export const MANIFEST = 'manifest.json';
export const SIGNATURE = 'manifest.json.minisig';
const SERVER_KEY = 'server.pub';
const PROCEEDINGS = 'proceedings.jsonl';
const SIGNATURES = 'signatures/';
const MANIFEST_BYTES_MAX = ENTRIES_MAX * 512;
/** Most signatures that are looked at: one of each party, several times. */
const SIGNATURES_MAX = 100;

export type Finding =
  | { what: 'altered'; path: string; why: 'content' | 'checksum' | 'header' | 'signature' }
  | { what: 'missing' | 'added'; path: string }
  | { what: 'broken-line'; line: number; why: string }
  | { what: 'other-proceedings' }
  | { what: 'bad-manifest'; why: string }
  | { what: 'unsigned' }
  | { what: 'not-signed-by'; key: string };

export interface SignatureVerdict {
  file: string;
  key: string | null;
  key_file: string | null;
  trusted: boolean;
  state: 'good' | 'bad' | 'unknown-key' | 'unreadable';
  comment: string | null;
}

export interface Verdict {
  intact: boolean;
  event: string | null;
  made_at: number | null;
  product: string | null;
  files_intact: number;
  bytes_intact: number;
  proceedings: { lines_intact: number; hash: string } | null;
  signatures: SignatureVerdict[];
  findings: Finding[];
}

/** A signature or a key that lies beside the package. */
export interface Beside {
  file: string;
  text: string;
}

export interface Wishes {
  /** Keys that the reader has from elsewhere; each of them must have signed. */
  trusted?: PublicKey[];
  beside?: Beside[];
  progress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Throws `NotAPackage`, or what the signal was stopped with. */
export async function verify(source: Source, { trusted = [], beside = [], progress, signal }: Wishes = {}): Promise<Verdict> {
  const entries = await open(source);
  const findings = new Findings();
  const manifestBytes = await small(source, entries, MANIFEST, MANIFEST_BYTES_MAX);
  const parsed = manifestBytes === null ? null : parse(manifestBytes);
  if (parsed === null) findings.add({ what: 'missing', path: MANIFEST });
  if (typeof parsed === 'string') findings.add({ what: 'bad-manifest', why: parsed });
  const manifest = typeof parsed === 'string' ? null : parsed;
  const listed = new Map(manifest?.files.map((file) => [file.path, file]));

  const verdict: Verdict = {
    intact: false,
    event: manifest?.event ?? null,
    made_at: manifest?.made_at ?? null,
    product: manifest?.product ?? null,
    files_intact: 0,
    bytes_intact: 0,
    proceedings: null,
    signatures: [],
    findings: [],
  };
  const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  let done = 0;
  for (const entry of entries) {
    const digest = sha256.create();
    const chain = entry.name === PROCEEDINGS ? new Chain() : null;
    const soundness = await read(source, entry, (piece) => {
      signal?.throwIfAborted();
      digest.update(piece);
      chain?.feed(piece);
      done += piece.length;
      progress?.(done, total);
    });
    const path = entry.name;
    const file = listed.get(path);
    if (file !== undefined && (file.sha256 !== bytesToHex(digest.digest()) || file.bytes !== entry.bytes)) {
      findings.add({ what: 'altered', path, why: 'content' });
    } else if (soundness !== 'sound') {
      findings.add({ what: 'altered', path, why: soundness });
    } else if (file !== undefined) {
      verdict.files_intact += 1;
      verdict.bytes_intact += file.bytes;
    }
    if (file === undefined && manifest !== null && !standsBeside(path)) findings.add({ what: 'added', path });
    if (chain !== null) verdict.proceedings = judge(chain, manifest, findings);
  }

  const names = new Set(entries.map(({ name }) => name));
  for (const { path } of manifest?.files ?? []) if (!names.has(path)) findings.add({ what: 'missing', path });
  if (manifest !== null && !names.has(PROCEEDINGS)) findings.add({ what: 'missing', path: PROCEEDINGS });
  verdict.signatures = await signatures(source, entries, manifestBytes ?? new Uint8Array(), trusted, beside, findings);
  verdict.findings = findings.all;
  verdict.intact = verdict.findings.length === 0;
  return verdict;
}

/** Findings, each once. */
class Findings {
  readonly all: Finding[] = [];

  add(finding: Finding): void {
    const told = (known: Finding) =>
      JSON.stringify(known) === JSON.stringify(finding) ||
      (known.what === 'altered' && finding.what === 'altered' && known.path === finding.path);
    if (!this.all.slice(-SIGNATURES_MAX).some(told)) this.all.push(finding);
  }
}

/** True for what no manifest names: itself and its signatures. */
const standsBeside = (name: string): boolean => name === MANIFEST || isSignature(name) || isAddedKey(name);
const isSignature = (name: string): boolean => name === SIGNATURE || (name.startsWith(SIGNATURES) && name.endsWith('.minisig'));
const isAddedKey = (name: string): boolean => name.startsWith(SIGNATURES) && name.endsWith('.pub');

/** What the proceedings say of themselves, against the manifest. */
function judge(chain: Chain, manifest: Manifest | null, findings: Findings): Verdict['proceedings'] {
  chain.finish();
  const { lines, hash, event, broken } = chain;
  if (broken !== null) {
    findings.add({ what: 'broken-line', ...broken });
  } else if (manifest !== null && (manifest.proceedings.lines !== lines || manifest.proceedings.hash !== hash || event !== manifest.event)) {
    findings.add({ what: 'other-proceedings' });
  }
  return { lines_intact: lines, hash };
}

/** The content of a small file; `null` when there is none, or it is too long to be what it should. */
async function small(source: Source, entries: Entry[], name: string, bytesMax: number): Promise<Uint8Array | null> {
  const entry = entries.find((one) => one.name === name);
  if (entry === undefined || entry.bytes > bytesMax) return null;
  return source.read(entry.end - entry.bytes, entry.end);
}

async function signatures(
  source: Source,
  entries: Entry[],
  manifest: Uint8Array,
  trusted: PublicKey[],
  beside: Beside[],
  findings: Findings,
): Promise<SignatureVerdict[]> {
  const text = async (name: string): Promise<string> => {
    const bytes = await small(source, entries, name, FILE_BYTES_MAX);
    return bytes === null ? '' : new TextDecoder().decode(bytes);
  };
  const within = async (wanted: (name: string) => boolean): Promise<Beside[]> => {
    const names = entries.map(({ name }) => name).filter(wanted).slice(0, SIGNATURES_MAX);
    return Promise.all(names.map(async (file) => ({ file, text: await text(file) })));
  };
  const near = (ending: string) => beside.filter(({ file }) => file.endsWith(ending)).slice(0, SIGNATURES_MAX);
  const keys = [...(await within((name) => name === SERVER_KEY || isAddedKey(name))), ...near('.pub')].flatMap(({ file, text }) => {
    const key = publicKey(text);
    return key === null ? [] : [{ file, key }];
  });
  const signers: PublicKey[] = [];
  const verdicts: SignatureVerdict[] = [];
  for (const { file, text } of [...(await within(isSignature)), ...near('.minisig')]) {
    const found = signature(text);
    const verdict: SignatureVerdict = { file, key: found?.key ?? null, key_file: null, trusted: false, state: 'unreadable', comment: null };
    if (found !== null) {
      const by = trusted.find((key) => isGood(found, key, manifest));
      const known = keys.find(({ key }) => isGood(found, key, manifest));
      verdict.trusted = by !== undefined;
      verdict.key_file = known?.file ?? null;
      const signer = by ?? known?.key;
      if (signer !== undefined) {
        verdict.comment = found.comment;
        verdict.state = 'good';
        signers.push(signer);
      } else {
        const named = [...trusted, ...keys.map(({ key }) => key)].some(({ id }) => id === found.key);
        verdict.state = named ? 'bad' : 'unknown-key';
      }
    }
    if (verdict.state === 'bad' || verdict.state === 'unreadable') findings.add({ what: 'altered', path: file, why: 'signature' });
    verdicts.push(verdict);
  }
  if (!entries.some(({ name }) => name === SIGNATURE)) findings.add({ what: 'missing', path: SIGNATURE });
  if (!verdicts.some(({ file, state }) => file === SIGNATURE && state === 'good')) findings.add({ what: 'unsigned' });
  const signed = (key: PublicKey) => signers.some((one) => one.id === key.id && one.key.every((byte, at) => byte === key.key[at]));
  for (const key of trusted) if (!signed(key)) findings.add({ what: 'not-signed-by', key: key.id });
  return verdicts;
}
