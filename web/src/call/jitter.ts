/**
 * The last moments of one voice between their arrival and the loudspeaker. Packets come over TCP, in
 * order but in bursts: enough is held to bridge what was late before, and no more. Pure, so that it
 * runs in the audio thread and in tests alike.
 */

/** Held before a voice begins, at the least and at the most, in seconds. */
const TARGET_MIN_S = 0.08;
const TARGET_MAX_S = 0.5;
/** By so much more is held after each gap in a running voice, and by so much less after each second
 * without one. */
const TARGET_STEP_S = 0.04;
const TARGET_EASE_S = 0.002;
/** More than this beyond the target is old, and is skipped. */
const EXCESS_MAX_S = 0.4;

export class Jitter {
  readonly #rate: number;
  #chunks: Float32Array[] = [];
  /** Samples of the first chunk that were played. */
  #played = 0;
  #held = 0;
  #target_s = TARGET_MIN_S;
  #running = false;
  /** The voice broke off because nothing had arrived. */
  #starved = false;
  #smooth = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Seconds held now, and aimed at. */
  get held_s(): number {
    return this.#held / this.#rate;
  }

  get target_s(): number {
    return this.#target_s;
  }

  /** Takes samples. `follows`: they go on where the last ones ended, so a gap before them was late
   * arrival and not silence. */
  push(samples: Float32Array, follows: boolean): void {
    if (this.#starved && follows) {
      this.#target_s = Math.min(TARGET_MAX_S, this.#target_s + TARGET_STEP_S);
    }
    this.#starved = false;
    this.#chunks.push(samples);
    this.#held += samples.length;
    const most = (this.#target_s + EXCESS_MAX_S) * this.#rate;
    if (this.#held > most) {
      while (this.#held > this.#target_s * this.#rate && this.#chunks.length > 1) this.#drop();
    }
  }

  /** Fills `out`, with silence where nothing is there. */
  pull(out: Float32Array): void {
    out.fill(0);
    if (!this.#running) {
      if (this.#held < this.#target_s * this.#rate) return;
      this.#running = true;
    }
    let at = 0;
    while (at < out.length) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) {
        this.#running = false;
        this.#starved = true;
        this.#smooth = 0;
        return;
      }
      const some = chunk.subarray(this.#played, this.#played + out.length - at);
      out.set(some, at);
      at += some.length;
      this.#played += some.length;
      this.#held -= some.length;
      if (this.#played === chunk.length) {
        this.#chunks.shift();
        this.#played = 0;
      }
    }
    this.#smooth += out.length;
    if (this.#smooth > this.#rate) {
      this.#smooth = 0;
      this.#target_s = Math.max(TARGET_MIN_S, this.#target_s - TARGET_EASE_S);
    }
  }

  #drop(): void {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) this.#held -= chunk.length - this.#played;
    this.#played = 0;
  }
}
