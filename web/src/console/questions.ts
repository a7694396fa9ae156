/**
 * What is asked before a command without a way back, in words that tell what follows. Everything
 * else is done at once and offers Undo. The opening, which everybody waits for, is asked about only
 * when it is not due yet.
 */
import type { Command, Millis, PersonId, Timestamp } from '../api/types';
import {
  currentSegment,
  floorIsOpen,
  holder,
  isPresent,
  missing,
  nextSegment,
  unbegun,
  type House,
} from './house';
import { beginning } from './next-acts';
import type { Phrase, Say } from './phrases';

/** An opening earlier than this before its hour is more likely a slip than a wish. */
const EARLY_MS: Millis = 15 * 60_000;

/** A question: what would be done, what follows, and the two answers. */
export interface Question {
  command: Command;
  title: Phrase;
  consequences: Phrase[];
  yes: Say;
  no: Say;
  /** It ends something for good, or for everybody. */
  trouble: boolean;
}

/**
 * The question before `command`, or nothing where it is done at once. `waiting` is whom the
 * present segment still owes the floor, as far as the console saw.
 */
export function question(
  command: Command,
  house: House,
  now: Timestamp,
  waiting: PersonId | null,
): Question | null {
  switch (command.do) {
    case 'open-event': {
      const due = house.life.life === 'green-room' && house.event.start - now <= EARLY_MS;
      return due ? null : opening(command, house);
    }
    case 'close-event':
      return {
        command,
        title: { say: 'confirm.close' },
        consequences: [
          { say: 'confirm.close-people', count: house.audience.watching },
          ...unbegun(house).map(({ planned }) => ({
            say: 'confirm.close-unbegun' as const,
            segment: planned.id,
          })),
          { say: 'confirm.close-final' },
        ],
        yes: 'confirm.close-yes',
        no: 'confirm.close-no',
        trouble: true,
      };
    case 'suspend-event':
      return {
        command,
        title: { say: 'confirm.suspend' },
        consequences: [
          { say: 'confirm.suspend-audience' },
          { say: 'confirm.suspend-stage' },
          { say: 'confirm.suspend-record' },
          { say: 'confirm.suspend-back' },
        ],
        yes: 'confirm.suspend-yes',
        no: 'confirm.suspend-no',
        trouble: true,
      };
    case 'remove-person':
      return {
        command,
        title: { say: 'confirm.remove', people: [command.person] },
        consequences: [
          { say: 'confirm.remove-now' },
          { say: 'confirm.remove-link' },
          { say: 'confirm.remove-back' },
        ],
        yes: 'confirm.remove-yes',
        no: 'confirm.remove-no',
        trouble: true,
      };
    case 'next-segment':
      return waiting === null
        ? null
        : {
            command,
            title: { say: 'confirm.next', people: [waiting] },
            consequences: [{ say: 'confirm.next-back' }],
            yes: 'confirm.next-yes',
            no: 'confirm.next-no',
            trouble: false,
          };
    default:
      return null;
  }
}

function opening(command: Command, house: House): Question {
  const first = nextSegment(house);
  const absent = missing(house);
  const consequences: Phrase[] = [
    { say: 'confirm.open-planned', at: house.event.start },
    { say: 'confirm.open-audience' },
    ...(first === null ? [] : beginning(house, first)),
  ];
  if (absent.length > 0) consequences.push({ say: 'now.missing', people: absent });
  return {
    command,
    title: { say: 'confirm.open' },
    consequences,
    yes: 'confirm.open-yes',
    no: 'confirm.open-no',
    trouble: false,
  };
}

/** False once the event has moved on and the question no longer means what it meant. */
export function stillAsked(asked: Question, before: House, now: House): boolean {
  switch (asked.command.do) {
    case 'next-segment':
      return now.programme.current === before.programme.current && now.life.life === before.life.life;
    case 'open-event':
    case 'suspend-event':
      return now.life.life === before.life.life;
    case 'close-event':
      return now.life.life !== 'closed';
    default:
      return true;
  }
}

/**
 * Whom the present segment still owes the floor: the person named first, here, and not among
 * `spoken`. Nobody where the floor is open to hands.
 */
export function waitingSpeaker(house: House, spoken: ReadonlySet<PersonId>): PersonId | null {
  const segment = currentSegment(house);
  const first = segment?.planned.floor[0];
  if (segment === null || first === undefined || floorIsOpen(segment.planned.kind)) return null;
  if (first === holder(house) || spoken.has(first) || !isPresent(house, first)) return null;
  return first;
}
