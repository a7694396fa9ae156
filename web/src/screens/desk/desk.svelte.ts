/** The desk's state: what the server has of the record, asked again every two seconds. */
import { ApiError } from '../../api/rest';
import type {
  EventView,
  Language,
  PersonId,
  RecordCommand,
  Run,
  Statement,
  StatementId,
  StatementsView,
  Timestamp,
  TranscriptLine,
  You,
} from '../../api/types';
import type { LiveStore } from '../../state/live.svelte';
import { RecordApi } from './api';
import { beginMark, endMark, passageOfLines, runAt, type OpenMark, type Passage } from './marking';
import { Player } from './player.svelte';
import { pieces, sourceOf, sourcePerson } from './sound';
import { failureText } from './words';

/** docs/RECORD.md: costs nothing while nothing changes. */
const ASK_EVERY_MS = 2_000;

/** Recordings grow, and tickets age: how often their list is read again. */
const RECORDINGS_EVERY_MS = 30_000;

const NOTHING: StatementsView = { changed: 0, statements: [], offices: {}, overtaken: [], verbs: [], standing: { is: 'internal' } };

export class Desk {
  readonly player = new Player();
  /** `null` until the first answers are there. */
  loaded = $state(false);
  /** Rights that went, or a server that does not answer. */
  lost: 'network' | 'not-allowed' | null = $state(null);
  lines: TranscriptLine[] = $state.raw([]);
  runs: Run[] = $state.raw([]);
  view: StatementsView = $state.raw(NOTHING);
  chosen: StatementId | null = $state(null);
  mark: OpenMark | null = $state.raw(null);
  /** Who speaks in a mark where the transcript does not say it, and in which language. */
  speaker: PersonId | null = $state(null);
  language: Language = $state('en');
  /** The last thing to tell the person. */
  told: { text: string; trouble: boolean } | null = $state.raw(null);
  busy = $state(false);
  /** Marks are set at the present moment of the live event, not at the player's. */
  now = $state(false);

  readonly statement: Statement | null = $derived(this.view.statements.find(({ id }) => id === this.chosen) ?? null);
  /** What counts: nobody waits for a withdrawn one. */
  readonly standing: Statement[] = $derived(this.view.statements.filter(({ life }) => life.is !== 'withdrawn'));
  readonly cleared: number = $derived(this.standing.filter(({ life }) => life.is === 'cleared').length);

  readonly event: EventView;
  readonly you: You;
  /** The live event, while there is one. */
  readonly live: LiveStore | null;
  readonly #api: RecordApi;
  #since = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #recordingsAt = -Infinity;
  #stopped = false;
  #asking: Promise<void> | null = null;

  constructor(event: EventView, you: You, token: string, live: LiveStore | null) {
    this.event = event;
    this.you = you;
    this.live = live;
    this.language = event.languages[0] ?? 'en';
    this.now = event.life === 'live' || event.life === 'suspended';
    this.#api = new RecordApi(event.id, token);
  }

