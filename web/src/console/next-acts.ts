/**
 * The moderator's next acts: at most three, likeliest first, each with its consequence.
 *
 * Every act that the state allows is a candidate with a weight; the heaviest three are shown. The
 * weights only order the candidates, so each stands in one table with its reason, and nothing
 * else in the console decides what is likely.
 */
import type { Command, Millis, PersonId, Timestamp } from '../api/types';
import {
  allotted,
  currentSegment,
  floorIsOpen,
  holder,
  isPresent,
  left,
  lostHolder,
  missing,
  nextSegment,
  onStage,
  opener,
  wouldCloseAt,
  type House,
  type SegmentState,
} from './house';
import type { Phrase } from './phrases';

/** Most acts shown at once: what a person takes in at a glance. */
export const NEXT_ACTS_MAX = 3;

/** The extension offered by the act and by the key E. */
export const EXTENSION_MS: Millis = 5 * 60_000;

/** The limit first offered with the floor for a raised hand: time for one question. */
export const HAND_LIMIT_MS: Millis = 2 * 60_000;

/** The limits of the floor that are offered; none is the first. */
export const LIMITS_MS: readonly (Millis | null)[] = [null, 2 * 60_000, 3 * 60_000, 5 * 60_000];

/** One of the next acts. */
export interface NextAct {
  /** Sent when the act is chosen; nothing is sent for `null`, which only waits. */
  command: Command | null;
  /** What it is called. */
  title: Phrase;
  /** What follows from it. */
  consequences: Phrase[];
}

/** How likely each act is. Higher comes first. */
const WEIGHT = {
  // The audience hears nothing at all: the floor's holder has lost the line.
  replaceLostHolder: 100,
  // Nobody has the floor and the programme says who should.
  floorToNamed: 90,
  // The person named by the programme has spoken and the floor is free: this part is done.
  nextWhenSpoken: 85,
  // Nobody has the floor in a question segment that is over its time.
  nextWhenOverAndFree: 82,
  // Nobody has the floor and somebody asks for it.
  handWhenFree: 80,
  nextWhenOver: 75,
  nextWhenEnding: 70,
  // The programme's speaker waits while another speaks.
  floorToNamedWhenHeld: 65,
  handInOpenSegment: 60,
  answerer: 58,
  extendWhenEnding: 55,
  next: 50,
  floorToNamedAgain: 40,
  hand: 20,
  extend: 10,
} as const;

/** Within this time of its end a segment is ending, and extending it becomes likely. */
const ENDING_MS: Millis = 5 * 60_000;

interface Candidate extends NextAct {
  weight: number;
}

/**
 * The next acts at the moment `now`. `spoken` are the people seen to have had the floor in the
 * present segment; it may be incomplete (the console was opened later), which only changes the
 * order. `handLimit` is what a raised hand gets the floor for.
 */
export function nextActs(
  house: House,
  now: Timestamp,
  spoken: ReadonlySet<PersonId>,
  handLimit: Millis | null = HAND_LIMIT_MS,
): NextAct[] {
  switch (house.life.life) {
    case 'scheduled':
      return [openGreenRoom(), openEvent(house)];
    case 'green-room':
      return beforeOpening(house);
    case 'live':
      return likeliest(inSegment(house, now, spoken, handLimit));
    case 'suspended':
      return [
        {
          command: { do: 'resume-event' },
          title: { say: 'next.resume' },
          consequences: [
            { say: 'next.resume-then', count: house.audience.watching },
            // While suspended nothing is on the record; the segment's own status comes back.
            {
              say: 'then-status',
              status: currentSegment(house)?.now.record_status ?? house.programme.record_status,
            },
          ],
        },
      ];
    case 'closed':
      return [];
  }
}

/** The heaviest; the way onward through the programme is always among them. */
function likeliest(candidates: Candidate[]): NextAct[] {
  const sorted = [...candidates].sort((a, b) => b.weight - a.weight);
  const shown = sorted.slice(0, NEXT_ACTS_MAX);
  const onward = sorted.find(({ command }) => isOnward(command));
  if (onward !== undefined && !shown.includes(onward)) shown.splice(-1, 1, onward);
  return shown.map(({ command, title, consequences }) => ({ command, title, consequences }));
}

