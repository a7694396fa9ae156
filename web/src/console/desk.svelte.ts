/**
 * The moderator's desk: sends commands, asks where there is no way back, keeps what happened and
 * the way back from it. One desk stands behind one console.
 */
import type { Command, PersonId, SegmentId, Timestamp } from '../api/types';
import type { CallStore, Wish } from '../state/call.svelte';
import type { LiveStore } from '../state/live.svelte';
import { done } from './done';
import { nextSegment, previousSegment, type House } from './house';
import type { Phrase, Say } from './phrases';
import { question, stillAsked, waitingSpeaker, type Question } from './questions';
import { opposite, stands } from './undo';
import { c, speak } from './words';

/** Toasts shown at once; more would cover the acts. */
const TOASTS_MAX = 3;
/** Acts kept under "What happened": more than anybody does within a segment. */
const HAPPENED_MAX = 60;

/** An act that was done. */
export interface Deed {
  id: number;
  at: Timestamp;
  /** The segment it belongs to: for a change of segment, the one that began. */
  segment: SegmentId | null;
  command: Command;
  said: Phrase;
  /** Commands that bring back what was before; nothing where there is no way back. */
  back: Command[] | null;
}

/** A short message: what was done, or why it was not. */
export interface Message {
  id: number;
  text: string;
  kind: 'done' | 'trouble';
  deed: Deed | null;
}

export class Desk {
  readonly live: LiveStore;
  readonly #call: CallStore;
  /** Messages on the screen, the newest last. */
  messages: Message[] = $state.raw([]);
  /** The question that waits for an answer. */
  asked: Question | null = $state.raw(null);
  /** Who has had the floor or could answer in the present segment, as far as this console saw. */
  spoken: ReadonlySet<PersonId> = $state.raw(new Set());

  /** The house that the question was asked of. */
  #askedOf: House | null = null;
  #deeds: Deed[] = $state.raw([]);
  #undone: ReadonlySet<number> = $state.raw(new Set());
  /** This console saw the present segment begin, so `spoken` is complete. */
  #sawBegin = false;
  /** The run of a segment that was looked at last; undefined before the first look. */
  #run: string | null | undefined = undefined;
  #ids = 0;
  readonly #underWay = new Set<string>();

  /** Acts of the present segment, the newest first. */
  readonly happened: readonly Deed[] = $derived.by(() =>
    this.#deeds.filter((deed) => deed.segment === this.live.programme.current),
  );
  /** The act that Undo takes back: the last one that still holds. */
  readonly last: Deed | null = $derived.by(
    () => this.happened.find((deed) => this.reversible(deed)) ?? null,
  );

  constructor(live: LiveStore, call: CallStore) {
    this.live = live;
    this.#call = call;
  }

  /** True while the act can be taken back. */
  reversible(deed: Deed): boolean {
    return deed.back !== null && !this.#undone.has(deed.id) && stands(deed.command, this.live);
  }

  /** Does what the command asks, or asks back first where there is no way back. */
  act(command: Command): void {
    const waiting = this.#sawBegin ? waitingSpeaker(this.live, this.spoken) : null;
    const asked = question(command, this.live, this.live.clock.read(), waiting);
    if (asked === null) void this.send(command);
    else {
      this.#askedOf = snapshot(this.live);
      this.asked = asked;
    }
  }

  /** The question is answered. `command` replaces the one asked about (with a reason filled in). */
  answer(yes: boolean, command?: Command): void {
    const asked = this.asked;
    this.asked = null;
    if (yes && asked !== null) void this.send(command ?? asked.command);
  }

  /** Takes an act back by its opposite commands. */
  async undo(deed: Deed | null): Promise<void> {
    if (deed === null || deed.back === null || !this.reversible(deed)) return;
    this.#undone = new Set([...this.#undone, deed.id]);
    this.messages = this.messages.filter((message) => message.deed?.id !== deed.id);
    for (const command of deed.back) {
      if (!(await this.send(command, false))) {
        this.#undone = new Set([...this.#undone].filter((id) => id !== deed.id));
        return;
      }
    }
  }

