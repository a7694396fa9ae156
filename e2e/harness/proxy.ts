/** nginx in front of the server, with the file that docs/DEPLOYMENT.md recommends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './wait.ts';

const RECOMMENDED = resolve(fileURLToPath(import.meta.url), '../../../docs/proxies/nginx.conf');

export class Proxy {
  private constructor(private readonly child: ChildProcess) {}

  /** Serves `port` and passes on to the server at `target`. */
  static async start(port: number, target: number, tls: { certificate: string; key: string }): Promise<Proxy> {
    const folder = await mkdtemp(join(tmpdir(), 'plenary-nginx-'));
    let site = await readFile(RECOMMENDED, 'utf8');
    for (const [written, here] of [
      ['127.0.0.1:8080', `127.0.0.1:${target}`],
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
      ['/etc/ssl/talks.example.org.pem', tls.certificate],
      ['/etc/ssl/talks.example.org.key', tls.key],
      ['talks.example.org;', 'localhost;'],
    ] as const) {
      if (!site.includes(written)) throw new Error(`docs/proxies/nginx.conf does not say ${written}`);
      site = site.replace(written, here);
    }
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const file = join(folder, 'nginx.conf');
    await writeFile(file, [
      'daemon off; master_process off;',
      `pid ${join(folder, 'pid')}; error_log stderr warn;`,
      'events {}',
      `http { access_log off; ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}`,
      site,
      '}',
    ].join('\n'));
    const child = spawn('/usr/sbin/nginx', ['-e', 'stderr', '-c', file], { stdio: ['ignore', 'inherit', 'inherit'] });
    const abandoned = () => child.kill('SIGKILL');
    process.once('exit', abandoned);
    child.once('exit', () => process.off('exit', abandoned));
    await eventually('nginx answers', 10_000, async () => {
      if (child.exitCode !== null) throw new Error('nginx ended');
      // Over TLS it answers plain HTTP with 400, which is an answer.
      return (await fetch(`http://127.0.0.1:${port}/`)).status === 400;
    });
    return new Proxy(child);
  }

  async stop(): Promise<void> {
    const gone = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGQUIT');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 3_000);
    await gone;
    clearTimeout(late);
  }
}
