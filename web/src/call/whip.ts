/** Publishing (WHIP): microphone and camera in one session, a shared screen in another. */
import { MediaSession, type MediaState } from './session';

/** The names of the layers, from the smallest. */
const RIDS = ['q', 'h', 'f'];

/**
 * The layers of a camera, so that a weak viewer gets a small picture and never none. Browsers send
 * only the first two of a camera with fewer pixels than 960 × 540, and only the first with fewer
 * than 480 × 270, whatever is asked for; so there the first ones take up the whole size, and the
 * rest rests.
 */
export function cameraLayers(pixels: number): RTCRtpEncodingParameters[] {
  const sizes: [scale: number, bitrate: number][] =
    pixels >= 960 * 540
      ? [[4, 150_000], [2, 500_000], [1, 1_500_000]]
      : pixels >= 480 * 270
        ? [[2, 200_000], [1, 700_000]]
        : [[1, 300_000]];
  return RIDS.map((rid, place) => {
    const [scaleResolutionDownBy, maxBitrate] = sizes[place] ?? [1, 100_000];
    return { rid, active: place < sizes.length, scaleResolutionDownBy, maxBitrate };
  });
}

/** Of a camera that does not say how many it has: most have at least these. */
const PIXELS_DEFAULT = 1280 * 720;

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
    const video = this.#video;
    void video?.replaceTrack(track).then(() => this.#fitLayers(video)).catch(() => undefined);
  }

  #layers(): RTCRtpEncodingParameters[] {
    const { width, height } = this.#camera?.getSettings() ?? {};
    return cameraLayers(width && height ? width * height : PIXELS_DEFAULT);
  }

  /** Another camera may have another size. */
  async #fitLayers(video: RTCRtpSender): Promise<void> {
    const parameters = video.getParameters();
    const wanted = this.#layers();
    for (const encoding of parameters.encodings ?? []) {
      Object.assign(encoding, wanted.find(({ rid }) => rid === encoding.rid));
    }
    await video.setParameters(parameters);
  }

  #build(connection: RTCPeerConnection): void {
    const audio = connection.addTransceiver(this.#microphone ?? 'audio', {
      direction: 'sendonly',
      sendEncodings: [{ maxBitrate: VOICE_BITRATE_MAX }],
    });
    const video = connection.addTransceiver(this.#camera ?? 'video', {
      direction: 'sendonly',
      sendEncodings: this.#layers(),
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
