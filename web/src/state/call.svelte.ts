/**
 * A person's part in the call: what they receive, what they publish, and their devices. It follows
 * what the proceedings say about them (`live.you`): it publishes and receives exactly while it may.
 */
import { untrack } from 'svelte';
import type { Outcome } from '../api/live';
import type { PersonId } from '../api/types';
import { openScreen } from '../call/devices';
import type { VoiceLine } from '../call/listen';
import { count, judge, worse, type Counted, type Quality } from '../call/quality';
import type { MediaSession, MediaState } from '../call/session';
import type { Connections } from '../call/statistics';
import { Receiver, type Slots } from '../call/whep';
import { CameraPublisher, publishScreen } from '../call/whip';
import { DeviceStore, type DeviceKind } from './devices.svelte';
import type { LiveStore } from './live.svelte';

/** The line is judged over this long. */
const QUALITY_EVERY_MS = 4_000;
/** Without a media path for this long the voices come over a WebSocket: every way through the relay
 * has had its turn by then. */
const LAST_RESORT_AFTER_MS = 6_000;
/** Where the voices do not come that way either, captions are offered. */
const CUT_OFF_AFTER_MS = 14_000;

const VOICE_ONLY_SAVED = 'plenary.voice-only';
const CAPTIONS_SAVED = 'plenary.captions';

/** Captions beside picture and voice, or in their place: then no media are fetched at all. */
export type Captions = 'off' | 'on' | 'only';

/** What became of a wish: a command's outcome, or the device could not be had. */
export type Wish = Outcome | { outcome: 'no-device' };

export class CallStore {
  readonly devices = new DeviceStore();

  /** State of receiving and of publishing. */
  receiving: MediaState = $state('idle');
  publishing: MediaState = $state('idle');
  /** Streams of the fixed slots; who is in them is said by `live.slots`. */
  slots: Slots | null = $state.raw(null);
  /** Only the voice is received. */
  voiceOnly: boolean = $state(saved(VOICE_ONLY_SAVED) === '1');
  captions: Captions = $state((saved(CAPTIONS_SAVED) as Captions | null) ?? 'off');
  /** No media path connects: only the floor's voices come, over a WebSocket. */
  lastResort: boolean = $state(false);
  /** Neither media nor the last resort come through. */
  cutOff: boolean = $state(false);
  /** The browser waits for a gesture before it plays sound. */
  soundBlocked: boolean = $state(false);
  /** The person has asked to take part: by "Listen" or by "Enter the green room". */
  entered: boolean = $state(false);
  /** The screen one shares. */
  screen: MediaStream | null = $state.raw(null);

