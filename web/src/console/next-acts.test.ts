import { describe, expect, it } from 'vitest';
import type { PersonId } from '../api/types';
import type { House } from './house';
import {
  MINUTE,
  START,
  floorOf,
  ganich,
  hand,
  hashmi,
  house,
  kazi,
  mirza,
  row,
  sehgal,
  stands,
} from './house.fixture';
import { NEXT_ACTS_MAX, nextActs } from './next-acts';
import type { Phrase } from './phrases';

/** An act in short: its command, and whom or what it names. */
function short(house: House, minutes: number, spoken: PersonId[] = []): string[] {
  return nextActs(house, START + minutes * MINUTE, new Set(spoken)).map(({ command, title }) => {
    const names = [...(title.people ?? []), ...(title.segment === undefined ? [] : [title.segment])];
    return [command?.do ?? 'wait', ...names].join(' ');
  });
}

const phrases = (said: Phrase[] | undefined) => said?.map(({ say }) => say);

describe('before the opening', () => {
  it('offers the green room first, the opening after it', () => {
    const scheduled = house(-1);
    scheduled.life.life = 'scheduled';
    expect(short(scheduled, -20)).toEqual(['open-green-room', 'open-event']);
  });

  it('opens at once when everybody is on stage', () => {
    expect(short(house(-1), -5)).toEqual(['open-event']);
  });

  it('waits for whom the programme names, and says who opens without them', () => {
    const stage = { people: [stands(kazi), stands(ganich, { present: false })] };
    expect(short(house(-1, { stage }), -5)).toEqual([
      'wait ganich sehgal',
      'open-event ganich sehgal',
    ]);
  });

  it('reminds a moderator who is not on stage, and does not wait for them', () => {
    const without = house(-1, { stage: { people: [stands(ganich), stands(sehgal)] } });
    without.you.place = 'none';
    expect(short(without, -5)).toEqual(['enter-stage', 'open-event kazi']);
  });

  it('says who gets the floor and what is recorded from then on', () => {
    const [open] = nextActs(house(-1), START, new Set());
    expect(open?.consequences).toEqual([
      { say: 'then-floor', people: ['kazi'] },
      { say: 'then-status', status: 'on-the-record' },
    ]);
  });

  it('does not promise the floor to somebody who is not on stage', () => {
    const [, open] = nextActs(house(-1, { stage: { people: [] } }), START, new Set());
    expect(phrases(open?.consequences)).toEqual(['then-floor-later', 'then-status']);
  });
});

