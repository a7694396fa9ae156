/** The page says of each package of the table what `plenary verify` says (crates/package, tests). */
import { describe, expect, test } from 'vitest';
import { NotAPackage } from './archive';
import table from './damaged.json';
import { publicKey } from './minisign';
import { ofBlob, ofBytes } from './source';
import { verify, type Finding, type Verdict } from './verify';

const bytesOf = (base64: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(base64, 'base64'));
const sound = bytesOf(table.package);

/** The sentence for what is wrong is each side's own; that, where and in which line is the same. */
const compared = (findings: readonly Finding[]): unknown[] =>
  findings.map((one) => (one.what === 'broken-line' ? { what: one.what, line: one.line } : one.what === 'bad-manifest' ? { what: one.what } : one));

describe('the table of damaged packages', () => {
  test.each(table.rows)('$name', async ({ change, trusted, beside, verdict, refused }) => {
    const { from, until, bytes } = change;
    const changed = Buffer.concat([sound.subarray(0, from), bytesOf(bytes), sound.subarray(until)]);
    const wishes = { trusted: trusted.map((key) => publicKey(key)!), beside };
    const judged = verify(ofBlob(new Blob([changed])), wishes);
    if (refused !== null) {
      await expect(judged).rejects.toMatchObject({ fault: refused });
      await expect(judged).rejects.toBeInstanceOf(NotAPackage);
      return;
    }
    const told = await judged;
    const expected = verdict as unknown as Verdict;
    expect({ ...told, findings: compared(told.findings) }).toEqual({ ...expected, findings: compared(expected.findings) });
  });
});

test('tells how far it is, and can be stopped', async () => {
  const told: [number, number][] = [];
  await verify(ofBytes(sound), { progress: (done, total) => told.push([done, total]) });
  const [done, total] = told.at(-1)!;
  expect(done).toBe(total);
  const stopper = new AbortController();
  const stopped = verify(ofBytes(sound), { signal: stopper.signal, progress: () => stopper.abort() });
  await expect(stopped).rejects.toThrow('aborted');
});

test('never reads more than a piece at once', async () => {
  const read: number[] = [];
  const source = { size: sound.length, read: (from: number, to: number) => (read.push(to - from), Promise.resolve(sound.subarray(from, to))) };
  await verify(source);
  expect(Math.max(...read)).toBeLessThan(sound.length);
});
