/** The real binary with a data folder and a port of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from './wait.ts';

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The program under test. */
export const binary = resolve(repository, process.env['PLENARY_BIN'] ?? 'target/debug/plenary');

/** The reference event as it ships. */
export const referenceFile = join(repository, 'examples/russian-diplomats-day.toml');

/** Longest time a debug build on a busy machine may take to answer. */
const START_MS = 30_000;

/** How a server is set up otherwise than by default. */
export interface Settings {
  port?: number;
  publicUrl?: string;
  announce?: string;
  tls?: { certificate: string; key: string };
}

/** A personal link as `plenary event links --json` prints it. */
export interface PersonalLink {
  person: string;
  link: string;
  token: string;
}

/** What a finished run of the command line left behind. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program to its end. */
export async function plenary(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1' };
  try {
    const { stdout, stderr } = await promisify(execFile)(binary, args, { env, timeout: START_MS });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: number | string; stdout?: string; stderr?: string };
    if (typeof failed.code !== 'number') throw error;
    return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
  }
}

export class PlenaryServer {
  /** Everything that every process of this server printed. */
  log = '';
  readonly links = new Map<string, PersonalLink>();
  private process: ChildProcess | undefined;
  /** Words that must never stand in the log: names and tokens. */
  private readonly secrets = new Set<string>();

  private constructor(
    readonly port: number,
    readonly folder: string,
    /** A program that the server is started under, as `strace`. */
    private readonly under: string[],
    private readonly settings: Settings,
  ) {}

  /** Where people reach it. */
  get url(): string {
    return this.settings.publicUrl ?? `http://localhost:${this.port}`;
  }

  get pid(): number {
    const pid = this.process?.pid;
    if (pid === undefined) throw new Error('the server does not run');
    return pid;
  }

  /** Creates the events of these programme files in a new data folder and starts the server. */
  static async start(
    files: string[],
    under: string[] = [],
    settings: Settings = {},
  ): Promise<PlenaryServer> {
    const folder = await mkdtemp(join(tmpdir(), 'plenary-e2e-'));
    const server = new PlenaryServer(settings.port ?? (await freePort()), folder, under, settings);
    for (const file of files) await server.create(file);
    await server.run();
    return server;
  }

  /** Creates an event and remembers its links by person. */
  async create(file: string): Promise<string> {
    const created = await plenary('event', 'create', file, ...this.where(), '--json');
    if (created.code !== 0) throw new Error(`event create failed: ${created.stderr}`);
    const event = (JSON.parse(created.stdout) as { event: string }).event;
    for (const link of await this.readLinks(event)) this.links.set(`${event}/${link.person}`, link);
    const text = await readFile(file, 'utf8');
    for (const match of text.matchAll(/^name\s*=.*$/gm)) {
      for (const name of match[0].matchAll(/"([^"]{4,})"/g)) this.secrets.add(name[1]!);
    }
    return event;
  }

  async readLinks(event: string): Promise<PersonalLink[]> {
    const printed = await plenary('event', 'links', event, ...this.where(), '--json');
    if (printed.code !== 0) throw new Error(`event links failed: ${printed.stderr}`);
    const rows = JSON.parse(printed.stdout) as { links: { person: string; link: string }[] };
    return rows.links.map(({ person, link }) => {
      const token = new URL(link).hash.slice(1);
      this.secrets.add(token);
      return { person, link, token };
    });
  }

  /** The personal link of a person of the event. */
  link(event: string, person: string): PersonalLink {
    const link = this.links.get(`${event}/${person}`);
    if (link === undefined) throw new Error(`no link of ${person} in ${event}`);
    return link;
  }

  /** A word that came up during the test and must not stand in the log either. */
  keepSecret(word: string): void {
    this.secrets.add(word);
  }

  /** Starts the process (again, on the same port and folder); says how long until it answers. */
  async run(every_ms = 50): Promise<number> {
    const [program, ...before] = [...this.under, binary];
    const { tls, announce } = this.settings;
    const args = [...before, 'serve', ...this.where(), '--listen', `0.0.0.0:${this.port}`];
    if (announce) args.push('--announce', announce);
    const child = spawn(program!, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NO_COLOR: '1',
        ...(tls && { PLENARY_TLS_CERTIFICATE: tls.certificate, PLENARY_TLS_KEY: tls.key }),
      },
    });
    const keep = (chunk: Buffer) => (this.log += chunk.toString());
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    this.process = child;
    const abandoned = () => child.kill('SIGKILL');
    process.once('exit', abandoned);
    child.once('exit', () => process.off('exit', abandoned));
    return eventually('the server answers', START_MS, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended:\n${this.log}`);
      // A server with TLS sends who comes without it to its public address, which is an answer.
      const answer = await fetch(`http://localhost:${this.port}/api/health`, { redirect: 'manual' });
      return answer.ok || answer.status === 308;
    }, every_ms);
  }

  /** Kills the process as a power cut would. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Asks the process to end, as an operator does; the exit code is 0. */
  async stop(): Promise<void> {
    const code = await this.end('SIGTERM');
    if (code !== 0) throw new Error(`the server ended with ${code}:\n${this.log}`);
  }

  /** Ends everything, throws the data away, and says what the log must not contain. */
  async finish(): Promise<string[]> {
    const faults: string[] = [];
    if (this.process?.exitCode === null && this.process.signalCode === null) {
      await this.stop().catch((error: unknown) => faults.push(String(error)));
    }
    await rm(this.folder, { recursive: true, force: true });
    for (const line of this.log.split('\n')) {
      if (/\bERROR\b|panicked at/.test(line)) faults.push(`log: ${line}`);
      for (const secret of this.secrets) {
        if (line.includes(secret)) faults.push(`the log tells ${secret}: ${line}`);
      }
    }
    return faults;
  }

  private where(): string[] {
    return ['--data', this.folder, '--public-url', this.url];
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return null;
    const gone = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
    // Under strace the signal is for the program, not for the one that watches it.
    const target = this.under.length > 0 ? await childOf(child.pid!) : child.pid!;
    process.kill(target, signal);
    const late = setTimeout(() => child.kill('SIGKILL'), START_MS);
    const code = await gone;
    clearTimeout(late);
    return code;
  }
}

/** Writes a programme file for one test. */
export async function programmeFile(folder: string, name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

async function childOf(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return Number(children.trim().split(' ')[0]);
}

/** A port that is free for TCP and for UDP. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const tcp = createServer();
    const port = await new Promise<number>((done) =>
      tcp.listen(0, '0.0.0.0', () => done((tcp.address() as { port: number }).port)),
    );
    const udp = createSocket('udp4');
    const free = await new Promise<boolean>((done) => {
      udp.once('error', () => done(false));
      udp.bind(port, '0.0.0.0', () => done(true));
    });
    await new Promise<void>((done) => tcp.close(() => done()));
    if (free) {
      await new Promise<void>((done) => udp.close(() => done()));
      return port;
    }
  }
  throw new Error('no port is free for both TCP and UDP');
}