describe('in a segment', () => {
  const rows: [string, House, number, PersonId[], string[]][] = [
    [
      'the speaker has the floor: on to the questions, later more time',
      house(1, { floor: floorOf(ganich) }),
      5,
      ['ganich'],
      ['next-segment questions', 'extend-segment'],
    ],
    [
      'nobody has the floor and the speaker has not spoken',
      house(1),
      1,
      [],
      ['give-floor ganich', 'next-segment questions', 'extend-segment'],
    ],
    [
      'nobody has the floor and the speaker has spoken',
      house(1),
      28,
      ['ganich'],
      ['next-segment questions', 'extend-segment', 'give-floor ganich'],
    ],
    [
      'the moderator speaks while the speaker waits',
      house(1, { floor: floorOf(kazi) }),
      1,
      ['kazi'],
      ['give-floor ganich', 'next-segment questions', 'extend-segment'],
    ],
    [
      'a speaker who is not connected is offered nothing',
      house(1, {
        stage: { people: [stands(kazi)] },
        roster: { count: 1, people: [row(ganich, { present: false })] },
      }),
      1,
      [],
      ['next-segment questions', 'extend-segment'],
    ],
    [
      'a speaker who is present but not on stage gets the floor there',
      house(1, { stage: { people: [stands(kazi)] } }),
      1,
      [],
      ['give-floor ganich', 'next-segment questions', 'extend-segment'],
    ],
    [
      'the line of the holder is lost',
      house(1, {
        floor: floorOf(ganich),
        stage: { people: [stands(kazi), stands(ganich, { present: false })] },
      }),
      5,
      ['ganich'],
      ['give-floor', 'next-segment questions', 'extend-segment'],
    ],
    [
      'questions over their time with hands up, as in the design',
      house(2, {
        floor: floorOf(mirza, [ganich]),
        hands: { hands: [hand(hashmi)] },
      }),
      21,
      ['mirza'],
      ['next-segment concluding-note', 'give-floor hashmi', 'extend-segment'],
    ],
    [
      'questions with a free floor: the first hand',
      house(2, { hands: { hands: [hand(hashmi)] }, floor: { holder: null, answering: ['ganich'] } }),
      5,
      [],
      ['give-floor hashmi', 'next-segment concluding-note', 'extend-segment'],
    ],
    [
      'the first hand is gone: the next one who is here',
      house(2, {
        hands: { hands: [hand(hashmi, false), hand(mirza)] },
        floor: { holder: null, answering: ['ganich'] },
      }),
      5,
      [],
      ['give-floor mirza', 'next-segment concluding-note', 'extend-segment'],
    ],
    [
      'who should answer but may not',
      house(2, { floor: floorOf(mirza) }),
      5,
      [],
      ['set-answering ganich', 'next-segment concluding-note', 'extend-segment'],
    ],
    [
      'who should answer but is not on stage',
      house(2, { floor: floorOf(mirza), stage: { people: [stands(kazi)] } }),
      5,
      [],
      ['bring-on-stage ganich', 'next-segment concluding-note', 'extend-segment'],
    ],
    [
      'the last segment ends with the event',
      house(3, { floor: floorOf(sehgal) }),
      11,
      ['sehgal'],
      ['close-event', 'extend-segment'],
    ],
  ];
  it.each(rows)('%s', (_, state, minutes, spoken, expected) => {
    expect(short(state, minutes, spoken)).toEqual(expected);
  });

  it('never offers more than three, and always the way onward', () => {
    const full = house(2, {
      floor: floorOf(sehgal),
      stage: { people: [stands(kazi), stands(ganich), stands(sehgal, { present: false })] },
      hands: { hands: [hand(hashmi)] },
    });
    expect(short(full, 5)).toEqual(['give-floor', 'give-floor hashmi', 'next-segment concluding-note']);
    expect(short(full, 5)).toHaveLength(NEXT_ACTS_MAX);
  });

  it('gives a raised hand the floor for the limit that was chosen', () => {
    const state = house(2, { hands: { hands: [hand(hashmi)] } });
    const [first] = nextActs(state, START, new Set(), 3 * MINUTE);
    expect(first?.command).toEqual({ do: 'give-floor', person: 'hashmi', limit: 3 * MINUTE });
    expect(first?.consequences).toEqual([{ say: 'next.hand-then', count: 3 }]);
    const [unlimited] = nextActs(state, START, new Set(), null);
    expect(phrases(unlimited?.consequences)).toEqual(['next.hand-then-unlimited']);
  });

  it('tells a change of the record status from one that stays', () => {
    const [next] = nextActs(house(1, { floor: floorOf(ganich) }), START, new Set());
    expect(next?.consequences).toEqual([
      { say: 'then-hands-answering', people: ['ganich'] },
      { say: 'then-status', status: 'chatham-house-rule' },
    ]);
    const [, second] = nextActs(house(0), START, new Set());
    expect(second?.consequences).toContainEqual({
      say: 'then-status-stays',
      status: 'on-the-record',
    });
  });

  it('says when the event would close after five more minutes', () => {
    const at = (minutes: number) =>
      nextActs(house(2, { floor: floorOf(mirza, [ganich]) }), START + minutes * MINUTE, new Set())
        .find(({ command }) => command?.do === 'extend-segment')
        ?.consequences.map((phrase) => phrase.at);
    // In time: 20 + 5 minutes of questions, then 10 of the concluding note.
    expect(at(18)).toEqual([START + 35 * MINUTE]);
    // One minute over: 5 more leave 4, then the concluding note.
    expect(at(21)).toEqual([START + 35 * MINUTE]);
    // Over by more than is given: the concluding note could begin now.
    expect(at(40)).toEqual([START + 50 * MINUTE]);
  });
});

describe('suspended and closed', () => {
  it('offers to go on, with the status that comes back', () => {
    const suspended = house(1, { floor: floorOf(ganich) });
    suspended.life.life = 'suspended';
    suspended.programme.record_status = 'off-the-record';
    const acts = nextActs(suspended, START, new Set());
    expect(acts.map(({ command }) => command?.do)).toEqual(['resume-event']);
    expect(acts[0]?.consequences).toContainEqual({ say: 'then-status', status: 'on-the-record' });
  });

  it('offers nothing when closed', () => {
    const closed = house(3);
    closed.life.life = 'closed';
    expect(nextActs(closed, START, new Set())).toEqual([]);
  });
});
