/**
 * Instruments that are put into a page before its own code runs. They only listen: to the sound
 * elements, to the pictures, and to what arrives on the live socket, each with the time of this
 * machine, so that moments of different browsers can be compared.
 */

/** How loud each pilot tone was in everything the page plays. */
export interface Heard {
  /** Milliseconds since 1970. */
  at: number;
  /** By frequency in Hz: level in dB of the tone where it stands out of its surroundings, else −200. */
  tones: Record<number, number>;
  /** Root mean square of all sound elements together. */
  loudness: number;
}

/** A message of the live socket. */
export interface Told {
  at: number;
  message: { type: string; [key: string]: unknown };
}

export interface Instruments {
  heard: Heard[];
  told: Told[];
  /** When the first WHEP offer left, and when the main picture showed its first frame after it. */
  media: { posted_at: number | null; first_frame_at: number | null };
  sockets: WebSocket[];
  /** The newest last. */
  connections: RTCPeerConnection[];
}

declare global {
  interface Window {
    instruments: Instruments;
  }
}

/** Runs in the page. `tones_hz` are the tones to listen for. */
export function install(tones_hz: number[]): void {
  const KEPT = 4000;
  const SAMPLE_MS = 25;
  const instruments: Instruments = {
    heard: [],
    told: [],
    media: { posted_at: null, first_frame_at: null },
    sockets: [],
    connections: [],
  };
  window.instruments = instruments;
  const now = () => performance.timeOrigin + performance.now();
  const keep = <T>(list: T[], item: T) => {
    list.push(item);
    if (list.length > KEPT) list.splice(0, list.length - KEPT);
  };

  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...args: ConstructorParameters<typeof Socket>) {
      super(...args);
      instruments.sockets.push(this);
      this.addEventListener('message', (event) => {
        if (typeof event.data !== 'string') return;
        keep(instruments.told, { at: now(), message: JSON.parse(event.data) });
      });
    }
  };

  const Connection = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Connection {
    constructor(...args: ConstructorParameters<typeof Connection>) {
      super(...args);
      keep(instruments.connections, this);
    }
  };

  const ask = window.fetch;
  window.fetch = (...args: Parameters<typeof fetch>) => {
    const url = args[0] instanceof Request ? args[0].url : String(args[0]);
    if (url.includes('/whep/') && instruments.media.posted_at === null) {
      instruments.media.posted_at = now();
    }
    return ask(...args);
  };

  const watched = new WeakSet<HTMLVideoElement>();
  const tapped = new Map<string, { analyser: AnalyserNode; source: MediaStreamAudioSourceNode }>();
  let context: AudioContext | undefined;

  const listen = () => {
    context ??= new AudioContext({ sampleRate: 48_000 });
    if (context.state === 'suspended') void context.resume();
    const bin_hz = 48_000 / 2048;
    const tones: Record<number, number> = {};
    for (const tone of tones_hz) tones[tone] = -200;
    let power = 0;
    const playing = new Set<string>();
    for (const element of document.querySelectorAll('audio, video')) {
      const media = element as HTMLMediaElement;
      const stream = media.srcObject;
      if (!(stream instanceof MediaStream)) continue;
      if (media.paused || media.muted || media.volume === 0) continue;
      const tracks = stream.getAudioTracks().filter((track) => track.readyState === 'live' && track.enabled);
      if (tracks.length === 0) continue;
      const id = tracks.map((track) => track.id).join();
      playing.add(id);
      let tap = tapped.get(id);
      if (tap === undefined) {
        const analyser = context.createAnalyser();
        analyser.fftSize = 2048;
        analyser.smoothingTimeConstant = 0;
        analyser.minDecibels = -160;
        const source = context.createMediaStreamSource(stream);
        source.connect(analyser);
        tap = { analyser, source };
        tapped.set(id, tap);
      }
      const wave = new Float32Array(1024);
      tap.analyser.getFloatTimeDomainData(wave);
      power += wave.reduce((sum, value) => sum + value * value, 0) / wave.length;
      const spectrum = new Float32Array(tap.analyser.frequencyBinCount);
      tap.analyser.getFloatFrequencyData(spectrum);
      for (const tone of tones_hz) {
        const middle = Math.round(tone / bin_hz);
        const peak = Math.max(spectrum[middle - 1]!, spectrum[middle]!, spectrum[middle + 1]!);
        const around: number[] = [];
        for (let step = 4; step <= 13; step++) {
          around.push(spectrum[middle - step]!, spectrum[middle + step]!);
        }
        around.sort((a, b) => a - b);
        const stands_out_dB = peak - around[around.length >> 1]!;
        if (Number.isFinite(peak) && stands_out_dB > 15) {
          tones[tone] = Math.max(tones[tone]!, peak);
        }
      }
    }
    for (const [id, tap] of tapped) {
      if (!playing.has(id)) {
        tap.source.disconnect();
        tapped.delete(id);
      }
    }
    keep(instruments.heard, { at: now(), tones, loudness: Math.sqrt(power) });

    for (const video of document.querySelectorAll<HTMLVideoElement>('[data-testid="main-picture"]')) {
      if (watched.has(video)) continue;
      watched.add(video);
      const frame = () => {
        if (instruments.media.posted_at !== null) instruments.media.first_frame_at ??= now();
        video.requestVideoFrameCallback(frame);
      };
      video.requestVideoFrameCallback(frame);
    }
  };
  setInterval(listen, SAMPLE_MS);
}
