/**
 * One captioner at work: the field, the lines on their way, the turn at the desk. What is typed is
 * kept until the server has it on disk, over a lost line and over a page that is loaded anew.
 */
import { untrack } from 'svelte';
import type { Language, PersonId, RecordStatus, Refusal, TranscriptLineId } from '../../api/types';
import type { Kept } from '../../components/captions';
import { CaptionStore } from '../../components/caption-store.svelte';
import type { LiveStore } from '../../state/live.svelte';
import {
  EMPTY,
  ended,
  expanded,
  read,
  readForms,
  settled,
  speakerOf,
  step,
  typed,
  writable,
  written,
  type Commit,
  type ShortForm,
  type Surroundings,
  type Typing,
} from './typing';

/** Keystrokes are told so often at most. */
const TELL_EVERY_MS = 350;
/** Pause before a line that the server could not take now is sent again. */
const AGAIN_MS = 1_000;
/** Lines that a captioner may correct, as the server has it. */
export const CORRECTABLE = 20;
/** Lines that were not taken: more of them are of no use. */
const REFUSED_MAX = 20;

const FORMS_SAVED = 'plenary.short-forms';

/** A line that the server will not take, and why. */
export interface NotTaken {
  key: number;
  line: Commit;
  refusal: Refusal;
}

/** What can be taken back. */
export interface Struck {
  line: Kept;
}

export class Captioner {
  readonly live: LiveStore;
  readonly store: CaptionStore;
  readonly language: Language;

  typing: Typing = $state.raw(EMPTY);
  notTaken: readonly NotTaken[] = $state.raw([]);
  /** From which language one translates; `null` writes what is said. */
  interpretedFrom: Language | null = $state(null);
  /** The speaker chosen by hand; `null` follows the floor. */
  chosen: PersonId | null = $state(null);
  /** The line being corrected, and its text so far. */
  editing: TranscriptLineId | null = $state(null);
  correction: string = $state('');
  struck: Struck | null = $state.raw(null);
  /** What was refused last, of corrections. */
  refusal: Refusal | null = $state(null);
  forms: readonly ShortForm[] = $state.raw(readForms(stored(() => localStorage, FORMS_SAVED) ?? ''));

