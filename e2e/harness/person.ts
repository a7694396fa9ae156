/** A person in a Chromium of their own, with a voice, a face and ears. */
import { type Browser, type BrowserContext, chromium, expect, type Page } from '@playwright/test';
import { type Heard, install, type Told } from './instruments.ts';
import { type Voice, voiceFiles, type VoiceName, voices } from './voices.ts';
import { eventually } from './wait.ts';

export const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

const FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream=fps=10',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/** A tone below this level is not heard by anybody. Tones of these voices arrive at about −40 dB. */
const AUDIBLE_DB = -62;

/** Heard means: in this share of the samples of a span. Bursts are down for a third of the time. */
const AUDIBLE_SHARE = 0.3;

export interface PersonOptions {
  voice?: VoiceName;
  /** A file for the camera in the place of the voice's own. */
  picture?: string;
  viewport?: { width: number; height: number };
  locale?: string;
  dark?: boolean;
  /** For a page of its own in the browser of another person who never speaks. */
  browser?: Browser;
  flags?: string[];
  /** Another program in the place of Chromium that starts it in the end. */
  executable?: string;
}

export class Person {
  /** Addresses that the page asked for, outside of the server. */
  readonly strangers: string[] = [];
  /** Exceptions and violations of the content security policy. */
  readonly faults: string[] = [];

  private constructor(
    readonly name: string,
    readonly page: Page,
    readonly context: BrowserContext,
    readonly browser: Browser,
    private readonly ownsBrowser: boolean,
    readonly voice: Voice | undefined,
  ) {}

  static async launch(name: string, options: PersonOptions = {}): Promise<Person> {
    const flags = [...FLAGS, ...(options.flags ?? [])];
    const voice = options.voice;
    if (voice !== undefined) {
      const files = await voiceFiles(voice);
      flags.push(`--use-file-for-fake-audio-capture=${files.sound}`);
      flags.push(`--use-file-for-fake-video-capture=${options.picture ?? files.picture}`);
    }
    const browser =
      options.browser ?? (await chromium.launch({ executablePath: options.executable ?? chromiumPath, args: flags }));
    const context = await browser.newContext({
      viewport: options.viewport ?? desktop,
      locale: options.locale ?? 'en-GB',
      timezoneId: 'Europe/London',
      colorScheme: options.dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
      isMobile: options.viewport === phone,
      hasTouch: options.viewport === phone,
    });
    await context.addInitScript(install, Object.values(voices).map((each) => each.tone_hz));
    const page = await context.newPage();
    const person = new Person(
      name, page, context, browser, options.browser === undefined, voice && voices[voice],
    );
    page.on('pageerror', (error) => person.faults.push(`${name}: ${error.message}`));
    page.on('console', (message) => {
      const text = message.text();
      if (/Content.Security.Policy|Permissions.Policy/i.test(text)) person.faults.push(`${name}: ${text}`);
    });
    page.on('request', (request) => person.noteStranger(request.url()));
    page.on('websocket', (socket) => person.noteStranger(socket.url()));
    return person;
  }

  /** Opens an address of the server; what is asked of any other host is noted. */
  async open(address: string): Promise<void> {
    await this.page.goto(address);
  }

  async leave(): Promise<void> {
    await this.context.close();
    if (this.ownsBrowser) await this.browser.close();
  }

  get(testid: string) {
    return this.page.getByTestId(testid);
  }

  /** Tones that were heard in the samples between two moments (this machine's clock). */
  async heardBetween(from: number, to: number): Promise<number[]> {
    const samples = (await this.samples()).filter(({ at }) => at >= from && at <= to);
    if (samples.length === 0) return [];
    return Object.values(voices)
      .map(({ tone_hz }) => tone_hz)
      .filter((tone) => {
        const loud = samples.filter(({ tones }) => (tones[tone] ?? -200) > AUDIBLE_DB).length;
        return loud / samples.length >= AUDIBLE_SHARE;
      });
  }

  /** Waits until exactly these voices are heard, for a second on end. */
  async hearsOnly(...names: VoiceName[]): Promise<void> {
    const wanted = names.map((name) => voices[name].tone_hz).sort();
    let last: number[] = [];
    await eventually(`${this.name} hears ${names.join(', ') || 'nobody'} only`, 15_000, async () => {
      const now = Date.now();
      last = (await this.heardBetween(now - 1000, now)).sort();
      return last.join() === wanted.join();
    }, 100).catch((error: Error) => {
      throw new Error(`${error.message}; heard: ${last.map(nameOfTone).join(', ') || 'nobody'}`);
    });
  }

