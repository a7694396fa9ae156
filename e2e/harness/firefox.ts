/**
 * Debian's Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/). Playwright
 * drives only a Firefox of its own that has to be fetched from its makers; the few commands that a
 * story needs are spoken here.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { nearestVoice } from './person.ts';
import { freePort } from './server.ts';
import { voices, type VoiceName } from './voices.ts';
import { eventually } from './wait.ts';

export const firefoxPath = process.env['FIREFOX'] ?? '/usr/bin/firefox-esr';

/** Why it cannot be had here, or null. */
export const firefoxMissing = existsSync(firefoxPath) ? null : `no Firefox at ${firefoxPath} (scripts/prepare.sh test)`;

/** A start on a busy machine takes long. */
const START_MS = 40_000;
const WAIT_MS = 20_000;

const PREFERENCES = {
  // Nothing is asked: the devices are Firefox's own false ones, and pages may use them and play.
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.autoplay.default': 0,
  // Nothing outside is called.
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'app.update.auto': false,
  'intl.accept_languages': 'en-GB',
};

type Json = Record<string, unknown>;

export class Firefox {
  private nextId = 1;
  private readonly waiting = new Map<number, (answer: Json) => void>();
  private socket!: WebSocket;
  private context!: string;

  private constructor(
    readonly name: string,
    private readonly process: ChildProcess,
    private readonly profile: string,
  ) {}

  /** Its microphone sounds with this voice's tone; its camera is Firefox's own false one. */
  static async launch(name: string, voice: VoiceName): Promise<Firefox> {
    const profile = await mkdtemp(join(tmpdir(), 'plenary-e2e-firefox-'));
    const preferences = { ...PREFERENCES, 'media.navigator.audio.fake_frequency': voices[voice].tone_hz };
    const lines = Object.entries(preferences).map(([key, value]) => `user_pref("${key}", ${JSON.stringify(value)});`);
    await writeFile(join(profile, 'user.js'), lines.join('\n'));
    const port = await freePort();
    const args = ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', String(port)];
    const child = spawn(firefoxPath, args, { stdio: 'ignore', env: { ...process.env, HOME: profile } });
    const abandoned = () => child.kill('SIGKILL');
    process.once('exit', abandoned);
    child.once('exit', () => process.off('exit', abandoned));
    const firefox = new Firefox(name, child, profile);
    await firefox.connect(port);
    return firefox;
  }

  /** Opens a page; its connections are kept for the statistics. */
  async open(url: string): Promise<void> {
    await this.command('browsingContext.navigate', { context: this.context, url, wait: 'complete' });
  }

  /** Runs a function in the page. It and its argument are handed over as text. */
  async evaluate<Result, Argument = null>(run: (argument: Argument) => Result | Promise<Result>, argument?: Argument): Promise<Result> {
    const answer = await this.command('script.evaluate', {
      target: { context: this.context },
      expression: `(async () => JSON.stringify((await (${run.toString()})(${JSON.stringify(argument ?? null)})) ?? null))()`,
      awaitPromise: true,
      userActivation: true,
    });
    if (answer['type'] !== 'success') throw new Error(`${this.name}: ${JSON.stringify(answer['exceptionDetails'])}`);
    return JSON.parse((answer['result'] as { value: string }).value) as Result;
  }

  /** Presses a control of the screen as soon as it is there. */
  async click(testid: string): Promise<void> {
    await eventually(`${this.name} presses ${testid}`, WAIT_MS, () =>
      this.evaluate((testid) => {
        const control = document.querySelector<HTMLButtonElement>(`[data-testid="${testid}"]`);
        if (control === null || control.disabled) return false;
        control.click();
        return true;
      }, testid));
  }

  /**
   * Waits until a voice arrives that is not silence. Without a sound card Firefox runs no analyser,
   * so its own statistics have to be believed.
   */
  async hears(): Promise<void> {
    const { energy } = await this.evaluate(received);
    await eventually(`${this.name} hears a voice`, WAIT_MS, async () =>
      (await this.evaluate(received)).energy > energy, 200);
  }