  /** How good the line is: what this browser measures, or what the server does where that is worse. */
  readonly quality: Quality = $derived.by(() => worse(this.#measured, this.#live.ownLine ?? 'unknown'));

  #measured: Quality = $state('unknown');
  readonly #live: LiveStore;
  readonly #token: string;
  readonly #forget: () => void;
  #receiver: Receiver | null = null;
  #nextReceiver: Receiver | null = null;
  #publisher: CameraPublisher | null = null;
  #screenSession: MediaSession | null = null;
  /** The stage was left, or somebody sent the person from it: do not go back by oneself. */
  #stageWish = false;
  #entering = false;
  #wasOnStage = false;
  /** Devices whose state has not been told since the person came on stage; they may still be opening. */
  readonly #untold = new Set<DeviceKind>();
  #counted: Counted | null = null;
  #voiceLine: VoiceLine | null = null;
  /** Streams of the media session and those of the last resort, which go before. */
  #peerSlots: Slots | null = null;
  #lineSlots: Slots | null = null;

  constructor(live: LiveStore, token: string) {
    this.#live = live;
    this.#token = token;
    const stop = $effect.root(() => {
      $effect(() => this.#followReceiving());
      $effect(() => this.#followWay());
      $effect(() => this.#followPublishing());
      $effect(() => this.#followStage());
      $effect(() => this.#tellDevices());
      $effect(() => this.#followMicrophone());
      $effect(() => this.#followCamera());
      $effect(() => this.#followScreen());
      $effect(() => this.#followLine());
    });
    const timer = setInterval(() => void this.#measure(), QUALITY_EVERY_MS);
    const away = (): void => this.#endMedia();
    // A page that the browser kept and shows again has dead sessions: begin anew.
    const back = (event: PageTransitionEvent): void => {
      if (event.persisted) window.location.reload();
    };
    addEventListener('pagehide', away);
    addEventListener('pageshow', back);
    this.#forget = () => {
      stop();
      clearInterval(timer);
      removeEventListener('pagehide', away);
      removeEventListener('pageshow', back);
    };
  }

  /** The person's place on the stage is theirs by right, or given for as long as they have the floor. */
  get onStage(): boolean {
    return this.#live.you.place !== 'none';
  }

  /** Put out, closed, or full: nothing is sent or received any more. */
  get #out(): boolean {
    const { line, end, life } = this.#live;
    return line.state === 'ended' || end === 'suspended' || end === 'event-full' || life.life === 'closed';
  }

  /** Begins to take part. People of the stage go there as soon as it is open. */
  enter(): void {
    this.entered = true;
    const { speaks, moderates } = this.#live.you;
    this.#stageWish = speaks || moderates;
    void this.#goOnStage();
  }

  /** Goes (back) on stage. */
  enterStage(): Promise<Outcome> {
    this.#stageWish = true;
    return this.#live.command({ do: 'enter-stage' });
  }

  leaveStage(): Promise<Outcome> {
    this.#stageWish = false;
    return this.#live.command({ do: 'leave-stage' });
  }

  /** A guest accepts the floor: the browser is asked for the microphone, and the voice goes out. */
  async acceptFloor(withPicture: boolean): Promise<void> {
    this.devices.wants.microphone = true;
    if (!(await this.devices.open('microphone'))) return;
    if (withPicture) await this.setCamera(true);
    // It opens with the floor by itself, unless its owner has closed it since.
    if (this.#live.you.microphone === 'off') await this.#live.command({ do: 'set-microphone', on: true });
  }

  /** Leaves the event: stage, media, devices. */
  async leave(): Promise<void> {
    if (this.onStage) await this.leaveStage();
    this.destroy();
  }

  destroy(): void {
    this.#forget();
    this.#endMedia();
    this.devices.destroy();
  }

  /** Turns the microphone on or off, the track and the proceedings in step. */
  async setMicrophone(on: boolean): Promise<Wish> {
    this.devices.wants.microphone = on;
    this.#untold.delete('microphone');
    if (on && this.devices.microphone === null && !(await this.devices.open('microphone'))) {
      return { outcome: 'no-device' };
    }
    // Silence is local and at once; only then is it told.
    if (!on && this.devices.microphone) this.devices.microphone.enabled = false;
    return this.#live.command({ do: 'set-microphone', on });
  }

  async setCamera(on: boolean): Promise<Wish> {
    this.devices.wants.camera = on;
    this.#untold.delete('camera');
    if (on && this.devices.camera === null && !(await this.devices.open('camera'))) {
      return { outcome: 'no-device' };
    }
    if (!on) this.devices.close('camera');
    return this.#live.command({ do: 'set-camera', on });
  }

  /** Shares a screen, or stops. The browser asks which one. */
  async setScreen(on: boolean): Promise<Wish> {
    if (!on) {
      this.#endScreen();
      return this.#live.command({ do: 'set-screen', on: false });
    }
    const screen = await openScreen();
    if (screen === null) return { outcome: 'no-device' };
    const outcome = await this.#live.command({ do: 'set-screen', on: true });
    if (outcome.outcome !== 'accepted') {
      screen.getTracks().forEach((track) => track.stop());
      return outcome;
    }
    this.screen = screen;
    const picture = screen.getVideoTracks()[0];
    if (picture) picture.onended = () => void this.setScreen(false);
    this.#screenSession = publishScreen(this.#live.event.id, this.#token, screen, () => undefined);
    this.#screenSession.start();
    return outcome;
  }

  /** The connections of this moment, for their statistics. */
  get connections(): Connections {
    const of = (session: MediaSession | null | undefined): RTCPeerConnection | null => session?.connection ?? null;
    return {
      receiving: of(this.#receiver?.session),
      sending: of(this.#publisher?.session),
      screen: of(this.#screenSession),
    };
  }

  /** Only the voice from now on, or the picture again. */
  setVoiceOnly(on: boolean): void {
    this.voiceOnly = on;
    keep(VOICE_ONLY_SAVED, on ? '1' : '0');
  }

  setCaptions(captions: Captions): void {
    this.captions = captions;
    keep(CAPTIONS_SAVED, captions);
  }

  /** Only the live socket is open. Whoever is on stage hears what they answer to. */
  get textOnly(): boolean {
    return this.captions === 'only' && !this.onStage && !this.#live.you.moderates;
  }

  /** A person's picture, wherever it is: one's own preview, the main slot, a thumbnail. */
  pictureOf(person: PersonId): MediaStream | null {
    const { you, slots } = this.#live;
    if (person === you.person.id) return you.camera ? this.devices.preview : null;
    if (this.slots === null || this.voiceOnly) return null;
    if (slots.main === person) return this.slots.main;
    const place = slots.thumbnails.indexOf(person);
    return place < 0 ? null : (this.slots.thumbnails[place] ?? null);
  }

  /** The shared screen, one's own or another's. */
  get screenPicture(): MediaStream | null {
    if (this.screen !== null) return this.screen;
    return this.#live.slots.screen !== null && !this.voiceOnly ? (this.slots?.screen ?? null) : null;
  }

  #followReceiving(): void {
    const wanted = this.entered && this.#live.you.may_receive && !this.#out && !this.textOnly;
    const voiceOnly = this.voiceOnly;
    if (!wanted) {
      this.#endReceiving();
      return;
    }
    const latest = this.#nextReceiver ?? this.#receiver;
    if (latest === null || latest.voiceOnly !== voiceOnly) this.#receive(voiceOnly);
  }

  /** A new receiver takes over from the old one when it is connected, so that the voice goes on. */
  #receive(voiceOnly: boolean): void {
    this.#nextReceiver?.session.stop();
    let streams: Slots | null = null;
    const receiver: Receiver = new Receiver(this.#live.event.id, this.#token, voiceOnly, {
      slots: (slots) => {
        streams = slots;
        if (receiver === this.#receiver) this.#setSlots(slots);
      },
      state: (state) => {
        if (receiver === this.#nextReceiver && state === 'connected') {
          this.#receiver?.session.stop();
          this.#receiver = receiver;
          this.#nextReceiver = null;
          this.#setSlots(streams);
        }
        if (receiver === this.#receiver) this.receiving = state;
      },
    });
    if (this.#receiver === null) {
      this.#receiver = receiver;
    } else this.#nextReceiver = receiver;
    receiver.session.start();
  }

  /** Where no media path connects, the voices come another way until one does. */
  #followWay(): (() => void) | undefined {
    const { may_receive } = this.#live.you;
    const missed = this.receiving === 'connecting' || this.receiving === 'interrupted';
    if (!this.entered || !may_receive || this.#out || !missed) {
      this.#endVoiceLine();
      return undefined;
    }
    const timers = [
      setTimeout(() => void this.#listen(), LAST_RESORT_AFTER_MS),
      setTimeout(() => (this.cutOff = true), CUT_OFF_AFTER_MS),
    ];
    return () => {
      timers.forEach(clearTimeout);
      this.cutOff = false;
    };
  }

  async #listen(): Promise<void> {
    const { VoiceLine, canListen } = await import('../call/listen');
    if (this.#voiceLine !== null || !canListen() || this.receiving === 'connected') return;
    this.#voiceLine = new VoiceLine(this.#live.event.id, this.#token, {
      voices: (voices) => {
        this.#lineSlots = voices && { voices, main: null, screen: null, thumbnails: [] };
        this.lastResort = voices !== null;
        this.#setSlots(this.#peerSlots);
      },
    });
    this.#voiceLine.start();
  }

  #endVoiceLine(): void {
    const line = this.#voiceLine;
    this.#voiceLine = null;
    untrack(() => line?.stop());
  }

  #setSlots(slots: Slots | null): void {
    this.#peerSlots = slots;
    this.slots = this.#lineSlots ?? slots;
  }

  #followPublishing(): void {
    const { you } = this.#live;
    const may = this.entered && you.may_publish && you.place !== 'none' && !this.#out;
    if (!may) {
      this.#publisher?.session.stop();
      this.#publisher = null;
      this.publishing = 'idle';
      if (this.#out) untrack(() => this.devices.release());
      return;
    }
    // A guest has nothing to send before they were asked for their microphone.
    const something = this.devices.microphone !== null || this.devices.camera !== null;
    if (this.#publisher === null && something) {
      const publisher = new CameraPublisher(this.#live.event.id, this.#token, (state) => {
        if (publisher === this.#publisher) this.publishing = state;
      });
      this.#publisher = publisher;
      publisher.setMicrophone(this.devices.microphone);
      publisher.setCamera(this.devices.camera);
      publisher.session.start();
    }
  }

  /** Goes on stage when it opens, tells the devices' state there, lets them go afterwards. */
  #followStage(): void {
    const { you, life, open } = this.#live;
    if (!open || !this.entered) return;
    const onStage = you.place !== 'none';
    const was = this.#wasOnStage;
    this.#wasOnStage = onStage;
    untrack(() => {
      if (onStage && !was) {
        this.#untold.add('microphone').add('camera');
        this.#tellDevices();
        // A screen that was shared before the page was loaded anew is shared no more.
        if (you.screen && this.screen === null) void this.#live.command({ do: 'set-screen', on: false });
      }
      if (!onStage && was) {
        this.#untold.clear();
        // Sent from the stage, the floor taken back from a guest, or left.
        this.#stageWish = false;
        this.#endScreen();
        this.devices.release();
      }
      if (life.life !== 'scheduled' && life.life !== 'closed') void this.#goOnStage();
    });
  }

  async #goOnStage(): Promise<void> {
    const { you, life } = this.#live;
    const shut = life.life === 'scheduled' || life.life === 'closed';
    if (!this.#stageWish || this.#entering || shut || you.place !== 'none' || !this.#live.open) return;
    this.#entering = true;
    await this.#live.command({ do: 'enter-stage' });
    this.#entering = false;
  }

  /** Says what is on as the person chose before they came on stage, each device once, as soon as it
   * is there. */
  #tellDevices(): void {
    const { you, open } = this.#live;
    const { microphone, camera, wants } = this.devices;
    if (!open || you.place === 'none' || !this.entered) return;
    untrack(() => {
      if (this.#untold.has('microphone') && microphone !== null) {
        this.#untold.delete('microphone');
        if (you.microphone !== 'muted' && (you.microphone === 'on') !== wants.microphone) {
          void this.#live.command({ do: 'set-microphone', on: wants.microphone });
        }
      }
      if (this.#untold.has('camera') && (camera !== null || you.camera)) {
        this.#untold.delete('camera');
        const on = camera !== null && wants.camera;
        if (you.camera !== on) void this.#live.command({ do: 'set-camera', on });
      }
    });
  }

  /** The track is enabled only while the proceedings say "on"; before entering it is only
   * measured. The microphone opens with the floor, so a member's is fetched if need be; a guest is
   * asked first. */
  #followMicrophone(): void {
    const { you } = this.#live;
    const on = you.microphone === 'on';
    const track = this.devices.microphone;
    const member = this.entered && you.place === 'member';
    if (track) track.enabled = !this.entered || you.place === 'none' || on;
    this.#publisher?.setMicrophone(track);
    untrack(() => {
      if (this.#wasOnStage && !this.#untold.has('microphone')) this.devices.wants.microphone = on;
      if (member && on && track === null && this.devices.asking === null && this.devices.microphoneFault === null) {
        void this.devices.open('microphone');
      }
    });
  }

  #followCamera(): void {
    // Read before the publisher is looked at: what `?.` skips would not be followed.
    const { camera } = this.devices;
    this.#publisher?.setCamera(camera);
  }

  /** The right to share was lost. */
  #followScreen(): void {
    const { you } = this.#live;
    if (this.screen !== null && !you.screen && this.#screenSession !== null) this.#endScreen();
  }

  /** The line is back: sessions may be gone with the server that had them, and what was said about
   * the camera may have been lost. */
  #followLine(): void {
    if (!this.#live.open) return;
    untrack(() => {
      void this.#receiver?.session.verify();
      void this.#publisher?.session.verify();
      void this.#screenSession?.verify();
      const camera = this.devices.camera !== null;
      if (this.#wasOnStage && this.onStage && this.#live.you.camera !== camera) {
        void this.#live.command({ do: 'set-camera', on: camera });
      }
    });
  }

  #endReceiving(): void {
    this.#nextReceiver?.session.stop();
    this.#receiver?.session.stop();
    this.#nextReceiver = this.#receiver = null;
    this.#endVoiceLine();
    this.#setSlots(null);
    this.receiving = 'idle';
    this.#measured = 'unknown';
    this.#counted = null;
  }

  #endScreen(): void {
    this.#screenSession?.stop();
    this.#screenSession = null;
    this.screen?.getTracks().forEach((track) => {
      track.onended = null;
      track.stop();
    });
    this.screen = null;
  }

  #endMedia(): void {
    this.#endReceiving();
    this.#publisher?.session.stop();
    this.#publisher = null;
    this.#endScreen();
  }

  async #measure(): Promise<void> {
    const sessions = [this.#receiver?.session, this.#publisher?.session];
    const connections = sessions.flatMap((session) => session?.connection ?? []);
    if (this.receiving === 'interrupted' || this.publishing === 'interrupted') {
      this.#measured = 'lost';
      return;
    }
    if (connections.length === 0) return;
    const reports = await Promise.all(connections.map((connection) => connection.getStats().catch(() => null)));
    const all = reports.flatMap((report) => [...(report?.values() ?? [])] as Record<string, unknown>[]);
    const counted = count(all, performance.now());
    const judged = this.#counted === null ? 'unknown' : judge(this.#counted, counted);
    // In silence nothing is sent, and nothing new can be said.
    if (judged !== 'unknown') this.#measured = judged;
    this.#counted = counted;
  }
}

// Storage may be forbidden; then a choice holds for this visit.
function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {}
}

function saved(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