  /** The last moment at which anything at all was audible. */
  async lastSound(): Promise<number> {
    return (await this.samples()).filter(sounds).at(-1)?.at ?? 0;
  }

  /** The first moment at which anything was audible on this page. */
  async firstSound(): Promise<number> {
    return (await this.samples()).find(sounds)?.at ?? Infinity;
  }

  samples(): Promise<Heard[]> {
    return this.page.evaluate(() => window.instruments.heard);
  }

  /** What the live socket said since a moment. */
  async told(type: string, since = 0): Promise<Told[]> {
    const all = await this.page.evaluate(() => window.instruments.told);
    return all.filter(({ at, message }) => at >= since && message.type === type);
  }

  /** Waits until the picture shows this person and its frames go on. */
  async sees(name: VoiceName, testid = 'main-picture'): Promise<void> {
    const picture = this.get(testid).first();
    await expect(picture).toBeVisible();
    let last: VoiceName | undefined;
    await eventually(`${this.name} sees ${name} in ${testid}`, 20_000, async () => {
      last = await colourOf(picture);
      return last === name;
    }, 150).catch(async (error: Error) => {
      throw new Error(`${error.message}; seen: ${last ?? 'nobody'}; ${await this.pictures()}`);
    });
    await this.framesGoOn(testid);
  }

  /** Waits until six more frames were decoded and shown, all in one element: the page may replace it. */
  async framesGoOn(testid: string): Promise<void> {
    const picture = this.get(testid).first();
    let first = await shown(picture);
    await eventually(`${this.name} sees pictures go on in ${testid}`, 15_000, async () => {
      const now = await shown(picture);
      if (now.stream !== first.stream || now.frames < first.frames) first = now;
      return now.frames - first.frames >= 6;
    }, 100).catch(async (error: Error) => {
      throw new Error(`${error.message}; ${await this.pictures()}`);
    });
  }

  /** How the pictures arrive, for the message of a test that failed. */
  pictures(): Promise<string> {
    return this.page.evaluate(async () => {
      const reports = [...((await window.instruments.connections.at(-1)?.getStats()) ?? new Map()).values()];
      return reports
        .filter(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')
        .map((one) =>
          `${one.frameWidth ?? 0} px, ${one.packetsReceived} packets (${one.packetsLost} lost), ` +
          `${one.framesReceived} frames, ${one.framesDecoded} decoded (${one.keyFramesDecoded} whole), ` +
          `${one.pliCount} asked for, ${one.nackCount} missed`)
        .join('; ');
    });
  }

  private noteStranger(address: string): void {
    const url = new URL(address);
    if (!['localhost', '127.0.0.1', ''].includes(url.hostname) || url.protocol === 'chrome:') {
      this.strangers.push(`${this.name}: ${address}`);
    }
  }
}

/** Anything above −66 dB: between two words the pilot tone is still louder. */
const sounds = ({ loudness }: Heard): boolean => loudness > 0.0005;

/** What a video element has shown so far. */
interface Shown {
  stream: string | undefined;
  frames: number;
}

function shown(picture: ReturnType<Page['getByTestId']>): Promise<Shown> {
  return picture.evaluate((element) => {
    const video = element as HTMLVideoElement;
    const stream = video.srcObject instanceof MediaStream ? video.srcObject.id : undefined;
    return { stream, frames: video.getVideoPlaybackQuality().totalVideoFrames };
  });
}

/** Whose colour stands in the middle of a video element. */
async function colourOf(picture: ReturnType<Page['getByTestId']>): Promise<VoiceName | undefined> {
  const [red, green, blue] = await picture.evaluate((element) => {
    const video = element as HTMLVideoElement;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const paper = canvas.getContext('2d')!;
    const { videoWidth: width, videoHeight: height } = video;
    paper.drawImage(video, width / 2, height / 2, width / 8, height / 8, 0, 0, 1, 1);
    return [...paper.getImageData(0, 0, 1, 1).data] as [number, number, number, number];
  });
  return nearestVoice([red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join(''));
}

/** Whose colour, `rrggbb`, this is. */
export function nearestVoice(colour: string): VoiceName | undefined {
  const part = (of: string, at: number) => parseInt(of.slice(at, at + 2), 16);
  const distance = (name: VoiceName) =>
    Math.hypot(...[0, 2, 4].map((at) => part(voices[name].colour, at) - part(colour, at)));
  const nearest = (Object.keys(voices) as VoiceName[]).sort((a, b) => distance(a) - distance(b))[0]!;
  return distance(nearest) < 60 ? nearest : undefined;
}

function nameOfTone(tone: number): string {
  const found = Object.entries(voices).find(([, voice]) => voice.tone_hz === tone);
  return found?.[0] ?? String(tone);
}