  /** The last lines of the desk's language, which may be corrected. */
  readonly lines: readonly Kept[] = $derived.by(() =>
    this.store.lines.filter((line) => line.language === this.language).slice(-CORRECTABLE),
  );
  readonly mode = $derived.by(() => writable(this.live.recordStatus));
  readonly seats = $derived.by(() => this.live.captioners.filter((seat) => seat.language === this.language));
  /** It is this page's turn to write, as the desk said last: while a lost line comes back, letters
   * must not be lost. */
  mine: boolean = $state(false);
  readonly others = $derived.by(() => this.seats.filter((seat) => seat.connection !== this.live.connection));
  readonly speaker: PersonId | null = $derived.by(() =>
    speakerOf(this.chosen, this.live.floor.holder?.person ?? null, this.#onStage(), this.#before),
  );

  readonly #saved: string;
  readonly #stop: () => void;
  #before: PersonId | null = $state(null);
  /** Whose words the line being typed is. */
  #linePerson: PersonId | null = null;
  #since: number;
  #status: RecordStatus;
  #sending = false;
  #told = '';
  #tell: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(live: LiveStore, language: Language) {
    this.live = live;
    this.language = language;
    this.store = new CaptionStore(live);
    this.#saved = `plenary.typing.${live.event.id}.${language}`;
    this.typing = read(stored(() => sessionStorage, this.#saved));
    this.#since = live.clock.read();
    this.#status = live.recordStatus;
    const floor = live.event.languages[0] ?? language;
    this.interpretedFrom = floor === language ? null : floor;
    this.#stop = $effect.root(() => {
      $effect(() => this.#sit());
      $effect(() => this.#followTurn());
      $effect(() => this.followStatus());
      $effect(() => this.#followFloor());
      $effect(() => this.#followWaiting());
    });
  }

  destroy(): void {
    this.#stop();
    this.store.destroy();
    clearTimeout(this.#tell);
    clearTimeout(this.#again);
    this.live.caption({ act: 'leave' });
  }

  /** What the field shows. */
  get text(): string {
    return this.editing === null ? this.typing.text : this.correction;
  }

  /** Something may be typed into the field. */
  get open(): boolean {
    return this.editing !== null || (this.mode !== 'no' && this.mine);
  }

  /** The field has changed. `atEnd`: the caret stands at its end, where short forms are written out. */
  type(text: string, atEnd: boolean): string {
    const whole = atEnd ? expanded(text, this.forms) : text;
    if (this.editing !== null) {
      this.correction = whole;
      return whole;
    }
    if (!this.open) return this.typing.text;
    if (this.typing.began === null) this.#linePerson = this.speaker;
    this.#set(typed(this.typing, whole, this.#around()));
    this.#tellSoon();
    return this.typing.text;
  }

  /** Enter: the line ends, or its correction is sent. */
  async enter(): Promise<void> {
    if (this.editing !== null) {
      await this.#correct();
      return;
    }
    this.#end();
  }

  /** Says who speaks; what was typed so far was said by somebody else. */
  choose(person: PersonId | null): void {
    if (this.editing !== null) return;
    this.#end();
    this.chosen = person;
  }

  /** Goes to the line above or below. */
  go(by: -1 | 1): void {
    const id = step(
      this.lines.map((line) => line.id),
      this.editing,
      by,
    );
    if (id !== null) this.edit(id);
    else if (by === 1) this.leaveCorrection();
  }

  edit(id: TranscriptLineId): void {
    const line = this.lines.find((one) => one.id === id);
    if (line === undefined) return;
    this.refusal = null;
    this.editing = id;
    this.correction = line.text;
  }

  leaveCorrection(): void {
    this.editing = null;
    this.correction = '';
  }

  /** Takes the line being corrected out, or the last one. */
  async strike(): Promise<void> {
    const line = this.editing === null ? this.lines.at(-1) : this.lines.find(({ id }) => id === this.editing);
    if (line === undefined) return;
    const outcome = await this.live.command({ do: 'strike-transcript-line', line: line.id });
    this.refusal = outcome.outcome === 'refused' ? outcome.refusal : null;
    if (outcome.outcome !== 'accepted') return;
    this.struck = { line };
    this.leaveCorrection();
  }

  /** Puts the line that was struck last back. */
  async unstrike(): Promise<void> {
    const line = this.struck?.line;
    if (line === undefined) return;
    const { id, person, text } = line;
    const outcome = await this.live.command({ do: 'correct-transcript-line', line: id, person, text });
    if (outcome.outcome !== 'lost' && outcome.outcome !== 'failed') this.struck = null;
  }

  takeOver(): void {
    this.live.caption({ act: 'take-over' });
  }

  writeAlong(): void {
    this.live.caption({ act: 'write-along' });
  }

  handOver(): void {
    this.#end();
    this.live.caption({ act: 'hand-over' });
  }

  /** Takes a line that was refused back into the field, or drops it. */
  takeBack(key: number, into_field: boolean): void {
    const found = this.notTaken.find((one) => one.key === key);
    this.notTaken = this.notTaken.filter((one) => one.key !== key);
    if (found !== undefined && into_field) this.type(`${found.line.text} ${this.typing.text}`.trim(), false);
  }

  setForms(text: string): void {
    this.forms = readForms(text);
    store(() => localStorage, FORMS_SAVED, text);
  }

  /** The desk is sat down at with every new connection. */
  #sit(): void {
    const { open, connection } = this.live;
    if (!open || connection === null) return;
    untrack(() => {
      this.live.caption({ act: 'sit', language: this.language });
      this.#told = '';
      if (this.typing.text !== '') this.#tellSoon();
    });
  }

  #followTurn(): void {
    const { seats } = this;
    const own = untrack(() => this.live.connection);
    this.mine = seats.some((seat) => seat.writes && seat.connection === own);
  }

  /** What was typed under one record status ends with it; under the next a line begins anew. */
  followStatus(): void {
    const status = this.live.recordStatus;
    if (status === this.#status) return;
    untrack(() => {
      this.#end();
      this.#status = status;
      this.#since = this.live.clock.read();
      // What could not be ended because nothing was on the record is not kept either.
      if (writable(status) === 'no') this.#set({ ...this.typing, text: '', began: null });
    });
  }

  /** Who is given the floor is the speaker from then on. */
  #followFloor(): void {
    const holder = this.live.floor.holder?.person ?? null;
    untrack(() => {
      this.chosen = null;
      if (holder !== null) this.#before = holder;
    });
  }

  #followWaiting(): void {
    if (this.live.open && this.typing.waiting.length > 0) untrack(() => void this.flush());
  }

  #onStage(): ReadonlySet<PersonId> {
    const stage = new Set(this.live.stage.people.map(({ person }) => person.id));
    return new Set([...this.live.speaking].filter((id) => stage.has(id)));
  }

  #around(): Surroundings {
    return {
      now: this.live.clock.read(),
      since: this.#since,
      person: writable(this.#status) === 'named' ? (this.#linePerson ?? this.speaker) : null,
      language: this.language,
      interpreted_from: this.interpretedFrom,
    };
  }

  #end(): void {
    if (writable(this.#status) === 'no') return;
    clearTimeout(this.#tell);
    this.#tell = undefined;
    this.#set(ended(this.typing, this.#around()));
    // The server takes the partial line away together with the commit.
    this.#told = '';
    this.#linePerson = null;
  }

  #set(typing: Typing): void {
    this.typing = typing;
    store(() => sessionStorage, this.#saved, written(typing));
  }

  #tellSoon(): void {
    this.#tell ??= setTimeout(() => {
      this.#tell = undefined;
      const text = this.typing.text.trim();
      if (!this.open || this.editing !== null || text === this.#told) return;
      this.#told = text;
      this.live.caption({ act: 'type', person: this.#around().person, text });
    }, TELL_EVERY_MS);
  }

  /** Sends the lines that wait, one after the other, so that they stay in order. */
  async flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#again);
    for (;;) {
      const sent = this.typing.waiting[0];
      if (sent === undefined || !this.live.open) break;
      const outcome = await this.live.command(sent.line);
      if (outcome.outcome === 'accepted' || (outcome.outcome === 'refused' && outcome.refusal === 'nothing-to-do')) {
        this.#set(settled(this.typing, sent.key));
      } else if (outcome.outcome === 'refused') {
        this.#set(settled(this.typing, sent.key));
        this.notTaken = [...this.notTaken, { key: sent.key, line: sent.line, refusal: outcome.refusal }].slice(-REFUSED_MAX);
      } else {
        this.#again = setTimeout(() => void this.flush(), AGAIN_MS);
        break;
      }
    }
    this.#sending = false;
  }

  async #correct(): Promise<void> {
    const line = this.lines.find(({ id }) => id === this.editing);
    const text = this.correction.trim();
    if (line === undefined || text === '' || text === line.text) {
      this.leaveCorrection();
      return;
    }
    const outcome = await this.live.command({ do: 'correct-transcript-line', line: line.id, person: line.person, text });
    if (outcome.outcome === 'accepted' || (outcome.outcome === 'refused' && outcome.refusal === 'nothing-to-do')) {
      this.refusal = null;
      this.leaveCorrection();
    } else if (outcome.outcome === 'refused') this.refusal = outcome.refusal;
  }
}

/** Even to name a forbidden store throws. */
function stored(storage: () => Storage, key: string): string | null {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

function store(storage: () => Storage, key: string, value: string): void {
  try {
    storage().setItem(key, value);
  } catch {
    // Storage may be forbidden or full; then it holds for this page.
  }
}
