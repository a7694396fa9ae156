/** The audio thread's part of hearing by WebSocket: each voice slot has an output of its own. */
import { Jitter } from './jitter';

/** What the page sends. */
export interface VoiceChunk {
  slot: number;
  samples: Float32Array;
  follows: boolean;
}

// The audio thread's global scope is not part of TypeScript's DOM library.
declare const sampleRate: number;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;

class Voices extends AudioWorkletProcessor {
  readonly #slots: Jitter[] = [];

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<VoiceChunk>) => {
      this.#slot(data.slot).push(data.samples, data.follows);
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    outputs.forEach(([out], slot) => {
      if (out) this.#slot(slot).pull(out);
    });
    return true;
  }

  #slot(slot: number): Jitter {
    return (this.#slots[slot] ??= new Jitter(sampleRate));
  }
}

registerProcessor('plenary-voices', Voices);
