/** The live view of an event: the sections that the server sends, as reactive state. */
import { LiveSocket, liveUrl, type Line, type Outcome } from '../api/live';
import type {
  AudienceSection,
  CaptionAct,
  CaptionSeat,
  CaptionsSection,
  Command,
  ConnectionId,
  EndReason,
  EventView,
  FloorSection,
  HandsSection,
  LifeSection,
  LineQuality,
  LinesSection,
  LobbySection,
  PartialsSection,
  PersonId,
  PersonView,
  ProgrammeSection,
  RecordStatus,
  RecordingSection,
  RosterSection,
  Section,
  SegmentNow,
  SegmentView,
  ServerMessage,
  SlotsView,
  StagePerson,
  StageSection,
  You,
} from '../api/types';
import { ServerClock } from './clock.svelte';

const NO_SLOTS: SlotsView = {
  voices: [null, null, null],
  main: null,
  screen: null,
  thumbnails: [null, null, null, null],
};

export class LiveStore {
  readonly clock = new ServerClock();

  line: Line = $state.raw({ state: 'connecting' });
  /** Since when the line is down, by this machine's clock. */
  lostSince: number | null = $state(null);
  /** Why the server closed the socket last; cleared by the next welcome. */
  end: EndReason | null = $state(null);

  event: EventView = $state.raw()!;
  you: You = $state.raw()!;
  life: LifeSection = $state.raw()!;
  programme: ProgrammeSection = $state.raw()!;
  floor: FloorSection = $state.raw({ holder: null, answering: [] });
  stage: StageSection = $state.raw({ people: [] });
  audience: AudienceSection = $state.raw({ watching: 0, hands: 0 });
  slots: SlotsView = $state.raw(NO_SLOTS);
  hands: HandsSection = $state.raw({ hands: [] });
  lobby: LobbySection = $state.raw({ count: 0, waiting: [] });
  roster: RosterSection = $state.raw({ count: 0, people: [] });
  recording: RecordingSection = $state.raw({ recording: false, problem: null, recogniser_behind: false });
  captions: CaptionsSection = $state.raw({ lines: [] });
  partials: PartialsSection = $state.raw({ partials: [] });
  /** Who sits at the captions, while one does so oneself. */
  captioners: readonly CaptionSeat[] = $state.raw([]);
  connection: ConnectionId | null = $state(null);
  lines: LinesSection = $state.raw({ people: [], audience: { good: 0, fair: 0, poor: 0, lost: 0 } });
  /** How good one's own line is, as the server sees it. */
  ownLine: LineQuality | null = $state(null);
  /** Who is audibly speaking now. */
  speaking: ReadonlySet<PersonId> = $state.raw(new Set());

  /** Commands can be sent. */
  readonly open: boolean = $derived(this.line.state === 'open');
  /** Record status that holds now: outside a live event nothing is on the record. */
  readonly recordStatus: RecordStatus = $derived(
    this.life.life === 'live' ? this.programme.record_status : 'off-the-record',
  );
  /** The present segment as planned. */
  readonly segment: SegmentView | null = $derived(
    this.event.segments.find(({ id }) => id === this.programme.current) ?? null,
  );
  /** The present segment as it runs. */
  readonly segmentNow: SegmentNow | null = $derived(
    this.programme.segments.find(({ id }) => id === this.programme.current) ?? null,
  );
  /** Who has the floor. */
  readonly holder: StagePerson | null = $derived(
    this.stage.people.find(({ person }) => person.id === this.floor.holder?.person) ?? null,
  );

  readonly #socket: LiveSocket;
  /** Of the personal link, for the addresses of the person's other screens. */
  readonly token: string;

  /** `event` and `you` are what `GET …/join` answered; everything else follows by the socket. */
  constructor(event: EventView, you: You, token: string) {
    this.event = event;
    this.you = you;
    this.token = token;
    this.life = {
      life: event.life,
      opened_at: null,
      closed_at: null,
      suspended_since: null,
      suspension_reason: null,
      locked: false,
    };
    this.programme = {
      current: null,
      segments: event.segments.map((segment) => ({
        id: segment.id,
        began_at: null,
        ended_at: null,
        spent_before: 0,
        running_since: null,
        extended_by: 0,
        record_status: segment.record_status,
      })),
      record_status: 'off-the-record',
    };
    this.#socket = new LiveSocket(liveUrl(location), event.id, token, {
      message: (message) => this.receive(message),
      line: (line) => this.#setLine(line),
    });
  }

  start(): void {
    this.clock.start();
    this.#socket.start();
    addEventListener('online', this.#online);
  }

  stop(): void {
    this.clock.stop();
    this.#socket.stop();
    removeEventListener('online', this.#online);
  }

  /** Tries to reconnect at once. */
  retryNow(): void {
    this.#socket.retryNow();
  }

  /** Sends a command; never throws. */
  command(command: Command): Promise<Outcome> {
    return this.#socket.command(command);
  }

  /** Does something at the captions' desk. */
  caption(act: CaptionAct): void {
    this.#socket.caption(act);
  }

  /** A person of this event by id: named in the programme, on stage, or known from a queue. */
  person(id: PersonId): PersonView | null {
    return (
      this.event.people.find((person) => person.id === id) ??
      this.stage.people.find(({ person }) => person.id === id)?.person ??
      (this.you.person.id === id ? this.you.person : undefined) ??
      this.hands.hands.find(({ person }) => person.id === id)?.person ??
      this.roster.people.find(({ person }) => person.id === id)?.person ??
      null
    );
  }

  /** Takes in one message of the server. */
  receive(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.clock.set(message.now);
        this.end = null;
        this.event = message.event;
        this.you = message.you;
        this.ownLine = message.line;
        this.connection = message.connection;
        this.speaking = new Set();
        message.sections.forEach((section) => this.#replace(section));
        break;
      case 'changed':
        message.sections.forEach((section) => this.#replace(section));
        break;
      case 'you':
        this.you = message.you;
        break;
      case 'line':
        this.ownLine = message.quality;
        break;
      case 'speaking':
        this.speaking = new Set(message.people);
        break;
      case 'captioners':
        this.captioners = message.seats;
        break;
      case 'pong':
        this.clock.set(message.now);
        break;
      case 'end':
        this.end = message.reason;
        break;
    }
  }

  readonly #online = (): void => this.#socket.retryNow();

  #setLine(line: Line): void {
    this.line = line;
    if (line.state === 'lost') this.lostSince ??= Date.now();
    else this.lostSince = null;
  }

  /** Each section is a field of its name; a newer server may send one that this page has not. */
  #replace(section: Section): void {
    if (section.section in this) (this as Record<string, unknown>)[section.section] = section;
  }
}
