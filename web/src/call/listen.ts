/**
 * The last resort: the floor's voices over a WebSocket, where a network lets nothing but HTTPS
 * through. Packets are decoded here (WebCodecs) and played through streams like those of a call,
 * one for each voice slot. No UI.
 */
import workletUrl from './voice-worklet?worker&url';
import type { VoiceChunk } from './voice-worklet';
import { VOICE_SLOTS } from './whep';

const RATE = 48_000;
const PING_MS = 10_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_LONGEST_MS = 15_000;
/** Bytes before the Opus packet (docs/PROTOCOL.md). */
const HEADER_BYTES = 8;

/** A packet of a voice slot. */
export interface VoicePacket {
  slot: number;
  sequence: number;
  timestamp: number;
  opus: Uint8Array<ArrayBuffer>;
}

export function parseVoice(data: ArrayBuffer): VoicePacket | null {
  if (data.byteLength <= HEADER_BYTES) return null;
  const view = new DataView(data);
  const slot = view.getUint8(0);
  if (slot >= VOICE_SLOTS) return null;
  return { slot, sequence: view.getUint16(2), timestamp: view.getUint32(4), opus: new Uint8Array(data, HEADER_BYTES) };
}

/** The browser can decode and play what comes. */
export const canListen = (): boolean => typeof AudioDecoder !== 'undefined' && typeof AudioWorkletNode !== 'undefined';

export interface ListenHandlers {
  /** One stream for each voice slot; null when it is over. */
  voices(voices: MediaStream[] | null): void;
}

export class VoiceLine {
  readonly #event: string;
  readonly #token: string;
  readonly #handlers: ListenHandlers;
  #socket: WebSocket | null = null;
  #player: Player | null = null;
  #stopped = true;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ping: ReturnType<typeof setInterval> | undefined;

  constructor(event: string, token: string, handlers: ListenHandlers) {
    this.#event = event;
    this.#token = token;
    this.#handlers = handlers;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#ping);
    this.#socket?.close();
    this.#socket = null;
    this.#player?.close();
    this.#player = null;
    this.#handlers.voices(null);
  }

  #open(): void {
    const socket = new WebSocket(new URL('/api/listen', location.href.replace(/^http/, 'ws')));
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ type: 'hello', event: this.#event, token: this.#token, resume: null }));
      this.#ping = setInterval(() => socket.send('{"type":"ping"}'), PING_MS);
    };
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (socket === this.#socket && typeof data !== 'string') void this.#take(data);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#retry();
    };
  }

  async #take(data: ArrayBuffer): Promise<void> {
    this.#attempt = 0;
    const packet = parseVoice(data);
    if (packet === null) return;
    if (this.#player === null) {
      const player = new Player();
      this.#player = player;
      const voices = await player.open();
      if (player !== this.#player) return;
      this.#handlers.voices(voices);
    }
    this.#player.play(packet);
  }

  /** The server says no by closing, too; both are asked again, ever more slowly. */
  #retry(): void {
    clearInterval(this.#ping);
    if (this.#stopped) return;
    const longest = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.#open(), longest / 2 + Math.random() * (longest / 2));
  }
}

/** Decodes and plays. */
class Player {
  readonly #context = new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
  readonly #slots = new Map<number, Slot>();
  #node: AudioWorkletNode | null = null;

  async open(): Promise<MediaStream[]> {
    const context = this.#context;
    void context.resume().catch(() => undefined);
    await context.audioWorklet.addModule(workletUrl);
    const node = new AudioWorkletNode(context, 'plenary-voices', {
      numberOfInputs: 0,
      numberOfOutputs: VOICE_SLOTS,
      outputChannelCount: Array.from({ length: VOICE_SLOTS }, () => 1),
    });
    this.#node = node;
    return Array.from({ length: VOICE_SLOTS }, (_, slot) => {
      const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
      node.connect(out, slot);
      return out.stream;
    });
  }

  play(packet: VoicePacket): void {
    const node = this.#node;
    if (node === null) return;
    let slot = this.#slots.get(packet.slot);
    if (slot === undefined) {
      slot = new Slot((chunk) => node.port.postMessage({ ...chunk, slot: packet.slot }, [chunk.samples.buffer]));
      this.#slots.set(packet.slot, slot);
    }
    slot.decode(packet);
  }

  close(): void {
    for (const slot of this.#slots.values()) slot.close();
    void this.#context.close().catch(() => undefined);
  }
}

/** The decoder of one voice slot. */
class Slot {
  readonly #out: (chunk: Omit<VoiceChunk, 'slot'>) => void;
  #decoder: AudioDecoder | null = null;
  /** Where the last packet's sound ended, in microseconds of the slot. */
  #end_us = -1;
  /** The slot's timestamps count up through 2³², in samples. */
  #base: { timestamp: number; samples: number } | null = null;

  constructor(out: (chunk: Omit<VoiceChunk, 'slot'>) => void) {
    this.#out = out;
  }

  decode(packet: VoicePacket): void {
    if (this.#decoder === null || this.#decoder.state === 'closed') {
      // A packet that cannot be decoded ends a decoder; the next packet begins another.
      this.#decoder = new AudioDecoder({ output: (audio) => this.#decoded(audio), error: () => undefined });
      this.#decoder.configure({ codec: 'opus', sampleRate: RATE, numberOfChannels: 2 });
    }
    this.#base ??= { timestamp: packet.timestamp, samples: 0 };
    const passed = (packet.timestamp - this.#base.timestamp) | 0;
    this.#base = { timestamp: packet.timestamp, samples: Math.max(0, this.#base.samples + passed) };
    const timestamp = Math.round((this.#base.samples * 1e6) / RATE);
    this.#decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp, data: packet.opus }));
  }

  close(): void {
    if (this.#decoder?.state === 'configured') this.#decoder.close();
  }

  #decoded(audio: AudioData): void {
    const samples = new Float32Array(audio.numberOfFrames);
    const channel = new Float32Array(audio.numberOfFrames);
    for (let index = 0; index < audio.numberOfChannels; index++) {
      audio.copyTo(channel, { planeIndex: index, format: 'f32-planar' });
      for (let at = 0; at < samples.length; at++) samples[at]! += channel[at]! / audio.numberOfChannels;
    }
    // A tolerance of a millisecond for rounding.
    const follows = Math.abs(audio.timestamp - this.#end_us) < 1_000;
    this.#end_us = audio.timestamp + (audio.numberOfFrames * 1e6) / audio.sampleRate;
    audio.close();
    this.#out({ samples, follows });
  }
}
