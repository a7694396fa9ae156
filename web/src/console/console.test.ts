import { describe, expect, it } from 'vitest';
import type { Command } from '../api/types';
import { missing, recordStatusOpen, segments, spent, standing, wouldCloseAt } from './house';
import {
  MINUTE,
  START,
  floorOf,
  ganich,
  house,
  kazi,
  mirza,
  row,
  sehgal,
  stands as standsOnStage,
} from './house.fixture';
import { keyAct, type Pressed } from './keys';
import { nowSentence } from './now-sentence';
import { opposite, stands } from './undo';

describe('times', () => {
  it('closes as planned while everything is on time', () => {
    expect(wouldCloseAt(house(-1), START - 30 * MINUTE)).toBe(START + 70 * MINUTE);
    expect(wouldCloseAt(house(0), START + 4 * MINUTE)).toBe(START + 70 * MINUTE);
  });

  it('closes later by what the present segment is over', () => {
    expect(wouldCloseAt(house(0), START + 13 * MINUTE)).toBe(START + 73 * MINUTE);
  });

  it('moves with a late opening', () => {
    expect(wouldCloseAt(house(-1), START + 5 * MINUTE)).toBe(START + 75 * MINUTE);
  });

  it('counts earlier runs of the present segment and stands while it is suspended', () => {
    const returned = house(1);
    const segment = segments(returned)[1];
    if (segment === undefined) throw new Error('no such segment');
    segment.now.spent_before = 3 * MINUTE;
    expect(spent(segment, START + 2 * MINUTE)).toBe(5 * MINUTE);
    segment.now.running_since = null;
    expect(spent(segment, START + 2 * MINUTE)).toBe(3 * MINUTE);
  });

  it('lets the record status of the present and coming segments change, never of past ones', () => {
    const open = segments(house(1)).map((segment) => recordStatusOpen(house(1), segment));
    expect(open).toEqual([false, true, true, true]);
    expect(standing(house(1), 'introductory-remarks')).toBe('past');
    expect(standing(house(1), 'plenary-address')).toBe('now');
    expect(standing(house(1), 'questions')).toBe('coming');
  });

  it('misses whom the programme names and who is not on stage with a line', () => {
    const stage = { people: [standsOnStage(kazi), standsOnStage(ganich, { present: false })] };
    expect(missing(house(-1, { stage }))).toEqual(['ganich', 'sehgal']);
  });
});

describe('the sentence of what is so', () => {
  const said = (state: Parameters<typeof nowSentence>[0]) =>
    nowSentence(state).map(({ say, people }) => [say, ...(people ?? [])].join(' '));

  it.each([
    ['nobody', house(1), ['now.nobody']],
    ['a speaker', house(1, { floor: floorOf(ganich) }), ['now.floor ganich']],
    ['yourself', house(1, { floor: floorOf(kazi) }), ['now.you-floor']],
    [
      'who may answer, the moderator not counted',
      house(2, { floor: floorOf(mirza, [ganich, kazi]) }),
      ['now.floor mirza', 'now.may-answer ganich'],
    ],
    [
      'a lost line',
      house(1, {
        floor: floorOf(ganich),
        stage: { people: [standsOnStage(ganich, { present: false })] },
      }),
      ['now.floor ganich', 'now.lost ganich'],
    ],
    ['the green room', house(-1), ['now.green-room', 'now.all-here']],
    [
      'who is missing there',
      house(-1, { stage: { people: [standsOnStage(kazi), standsOnStage(sehgal)] } }),
      ['now.green-room', 'now.missing ganich'],
    ],
  ])('%s', (_, state, expected) => {
    expect(said(state)).toEqual(expected);
  });
});

describe('undo', () => {
  const held = house(2, { floor: floorOf(mirza, [ganich]) });
  const give: Command = { do: 'give-floor', person: 'hashmi', limit: null };

  it.each<[string, Command, ReturnType<typeof house>, Command[] | null]>([
    [
      'the floor goes back to who had it',
      give,
      held,
      [{ do: 'give-floor', person: 'mirza', limit: null }],
    ],
    ['the floor goes back to nobody', give, house(2), [{ do: 'take-floor' }]],
    [
      'a floor taken back is given again',
      { do: 'take-floor' },
      held,
      [{ do: 'give-floor', person: 'mirza', limit: null }],
    ],
    [
      'a segment is returned to, and the guest gets the floor again',
      { do: 'next-segment' },
      held,
      [{ do: 'previous-segment' }, { do: 'give-floor', person: 'mirza', limit: null }],
    ],
    [
      'a segment is returned to, and gives the floor by itself',
      { do: 'next-segment' },
      house(1, { floor: floorOf(ganich) }),
      [{ do: 'previous-segment' }],
    ],
    [
      'who was sent from the stage with the floor gets both again',
      { do: 'send-from-stage', person: 'ganich' },
      house(1, { floor: floorOf(ganich) }),
      [
        { do: 'bring-on-stage', person: 'ganich' },
        { do: 'give-floor', person: 'ganich', limit: null },
      ],
    ],
    ['a removed person is readmitted', { do: 'remove-person', person: 'mirza' }, held, [
      { do: 'readmit', person: 'mirza' },
    ]],
    ['a lock is opened', { do: 'lock' }, held, [{ do: 'unlock' }]],
    ['an extension stays', { do: 'extend-segment', by: MINUTE }, held, null],
    ['an opening stays', { do: 'open-event' }, house(-1), null],
  ])('%s', (_, command, before, expected) => {
    expect(opposite(command, before)).toEqual(expected);
  });

  it('is offered only while the act still holds', () => {
    expect(stands(give, house(2, { floor: floorOf(mirza) }))).toBe(false);
    expect(
      stands({ do: 'give-floor', person: 'mirza', limit: null }, house(2, { floor: floorOf(mirza) })),
    ).toBe(true);
    expect(stands({ do: 'lock' }, house(2))).toBe(false);
    const out = house(2, {
      roster: { count: 1, people: [row(mirza, { admission: 'removed', present: false })] },
    });
    expect(stands({ do: 'remove-person', person: 'mirza' }, out)).toBe(true);
    expect(stands({ do: 'suspend-person', person: 'mirza' }, out)).toBe(false);
  });
});

describe('keys', () => {
  const press = (change: Partial<Pressed>) =>
    keyAct({
      key: '',
      code: '',
      ctrlKey: false,
      altKey: false,
      metaKey: false,
      repeat: false,
      isComposing: false,
      ...change,
    });

  it.each([
    ['a letter', { key: 't', code: 'KeyT' }, 'take-floor'],
    ['with Shift held', { key: 'T', code: 'KeyT' }, 'take-floor'],
    ['on a Russian layout', { key: 'е', code: 'KeyT' }, 'take-floor'],
    ['on an Urdu layout', { key: 'ٹ', code: 'KeyT' }, 'take-floor'],
    ['Z of a French keyboard', { key: 'z', code: 'KeyW' }, 'undo'],
    ['W of a French keyboard stands where Z does', { key: 'w', code: 'KeyZ' }, null],
    ['an Arabic digit', { key: '١', code: 'Digit1' }, 'next-1'],
    ['the browser’s own', { key: 't', code: 'KeyT', ctrlKey: true }, null],
    ['a key held down', { key: '1', code: 'Digit1', repeat: true }, null],
    ['help', { key: '?', code: 'Slash' }, 'help'],
    ['nothing', { key: 'q', code: 'KeyQ' }, null],
  ])('%s', (_, pressed, expected) => {
    expect(press(pressed)).toBe(expected);
  });
});
