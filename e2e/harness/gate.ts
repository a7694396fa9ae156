/**
 * A firewall that looks into connections: it stands before the server and lets through only what
 * begins as it should.
 */
import { execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The server's address on the inner side of the gate: of this machine, like all of 127/8. */
export const INSIDE = '127.0.0.2';

/** What a connection begins with: TLS with its record type (RFC 8446), HTTP with a method. */
const OPENINGS = {
  tls: (first: number) => first === 0x16,
  http: (first: number) => first >= 0x41 && first <= 0x5a,
};

export class Gate {
  /** Connections that were let through, and those that were not. */
  passed = 0;
  refused = 0;
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** Lets only this through to `target`, on which the server listens. */
  static async only(kind: keyof typeof OPENINGS, target: number): Promise<Gate> {
    let gate: Gate | undefined;
    const server = createServer((outside) => {
      gate!.open.add(outside);
      outside.on('error', () => outside.destroy());
      outside.once('close', () => gate!.open.delete(outside));
      outside.once('data', (first: Buffer) => {
        if (!OPENINGS[kind](first[0]!)) {
          gate!.refused++;
          outside.destroy();
          return;
        }
        gate!.passed++;
        const inside = connect(target, INSIDE);
        inside.on('error', () => outside.destroy());
        inside.once('close', () => outside.destroy());
        outside.once('close', () => inside.destroy());
        inside.write(first);
        outside.pipe(inside).pipe(outside);
      });
    });
    await new Promise<void>((done) => server.listen(0, '0.0.0.0', done));
    gate = new Gate(server, (server.address() as { port: number }).port);
    return gate;
  }

  async close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise<void>((done) => this.server.close(() => done()));
  }
}

/** A certificate of our own for localhost, and the flag by which Chromium believes it. */
export async function certificate(): Promise<{ certificate: string; key: string; flag: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'plenary-tls-'));
  const [file, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  execFileSync('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' '),
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', key, '-out', file],
  ], { stdio: 'ignore' });
  const { publicKey } = new X509Certificate(await readFile(file));
  const hash = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' }));
  return { certificate: file, key, flag: `--ignore-certificate-errors-spki-list=${hash.digest('base64')}` };
}
