/** Publishing (WHIP): microphone and camera in one session, a shared screen in another. */
import { MediaSession, type MediaState } from './session';

/** Three layers, so that a weak viewer gets a small picture and never none. */
const CAMERA_LAYERS: RTCRtpEncodingParameters[] = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];
/** Speech at its best; a viewer on 64 kbit/s gets it whole. */
const VOICE_BITRATE_MAX = 32_000;
/** Slides have to be sharp rather than smooth. */
const SCREEN_BITRATE_MAX = 1_500_000;

/** Publishes a person's microphone and camera. Tracks can be exchanged without a new offer. */
export class CameraPublisher {
  readonly session: MediaSession;
  #microphone: MediaStreamTrack | null = null;
  #camera: MediaStreamTrack | null = null;
  #audio: RTCRtpSender | null = null;
  #video: RTCRtpSender | null = null;

  constructor(event: string, token: string, onstate: (state: MediaState) => void) {
    this.session = new MediaSession(`/whip/${event}`, token, {
      build: (connection) => this.#build(connection),
      state: onstate,
    });
  }

  setMicrophone(track: MediaStreamTrack | null): void {
    this.#microphone = track;
    void this.#audio?.replaceTrack(track).catch(() => undefined);
  }

  setCamera(track: MediaStreamTrack | null): void {
    this.#camera = track;
    void this.#video?.replaceTrack(track).catch(() => undefined);
  }

  #build(connection: RTCPeerConnection): void {
    const audio = connection.addTransceiver(this.#microphone ?? 'audio', {
      direction: 'sendonly',
      sendEncodings: [{ maxBitrate: VOICE_BITRATE_MAX }],
    });
    const video = connection.addTransceiver(this.#camera ?? 'video', {
      direction: 'sendonly',
      sendEncodings: CAMERA_LAYERS,
    });
    preferVp8(video);
    this.#audio = audio.sender;
    this.#video = video.sender;
  }
}

/** Publishes a shared screen, with its sound if the browser gives one. */
export function publishScreen(
  event: string,
  token: string,
  screen: MediaStream,
  onstate: (state: MediaState) => void,
): MediaSession {
  const session = new MediaSession(`/whip/${event}?source=screen`, token, {
    build: (connection) => {
      const sound = screen.getAudioTracks()[0];
      if (sound) connection.addTransceiver(sound, { direction: 'sendonly' });
      const picture = screen.getVideoTracks()[0];
      if (!picture) return;
      picture.contentHint = 'detail';
      preferVp8(
        connection.addTransceiver(picture, {
          direction: 'sendonly',
          sendEncodings: [{ maxBitrate: SCREEN_BITRATE_MAX, maxFramerate: 15 }],
        }),
      );
    },
    state: onstate,
  });
  return session;
}

/** VP8 is what every receiver decodes and what carries simulcast everywhere. */
function preferVp8(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs ?? [];
  const wanted = codecs.filter(({ mimeType }) => /^video\/(vp8|rtx)$/i.test(mimeType));
  if (wanted.some(({ mimeType }) => /vp8/i.test(mimeType))) transceiver.setCodecPreferences?.(wanted);
}