  start(): void {
    const next = async () => {
      await this.refresh();
      if (!this.#stopped) this.#timer = setTimeout(next, ASK_EVERY_MS);
    };
    void next();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Reads what changed. Never throws: what failed is in `lost`. */
  refresh(): Promise<void> {
    // One at a time, so that an older answer never follows a newer one.
    this.#asking ??= this.#read().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #read(): Promise<void> {
    try {
      const statements = await this.#api.read('statements');
      if (statements !== null) this.view = statements;
      let transcript = await this.#api.read('transcript', `?since=${this.#since}`);
      while (transcript !== null) {
        this.#takeLines(transcript.lines);
        this.runs = transcript.runs;
        transcript = transcript.more ? await this.#api.read('transcript', `?since=${this.#since}`, true) : null;
      }
      if (performance.now() - this.#recordingsAt > RECORDINGS_EVERY_MS || this.player.failed) {
        const recordings = await this.#api.read('recordings');
        if (recordings !== null) this.player.recordings = recordings;
        this.#recordingsAt = performance.now();
      }
      if (!this.loaded) this.player.at = this.runs[0]?.from ?? this.event.start;
      this.loaded = true;
      this.lost = null;
    } catch (error) {
      this.lost = error instanceof ApiError && [401, 403, 404].includes(error.status) ? 'not-allowed' : 'network';
    }
  }

  #takeLines(changed: readonly TranscriptLine[]): void {
    if (changed.length === 0) return;
    const byId = new Map(this.lines.map((line) => [line.id, line]));
    for (const line of changed) {
      byId.set(line.id, line);
      this.#since = Math.max(this.#since, line.changed);
    }
    this.lines = [...byId.values()].sort((one, other) => one.start - other.start || one.id - other.id);
  }

  /** Sends commands one after the other until one is refused; says whether all were taken. Each may
   * be made from the statement as the one before left it. */
  async send(...commands: (RecordCommand | (() => RecordCommand | null))[]): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.told = null;
    try {
      for (const one of commands) {
        const command = typeof one === 'function' ? one() : one;
        if (command === null) continue;
        await this.#api.command(command);
        await this.#asking;
        await this.refresh();
      }
      return true;
    } catch (error) {
      this.tell(failureText(error), true);
      await this.refresh();
      return false;
    } finally {
      this.busy = false;
    }
  }

  tell(text: string, trouble = false): void {
    this.told = { text, trouble };
  }

  /** The moment that keys speak of: now, or what is heard. */
  moment(): Timestamp {
    return this.now && this.live !== null ? this.live.clock.read() : Math.round(this.player.at);
  }

  /** The first press begins a mark, the second ends it. Says what became of it. */
  async pressMark(): Promise<'begun' | 'marked' | 'refused' | 'off-the-record' | 'empty'> {
    const at = this.moment();
    if (this.mark === null) {
      this.mark = beginMark(at, this.lines, this.runs);
      return this.mark === null ? 'off-the-record' : 'begun';
    }
    const passage = endMark(this.mark, at, this.lines, this.runs);
    if (passage === null) return 'empty';
    return (await this.#marked(passage)) ? 'marked' : 'refused';
  }

  /** Lines that were chosen in the transcript. */
  async markLines(one: number, other: number): Promise<boolean> {
    const passage = passageOfLines(this.lines, one, other);
    return passage !== null && (await this.#marked(passage));
  }

  async #marked(passage: Passage): Promise<boolean> {
    const before = new Set(this.view.statements.map(({ id }) => id));
    const speaker = passage.speaker ?? this.speakerOf(passage);
    const taken = await this.send({
      do: 'mark-statement',
      speaker,
      start: passage.start,
      end: passage.end,
      language: passage.language ?? this.language,
    });
    if (!taken) return false;
    this.mark = null;
    this.chosen = this.view.statements.find(({ id }) => !before.has(id))?.id ?? this.chosen;
    return true;
  }

  /** Who speaks in a passage of which there is no transcript: whom the person named, who has the
   * floor, whose microphone is listened to, whose alone was recorded then. */
  speakerOf({ start, end }: { start: Timestamp; end: Timestamp }): PersonId | null {
    if (runAt(this.runs, start)?.status !== 'on-the-record') return null;
    if (this.speaker !== null) return this.speaker;
    if (this.now && this.live?.floor.holder) return this.live.floor.holder.person;
    const heard = this.player.source === null ? null : sourcePerson(this.player.source);
    if (heard !== null) return heard;
    const overlap = (person: PersonId): number =>
      pieces(this.player.recordings, sourceOf(person)).reduce(
        (sum, { from, until }) => sum + Math.max(0, Math.min(until ?? end, end) - Math.max(from, start)),
        0,
      );
    const people = this.event.people.map(({ id }) => id).filter((id) => overlap(id) > 0);
    const [only, other] = people;
    return only !== undefined && other === undefined ? only : null;
  }
}