  /** Waits until the main picture shows this person and pictures go on. */
  async sees(name: VoiceName): Promise<void> {
    let last = '';
    await eventually(`${this.name} sees ${name}`, WAIT_MS, async () => {
      last = await this.evaluate(colourOfMainPicture);
      return last !== '' && nearestVoice(last) === name;
    }, 200).catch((error: Error) => {
      throw new Error(`${error.message}; it saw ${last || 'nothing'}`);
    });
    const { pictures } = await this.evaluate(received);
    await eventually(`${this.name} sees ${name} move`, WAIT_MS, async () =>
      (await this.evaluate(received)).pictures > pictures + 5, 200);
  }

  async leave(): Promise<void> {
    const gone = new Promise((done) => this.process.once('exit', done));
    await this.command('browser.close', {}).catch(() => undefined);
    const late = setTimeout(() => this.process.kill('SIGKILL'), 5_000);
    if (this.process.exitCode === null && this.process.signalCode === null) await gone;
    clearTimeout(late);
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }

  private async connect(port: number): Promise<void> {
    await eventually(`${this.name}'s Firefox answers`, START_MS, async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/session`);
      await new Promise((done, fail) => socket.once('open', done).once('error', fail));
      this.socket = socket;
      return true;
    }, 200);
    this.socket.on('message', (data) => {
      const answer = JSON.parse(String(data)) as Json;
      this.waiting.get(answer['id'] as number)?.(answer);
      this.waiting.delete(answer['id'] as number);
    });
    await this.command('session.new', { capabilities: {} });
    const tree = (await this.command('browsingContext.getTree', {})) as { contexts: { context: string }[] };
    this.context = tree.contexts[0]!.context;
    const functionDeclaration = keepConnections.toString();
    await this.command('script.addPreloadScript', { functionDeclaration });
  }

  private async command(method: string, params: Json): Promise<Json> {
    const id = this.nextId++;
    const answered = new Promise<Json>((done) => this.waiting.set(id, done));
    this.socket.send(JSON.stringify({ id, method, params }));
    const answer = await answered;
    if (answer['type'] === 'error') throw new Error(`${this.name}: ${method}: ${answer['message']}`);
    return answer['result'] as Json;
  }
}

/** Runs in the page before its own code: the statistics need the connections. */
function keepConnections(): void {
  const Connection = window.RTCPeerConnection;
  const kept: RTCPeerConnection[] = [];
  Object.assign(window, { connections: kept });
  window.RTCPeerConnection = class extends Connection {
    constructor(...args: ConstructorParameters<typeof Connection>) {
      super(...args);
      kept.push(this);
    }
  };
}

/** Runs in the page: the energy of all voices and the pictures decoded so far. */
async function received(): Promise<{ energy: number; pictures: number }> {
  const { connections } = window as unknown as { connections: RTCPeerConnection[] };
  const sum = { energy: 0, pictures: 0 };
  const newest = connections.at(-1);
  if (newest === undefined || newest.connectionState === 'closed') return sum;
  for (const report of (await newest.getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    sum.energy += report.totalAudioEnergy ?? 0;
    sum.pictures += report.framesDecoded ?? 0;
  }
  return sum;
}

/** Runs in the page: `rrggbb` in the middle of the main picture, or nothing. */
function colourOfMainPicture(): string {
  const video = document.querySelector<HTMLVideoElement>('[data-testid="main-picture"]');
  if (video === null || video.videoWidth === 0) return '';
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const paper = canvas.getContext('2d')!;
  const { videoWidth: width, videoHeight: height } = video;
  paper.drawImage(video, width / 2, height / 2, width / 8, height / 8, 0, 0, 1, 1);
  const parts = [...paper.getImageData(0, 0, 1, 1).data].slice(0, 3);
  return parts.map((part) => part.toString(16).padStart(2, '0')).join('');
}