  /** Sends a command and tells what became of it; true when it was carried out. */
  async send(command: Command, withWayBack = true): Promise<boolean> {
    // The same button pressed twice before the server answers is one wish.
    const wish = JSON.stringify(command);
    if (this.#underWay.has(wish)) return false;
    this.#underWay.add(wish);
    const before = snapshot(this.live);
    const outcome = await this.#carry(command);
    this.#underWay.delete(wish);
    if (outcome.outcome !== 'accepted') {
      this.tell(outcome);
      return false;
    }
    this.#record(command, before, withWayBack);
    return true;
  }

  /** Says why a wish was not met; a wish that was met is seen on the screen. */
  tell(outcome: Wish): void {
    switch (outcome.outcome) {
      case 'accepted':
        break;
      case 'refused':
        // What only commands of the record are refused for has its words in another section.
        this.#say(c(`refused.${outcome.refusal}` as Say), 'trouble', null);
        break;
      case 'lost':
        this.#say(c('line.lost-command'), 'trouble', null);
        break;
      case 'no-device':
        this.#say(c('own.no-device'), 'trouble', null);
        break;
    }
  }

  /** One's own place on stage goes by the call, which brings the devices along. */
  #carry(command: Command): Promise<Wish> {
    switch (command.do) {
      case 'enter-stage':
        return this.#call.enterStage();
      case 'leave-stage':
        return this.#call.leaveStage();
      default:
        return this.live.command(command);
    }
  }

  /** A message has been on the screen long enough. */
  dismiss(message: Message): void {
    this.messages = this.messages.filter(({ id }) => id !== message.id);
  }

  /** Follows who is heard in the present segment, and drops a question that another moderator has
   * answered by an act of their own; call it from an effect. */
  watch(): void {
    if (this.asked !== null && this.#askedOf !== null && !stillAsked(this.asked, this.#askedOf, this.live)) {
      this.asked = null;
    }
    const { current, segments } = this.live.programme;
    const began = segments.find(({ id }) => id === current)?.began_at ?? null;
    const run = current === null ? null : `${current} ${began}`;
    const heard = [this.live.floor.holder?.person, ...this.live.floor.answering];
    const before = run === this.#run ? this.spoken : new Set<PersonId>();
    if (run !== this.#run) {
      this.#sawBegin = this.#run !== undefined;
      this.#run = run;
    }
    const now = new Set([...before, ...heard.filter((person) => person !== undefined)]);
    if (now.size !== before.size || before !== this.spoken) this.spoken = now;
  }

  #record(command: Command, before: House, withWayBack: boolean): void {
    const said = done(command, before);
    if (said === null) return;
    const deed: Deed = {
      id: ++this.#ids,
      at: this.live.clock.read(),
      segment: segmentOf(command, before),
      command,
      said,
      back: withWayBack ? opposite(command, before) : null,
    };
    this.#deeds = [deed, ...this.#deeds].slice(0, HAPPENED_MAX);
    this.#say(speak(before, said), 'done', deed);
  }

  #say(text: string, kind: Message['kind'], deed: Deed | null): void {
    const message: Message = { id: ++this.#ids, text, kind, deed };
    const others = this.messages.filter((other) => other.text !== text);
    this.messages = [...others, message].slice(-TOASTS_MAX);
  }
}

/** The segment that an act belongs to. */
function segmentOf(command: Command, before: House): SegmentId | null {
  switch (command.do) {
    case 'open-event':
    case 'next-segment':
      return nextSegment(before)?.planned.id ?? null;
    case 'previous-segment':
      return previousSegment(before)?.planned.id ?? null;
    default:
      return before.programme.current;
  }
}

/** The house as it stands; sections are replaced whole, never changed, so this is a copy. */
export function snapshot(house: House): House {
  const { event, you, life, programme, floor, stage, audience, hands, lobby, roster, lines } = house;
  return { event, you, life, programme, floor, stage, audience, hands, lobby, roster, lines };
}
