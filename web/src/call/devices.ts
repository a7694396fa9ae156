/** Microphones, cameras, loudspeakers: asking for them and saying what is wrong. */

/** Why a device does not work, in the order in which it is worth asking. */
export type Fault = 'insecure' | 'no-webrtc' | 'denied' | 'missing' | 'busy' | 'failed';

export type Opened = { track: MediaStreamTrack } | { fault: Fault };

export interface Device {
  id: string;
  name: string;
}

export interface DeviceList {
  microphones: Device[];
  cameras: Device[];
  loudspeakers: Device[];
}

/** What keeps this page from any device at all. */
export function surroundings(): Fault | null {
  if (typeof RTCPeerConnection === 'undefined') return 'no-webrtc';
  if (!window.isSecureContext || !navigator.mediaDevices) return 'insecure';
  return null;
}

/** Asks for a microphone; `id` is a chosen one. */
export const openMicrophone = (id: string | null): Promise<Opened> => open({ audio: voice(id) });

/** Asks for a camera; `id` is a chosen one. */
export const openCamera = (id: string | null): Promise<Opened> => open({ video: picture(id) });

/** Asks for both at once, so that the browser asks the person once; null when that fails, and then
 * each has to be asked for alone to know which is at fault. */
export async function openBoth(
  microphone: string | null,
  camera: string | null,
): Promise<{ microphone: MediaStreamTrack; camera: MediaStreamTrack } | null> {
  if (surroundings() !== null) return null;
  const stream = await navigator.mediaDevices
    .getUserMedia({ audio: voice(microphone), video: picture(camera) })
    .catch(() => null);
  const [audio, video] = [stream?.getAudioTracks()[0], stream?.getVideoTracks()[0]];
  return audio && video ? { microphone: audio, camera: video } : null;
}

const only = (id: string | null): MediaTrackConstraints => (id ? { deviceId: { exact: id } } : {});

const voice = (id: string | null): MediaTrackConstraints => ({
  ...only(id),
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: 1,
});

const picture = (id: string | null): MediaTrackConstraints => ({
  ...only(id),
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 25, max: 30 },
});

/** Asks for a screen, with its sound where the browser offers it; null when the person declines. */
export async function openScreen(): Promise<MediaStream | null> {
  try {
    return await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 10, max: 15 } },
      audio: true,
    });
  } catch {
    return null;
  }
}

/** Devices by name. Names are there only after the person has allowed a device. */
export async function listDevices(): Promise<DeviceList> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind): Device[] =>
    all
      .filter((device) => device.kind === kind && device.deviceId !== '' && device.deviceId !== 'communications')
      .map((device) => ({ id: device.deviceId, name: device.label }));
  return { microphones: of('audioinput'), cameras: of('videoinput'), loudspeakers: of('audiooutput') };
}

/** Calls back when something is plugged in or out; returns how to stop. */
export function onDevices(changed: () => void): () => void {
  const devices = navigator.mediaDevices;
  devices?.addEventListener?.('devicechange', changed);
  return () => devices?.removeEventListener?.('devicechange', changed);
}

/** The browser lets a page choose the loudspeaker. */
export const canChooseLoudspeaker = (): boolean => 'setSinkId' in HTMLMediaElement.prototype;

/** Plays sound through a chosen loudspeaker; null is the system's choice. */
export async function routeSound(element: HTMLMediaElement, id: string | null): Promise<void> {
  if (canChooseLoudspeaker()) await element.setSinkId(id ?? '').catch(() => undefined);
}

const TONE_S = 1.6;

/** Plays a calm two-note tone through the chosen loudspeaker, and resolves when it is over. */
export async function playTone(loudspeaker: string | null): Promise<void> {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const gain = context.createGain();
  gain.connect(out);
  [523.25, 659.25].forEach((frequency_hz, index) => {
    const note = context.createOscillator();
    note.frequency.value = frequency_hz;
    note.connect(gain);
    note.start(context.currentTime + index * 0.5);
    note.stop(context.currentTime + TONE_S);
  });
  gain.gain.setValueAtTime(0, context.currentTime);
  gain.gain.linearRampToValueAtTime(0.12, context.currentTime + 0.06);
  gain.gain.setValueAtTime(0.12, context.currentTime + TONE_S - 0.4);
  gain.gain.linearRampToValueAtTime(0, context.currentTime + TONE_S);
  const element = new Audio();
  element.srcObject = out.stream;
  await routeSound(element, loudspeaker);
  try {
    await element.play();
    await new Promise((resolve) => setTimeout(resolve, TONE_S * 1000));
  } finally {
    element.srcObject = null;
    await context.close();
  }
}

async function open(constraints: MediaStreamConstraints): Promise<Opened> {
  const wrong = surroundings();
  if (wrong !== null) return { fault: wrong };
  try {
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    const track = stream.getTracks()[0];
    return track ? { track } : { fault: 'missing' };
  } catch (error) {
    return { fault: faultOf(error instanceof DOMException ? error.name : '') };
  }
}

/** What the browser's error name means to a person. */
export function faultOf(name: string): Fault {
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
    case 'DevicesNotFoundError':
      return 'missing';
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}
