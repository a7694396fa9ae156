/** A client of WHIP or WHEP that is no browser: a program of `interop/` that reports what it gets. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { nearestVoice } from './person.ts';
import { voices, type VoiceName } from './voices.ts';
import { eventually } from './wait.ts';

const folder = resolve(import.meta.dirname, '../interop');

/** The system's Python, to which Debian's packages for GStreamer belong. */
const SYSTEM_PYTHON = '/usr/bin/python3';

/** The virtual environment that scripts/prepare.sh makes. */
const OWN_PYTHON = resolve(folder, '../.interop/bin/python');

/** What a program says, five times a second. The rest is of receivers. */
interface Report {
  state: string;
  /** Audible in the last second, in Hz. */
  tones: number[];
  /** Decoded so far: in the main picture, in the shared screen. */
  frames: number[];
  /** In the middle of the main picture, `rrggbb`. */
  colour: string | null;
  size: [width: number, height: number] | null;
  lost: number;
  packets: number;
}

export interface Client {
  python: string;
  program: string;
  /** Why it cannot be had here, or null. */
  missing: string | null;
}

export function aiortc(): Client {
  const missing = existsSync(OWN_PYTHON) ? null : 'aiortc is not installed (scripts/prepare.sh test)';
  return { python: OWN_PYTHON, program: 'aiortc_client.py', missing };
}

export function gstreamer(): Client {
  const program = 'gstreamer_client.py';
  const found = spawnSync(SYSTEM_PYTHON, [resolve(folder, program), 'check'], { encoding: 'utf8' });
  const missing = found.status === 0 ? null : `GStreamer is not installed: ${found.stdout || found.stderr}`;
  return { python: SYSTEM_PYTHON, program, missing };
}

export class Outside {
  private reports: Report[] = [];
  private printed = '';
  private readonly process: ChildProcess;

  private constructor(
    readonly name: string,
    client: Client,
    args: string[],
  ) {
    const child = spawn(client.python, [resolve(folder, client.program), ...args], {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    });
    this.process = child;
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      this.reports.push(...lines.map((line) => JSON.parse(line) as Report));
    });
    child.stderr.on('data', (chunk: Buffer) => (this.printed += chunk.toString()));
    const abandoned = () => child.kill('SIGKILL');
    process.once('exit', abandoned);
    child.once('exit', () => process.off('exit', abandoned));
  }

  /** Publishes this voice's tone and colour. */
  static publish(client: Client, url: string, token: string, voice: VoiceName): Outside {
    const { tone_hz, colour } = voices[voice];
    return new Outside(`${client.program} publish`, client, ['publish', url, token, String(tone_hz), colour]);
  }

  /** Receives by the fixed slots and listens for everybody's tone. */
  static receive(client: Client, url: string, token: string): Outside {
    const tones = Object.values(voices).map(({ tone_hz }) => String(tone_hz));
    return new Outside(`${client.program} receive`, client, ['receive', url, token, ...tones]);
  }

  get last(): Report | undefined {
    return this.reports.at(-1);
  }

  /** Waits until its connection stands. */
  async connects(): Promise<void> {
    await this.until('is connected', ({ state }) => state === 'connected');
  }

  /** Waits until exactly these voices are heard. */
  async hearsOnly(...names: VoiceName[]): Promise<void> {
    const wanted = names.map((name) => voices[name].tone_hz).sort().join();
    await this.until(`hears ${names.join(', ')} only`, ({ tones }) => tones.join() === wanted);
  }

  /** Waits until the main picture shows this person and its frames go on. */
  async sees(name: VoiceName): Promise<void> {
    const shown = ({ colour }: Report) => colour !== null && nearestVoice(colour) === name;
    await this.until(`sees ${name}`, shown);
    const frames = this.last!.frames[0]!;
    await this.until(`sees ${name} move`, (report) => shown(report) && report.frames[0]! > frames + 5);
  }

  /** Lets it end its session, and waits until it is gone. Its own faults are this test's. */
  async leave(): Promise<void> {
    const gone = new Promise<number | null>((done) => this.process.once('exit', done));
    if (this.running) {
      this.process.stdin!.end();
      const late = setTimeout(() => this.process.kill('SIGKILL'), 10_000);
      await gone;
      clearTimeout(late);
    }
    if (this.process.exitCode !== 0) throw this.fault('did not end well');
  }

  private get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  private async until(what: string, condition: (report: Report) => boolean): Promise<void> {
    await eventually(`${this.name} ${what}`, 20_000, () => {
      return !this.running || (this.last !== undefined && condition(this.last));
    }).catch((error: Error) => {
      throw new Error(`${error.message}; last: ${JSON.stringify(this.last)}; it printed: ${this.printed}`);
    });
    if (!this.running) throw this.fault('ended');
  }

  private fault(what: string): Error {
    return new Error(`${this.name} ${what} (${this.process.exitCode}): ${this.printed}`);
  }
}