const isOnward = (command: Command | null): boolean =>
  command?.do === 'next-segment' || command?.do === 'close-event';

function openGreenRoom(): NextAct {
  return {
    command: { do: 'open-green-room' },
    title: { say: 'next.open-green-room' },
    consequences: [{ say: 'next.open-green-room-then' }],
  };
}

function openEvent(house: House): NextAct {
  const first = nextSegment(house);
  const absent = missing(house);
  return {
    command: { do: 'open-event' },
    title:
      house.life.life === 'green-room' && absent.length > 0
        ? { say: 'next.open-event-without', people: absent }
        : { say: 'next.open-event' },
    consequences: first === null ? [] : beginning(house, first),
  };
}

function beforeOpening(house: House): NextAct[] {
  const acts: NextAct[] = [];
  const absent = missing(house).filter((person) => person !== house.you.person.id);
  if (house.you.place === 'none' && house.you.speaks) {
    acts.push({
      command: { do: 'enter-stage' },
      title: { say: 'next.enter-stage' },
      consequences: [{ say: 'next.enter-stage-then' }],
    });
  }
  if (absent.length > 0) {
    acts.push({
      command: null,
      title: { say: 'next.wait-for', people: absent },
      consequences: [{ say: 'next.wait-for-then' }],
    });
  }
  acts.push(openEvent(house));
  return acts;
}

/** What happens when a segment begins: who gets the floor, and the record status. */
export function beginning(house: House, segment: SegmentState): Phrase[] {
  const phrases: Phrase[] = [];
  const first = opener(segment);
  if (first !== null) {
    phrases.push(
      onStage(house, first) === null
        ? { say: 'then-floor-later', people: [first] }
        : { say: 'then-floor', people: [first] },
    );
  } else if (floorIsOpen(segment.planned.kind)) {
    const answering = segment.planned.floor.filter(
      (person) => person !== house.you.person.id && onStage(house, person) !== null,
    );
    phrases.push(
      answering.length === 0
        ? { say: 'then-hands' }
        : { say: 'then-hands-answering', people: answering },
    );
  } else {
    phrases.push({ say: 'then-nobody' });
  }
  const status = segment.now.record_status;
  const live = house.life.life === 'live' || house.life.life === 'suspended';
  phrases.push({
    say: live && status === house.programme.record_status ? 'then-status-stays' : 'then-status',
    status,
  });
  return phrases;
}

function inSegment(
  house: House,
  now: Timestamp,
  spoken: ReadonlySet<PersonId>,
  handLimit: Millis | null,
): Candidate[] {
  const segment = currentSegment(house);
  if (segment === null) return [];
  return [
    ...lostHolderActs(house),
    ...namedActs(house, segment, spoken),
    onward(house, segment, now, spoken),
    ...handActs(house, segment, handLimit),
    extension(house, segment, now),
  ];
}

function lostHolderActs(house: House): Candidate[] {
  const lost = lostHolder(house);
  const self = house.you.person.id;
  if (lost === null || onStage(house, self) === null) return [];
  return [
    {
      weight: WEIGHT.replaceLostHolder,
      command: { do: 'give-floor', person: self, limit: null },
      title: { say: 'next.take-floor-yourself' },
      consequences: [{ say: 'next.take-floor-yourself-then', people: [lost] }],
    },
  ];
}

