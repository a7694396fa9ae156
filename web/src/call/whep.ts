/**
 * Receiving (WHEP): fixed slots, negotiated once. Who is in which slot is said by the live socket
 * and changes without a new offer (docs/PROTOCOL.md).
 */
import { MediaSession, type MediaState } from './session';

export const VOICE_SLOTS = 3;
export const THUMBNAIL_SLOTS = 4;
/** Main picture, shared screen, thumbnails. */
const PICTURE_SLOTS = 2 + THUMBNAIL_SLOTS;

/** One stream for each slot, so that each can be played by an element of its own. */
export interface Slots {
  voices: MediaStream[];
  main: MediaStream | null;
  screen: MediaStream | null;
  thumbnails: MediaStream[];
}

export class Receiver {
  readonly session: MediaSession;
  readonly voiceOnly: boolean;

  constructor(
    event: string,
    token: string,
    voiceOnly: boolean,
    handlers: { slots(slots: Slots): void; state(state: MediaState): void },
  ) {
    this.voiceOnly = voiceOnly;
    this.session = new MediaSession(`/whep/${event}`, token, {
      build: (connection) => handlers.slots(receive(connection, voiceOnly)),
      state: handlers.state,
    });
  }
}

function receive(connection: RTCPeerConnection, voiceOnly: boolean): Slots {
  const slot = (kind: 'audio' | 'video'): MediaStream =>
    new MediaStream([connection.addTransceiver(kind, { direction: 'recvonly' }).receiver.track]);
  const voices = Array.from({ length: VOICE_SLOTS }, () => slot('audio'));
  if (voiceOnly) return { voices, main: null, screen: null, thumbnails: [] };
  const [main = null, screen = null, ...thumbnails] = Array.from({ length: PICTURE_SLOTS }, () => slot('video'));
  return { voices, main, screen, thumbnails };
}
