/** How loud a microphone is. */

/** Silence of a room and the loudest a converter gives, in dB of full scale. */
const FLOOR_DB = -60;
const CEILING_DB = -6;
/** Under this a room is silent; above that a voice is too near. */
export const LEVEL_SILENT = 0.04;
export const LEVEL_LOW = 0.3;
export const LEVEL_HIGH = 0.97;

export class LevelReader {
  readonly #context: AudioContext;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
  }

  /** The browser reads no microphone before the first gesture on the page. */
  get running(): boolean {
    return this.#context.state === 'running';
  }

  resume(): void {
    void this.#context.resume().catch(() => undefined);
  }

  /** Level now, from 0 (silence) to 1 (as loud as it goes). */
  read(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return level(this.#samples);
  }

  close(): void {
    void this.#context.close().catch(() => undefined);
  }
}

/** Level of a piece of sound, from 0 to 1, even to the ear. */
export function level(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index += 1) sum += (samples[index] ?? 0) ** 2;
  const rms = Math.sqrt(sum / Math.max(1, samples.length));
  const db = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}
