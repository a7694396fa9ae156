/** This person's own microphone, camera and loudspeaker as reactive state. */
import {
  listDevices,
  onDevices,
  openBoth,
  openCamera,
  openMicrophone,
  surroundings,
  type DeviceList,
  type Fault,
  type Opened,
} from '../call/devices';

export type DeviceKind = 'microphone' | 'camera';

const SAVED = 'plenary.devices';

interface Chosen {
  microphone: string | null;
  camera: string | null;
  loudspeaker: string | null;
}

export class DeviceStore {
  microphone: MediaStreamTrack | null = $state.raw(null);
  camera: MediaStreamTrack | null = $state.raw(null);
  microphoneFault: Fault | null = $state(null);
  cameraFault: Fault | null = $state(null);
  /** The browser is asking the person, or a device is starting. */
  asking: DeviceKind | null = $state(null);
  /** The person wants the device on; kept when the device has to be opened anew. */
  wants: { microphone: boolean; camera: boolean } = $state({ microphone: true, camera: true });
  list: DeviceList = $state.raw({ microphones: [], cameras: [], loudspeakers: [] });
  chosen: Chosen = $state(saved());
  /** A device vanished and another one has taken its place. */
  replaced: DeviceKind | null = $state(null);

  /** One's own picture. */
  readonly preview: MediaStream | null = $derived(this.camera ? new MediaStream([this.camera]) : null);

  readonly #forget: () => void;

  constructor() {
    this.#forget = onDevices(() => void this.refresh());
  }

  /** What keeps this page from any device. */
  get blocked(): Fault | null {
    return surroundings();
  }

  /** Devices by name; also notices when one is plugged in. */
  async refresh(): Promise<void> {
    this.list = await listDevices();
    if (this.microphoneFault === 'missing' && this.list.microphones.length > 0) await this.open('microphone');
    if (this.cameraFault === 'missing' && this.wants.camera && this.list.cameras.length > 0) await this.open('camera');
  }

  /** Opens a device, or says what is wrong. */
  async open(kind: DeviceKind): Promise<boolean> {
    this.asking = kind;
    let opened = await this.#ask(kind, this.chosen[kind]);
    // A chosen device that is no longer there gives way to the system's choice.
    if ('fault' in opened && opened.fault === 'missing' && this.chosen[kind] !== null) {
      this.chosen[kind] = null;
      opened = await this.#ask(kind, null);
    }
    this.asking = null;
    this.#take(kind, opened);
    this.list = await listDevices();
    return 'track' in opened;
  }

  /** Opens microphone and camera with one question of the browser. */
  async openBoth(): Promise<void> {
    if (this.blocked !== null) return;
    this.asking = 'camera';
    const both = await openBoth(this.chosen.microphone, this.chosen.camera);
    this.asking = null;
    if (both === null) {
      await this.open('microphone');
      await this.open('camera');
      return;
    }
    this.#take('microphone', { track: both.microphone });
    this.#take('camera', { track: both.camera });
    this.list = await listDevices();
  }

  /** The person chooses a device. */
  async choose(kind: DeviceKind | 'loudspeaker', id: string | null): Promise<void> {
    this.chosen[kind] = id;
    try {
      localStorage.setItem(SAVED, JSON.stringify(this.chosen));
    } catch {
      // Storage may be forbidden; then the choice holds for this visit.
    }
    if (kind !== 'loudspeaker') {
      this.close(kind);
      await this.open(kind);
    }
  }

  /** Lets a device go; its light goes out. */
  close(kind: DeviceKind): void {
    const track = this[kind];
    if (track) {
      track.onended = null;
      track.stop();
    }
    this[kind] = null;
  }

  release(): void {
    this.close('microphone');
    this.close('camera');
  }

  destroy(): void {
    this.release();
    this.#forget();
  }

  #ask(kind: DeviceKind, id: string | null): Promise<Opened> {
    return kind === 'microphone' ? openMicrophone(id) : openCamera(id);
  }

  #take(kind: DeviceKind, opened: Opened): void {
    const fault = 'fault' in opened ? opened.fault : null;
    if (kind === 'microphone') this.microphoneFault = fault;
    else this.cameraFault = fault;
    if (!('track' in opened)) return;
    this.close(kind);
    this[kind] = opened.track;
    // Unplugged: take another one.
    opened.track.onended = () => {
      this[kind] = null;
      void this.open(kind).then((done) => (this.replaced = done ? kind : null));
    };
  }
}

function saved(): Chosen {
  const none: Chosen = { microphone: null, camera: null, loudspeaker: null };
  try {
    return { ...none, ...(JSON.parse(localStorage.getItem(SAVED) ?? '{}') as Partial<Chosen>) };
  } catch {
    return none;
  }
}