/** For whom the programme names in this segment: the floor, a place on stage, or answering. */
function namedActs(house: House, segment: SegmentState, spoken: ReadonlySet<PersonId>): Candidate[] {
  const open = floorIsOpen(segment.planned.kind);
  const held = holder(house);
  const candidates: Candidate[] = [];
  for (const person of segment.planned.floor) {
    if (person === held || !isPresent(house, person)) continue;
    const here = onStage(house, person) !== null;
    if (open) {
      if (house.floor.answering.includes(person)) continue;
      candidates.push({
        weight: WEIGHT.answerer,
        command: here
          ? { do: 'set-answering', person, allowed: true }
          : { do: 'bring-on-stage', person },
        title: { say: here ? 'next.let-answer' : 'next.bring', people: [person] },
        consequences: [{ say: 'next.let-answer-then' }],
      });
    } else {
      candidates.push({
        weight:
          held !== null
            ? WEIGHT.floorToNamedWhenHeld
            : spoken.has(person)
              ? WEIGHT.floorToNamedAgain
              : WEIGHT.floorToNamed,
        command: { do: 'give-floor', person, limit: null },
        title: floorTitle(house, person),
        consequences: [
          held !== null
            ? { say: 'then-floor-from', people: [held] }
            : { say: here ? 'next.floor-named-then' : 'next.floor-named-comes-then' },
        ],
      });
    }
  }
  // One of them is enough: the others stand on stage and in the roster.
  return candidates.slice(0, 1);
}

function floorTitle(house: House, person: PersonId): Phrase {
  return person === house.you.person.id
    ? { say: 'next.take-floor-yourself' }
    : { say: 'next.give-floor', people: [person] };
}

/** The next segment, or the end of the event after the last. */
function onward(
  house: House,
  segment: SegmentState,
  now: Timestamp,
  spoken: ReadonlySet<PersonId>,
): Candidate {
  const weight = onwardWeight(house, segment, now, spoken);
  const next = nextSegment(house);
  if (next === null) {
    return {
      weight,
      command: { do: 'close-event' },
      title: { say: 'next.close' },
      consequences: [{ say: 'next.close-then', count: house.audience.watching }],
    };
  }
  return {
    weight,
    command: { do: 'next-segment' },
    title: { say: 'next.segment', segment: next.planned.id },
    consequences: beginning(house, next),
  };
}

function onwardWeight(
  house: House,
  segment: SegmentState,
  now: Timestamp,
  spoken: ReadonlySet<PersonId>,
): number {
  const free = holder(house) === null;
  const rest = left(segment, now);
  const first = opener(segment);
  if (free && first !== null && spoken.has(first)) return WEIGHT.nextWhenSpoken;
  if (free && rest < 0 && floorIsOpen(segment.planned.kind)) return WEIGHT.nextWhenOverAndFree;
  if (rest < 0) return WEIGHT.nextWhenOver;
  if (rest <= Math.min(ENDING_MS, allotted(segment) / 4)) return WEIGHT.nextWhenEnding;
  return WEIGHT.next;
}

function handActs(house: House, segment: SegmentState, limit: Millis | null): Candidate[] {
  const held = holder(house);
  const hand = house.hands.hands.find(
    ({ person, present }) => present && person.id !== held && person.id !== house.you.person.id,
  );
  if (hand === undefined) return [];
  const open = floorIsOpen(segment.planned.kind);
  return [
    {
      weight: open
        ? held === null
          ? WEIGHT.handWhenFree
          : WEIGHT.handInOpenSegment
        : WEIGHT.hand,
      command: { do: 'give-floor', person: hand.person.id, limit },
      title: { say: 'next.give-floor', people: [hand.person.id] },
      consequences: [
        limit === null
          ? { say: 'next.hand-then-unlimited' }
          : { say: 'next.hand-then', count: limit / 60_000 },
      ],
    },
  ];
}

function extension(house: House, segment: SegmentState, now: Timestamp): Candidate {
  const ending = left(segment, now) <= Math.min(ENDING_MS, allotted(segment) / 2);
  const extended: SegmentState = {
    ...segment,
    now: { ...segment.now, extended_by: segment.now.extended_by + EXTENSION_MS },
  };
  // What is over already has used up part of what it is given.
  const gained = Math.max(0, left(extended, now)) - Math.max(0, left(segment, now));
  return {
    weight: ending ? WEIGHT.extendWhenEnding : WEIGHT.extend,
    command: { do: 'extend-segment', by: EXTENSION_MS },
    title: { say: 'next.extend' },
    consequences: [{ say: 'next.extend-then', at: wouldCloseAt(house, now) + gained }],
  };
}
