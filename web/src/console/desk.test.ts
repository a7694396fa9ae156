import { describe, expect, it } from 'vitest';
import type { Command } from '../api/types';
import type { CallStore, Wish } from '../state/call.svelte';
import type { LiveStore } from '../state/live.svelte';
import { Desk } from './desk.svelte';
import type { House } from './house';
import { MINUTE, START, floorOf, ganich, house, kazi, mirza, stands as standsOnStage } from './house.fixture';

/** A desk before a house whose server answers as told; `apply` is what an accepted command does. */
function desk(
  before: House,
  apply: (command: Command, house: House) => Partial<House> = () => ({}),
  answer: (command: Command) => Wish = () => ({ outcome: 'accepted', sequence: 1 }),
) {
  const sent: Command[] = [];
  const command = async (wish: Command): Promise<Wish> => {
    sent.push(wish);
    const outcome = answer(wish);
    if (outcome.outcome === 'accepted') Object.assign(live, apply(wish, live));
    return outcome;
  };
  const live = { ...before, clock: { read: () => START }, command } as unknown as LiveStore;
  const call = { enterStage: () => command({ do: 'enter-stage' }) } as unknown as CallStore;
  return { desk: new Desk(live, call), live, sent };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

const floors = (command: Command): Partial<House> => {
  if (command.do === 'take-floor') return { floor: { holder: null, answering: [] } };
  if (command.do !== 'give-floor') return {};
  return { floor: { holder: { person: command.person, since: START, limit: command.limit }, answering: [] } };
};

describe('the desk', () => {
  it('does a reversible act at once and takes it back', async () => {
    const { desk: one, live, sent } = desk(house(2, { floor: floorOf(mirza) }), floors);
    one.act({ do: 'take-floor' });
    await settle();
    expect(one.asked).toBeNull();
    expect(live.floor.holder).toBeNull();
    expect(one.messages.map(({ kind }) => kind)).toEqual(['done']);
    expect(one.last?.command).toEqual({ do: 'take-floor' });

    await one.undo(one.last);
    expect(sent).toEqual([{ do: 'take-floor' }, { do: 'give-floor', person: 'mirza', limit: null }]);
    expect(live.floor.holder?.person).toBe('mirza');
    // What was taken back is not offered again, and neither is the taking back.
    expect(one.last).toBeNull();
  });

  it('asks before what cannot be taken back, and keeps the harmless answer harmless', async () => {
    const { desk: one, sent } = desk(house(2));
    one.act({ do: 'close-event' });
    expect(one.asked?.yes).toBe('confirm.close-yes');
    one.answer(false);
    await settle();
    expect(sent).toEqual([]);
    one.act({ do: 'suspend-event', reason: null });
    one.answer(true, { do: 'suspend-event', reason: 'A fault.' });
    await settle();
    expect(sent).toEqual([{ do: 'suspend-event', reason: 'A fault.' }]);
    expect(one.asked).toBeNull();
  });

  it('asks before an opening that is not due, and opens at the hour at once', async () => {
    const scheduled = house(-1);
    scheduled.life.life = 'scheduled';
    const early = house(-1);
    early.event.start = START + 16 * MINUTE;
    for (const state of [scheduled, early]) {
      const { desk: one } = desk(state);
      one.act({ do: 'open-event' });
      expect(one.asked?.title).toEqual({ say: 'confirm.open' });
    }
    const { desk: one, sent } = desk(house(-1));
    one.act({ do: 'open-event' });
    await settle();
    expect(sent).toEqual([{ do: 'open-event' }]);
  });

  it('asks before it goes on while the programme’s speaker still waits', async () => {
    const { desk: one, live, sent } = desk(house(-1));
    one.watch();
    Object.assign(live, house(1, { floor: floorOf(kazi) }));
    one.watch();
    one.act({ do: 'next-segment' });
    expect(one.asked?.title).toEqual({ say: 'confirm.next', people: ['ganich'] });
    one.answer(false);

    Object.assign(live, { floor: floorOf(ganich) });
    one.watch();
    Object.assign(live, { floor: { holder: null, answering: [] } });
    one.watch();
    one.act({ do: 'next-segment' });
    await settle();
    expect(sent).toEqual([{ do: 'next-segment' }]);
  });

  it('does not ask when it did not see the segment begin', async () => {
    const { desk: one, sent } = desk(house(1));
    one.watch();
    one.act({ do: 'next-segment' });
    await settle();
    expect(sent).toEqual([{ do: 'next-segment' }]);
  });

  it('drops a question that another moderator has made pointless', async () => {
    const { desk: one, live, sent } = desk(house(-1));
    one.watch();
    Object.assign(live, house(1, { floor: floorOf(kazi) }));
    one.watch();
    one.act({ do: 'next-segment' });
    expect(one.asked).not.toBeNull();
    one.watch();
    expect(one.asked).not.toBeNull();
    Object.assign(live, house(2));
    one.watch();
    expect(one.asked).toBeNull();
    one.answer(true);
    await settle();
    expect(sent).toEqual([]);
  });

  it('says why a command was refused, and keeps nothing of it', async () => {
    const { desk: one } = desk(house(2), undefined, () => ({ outcome: 'refused', refusal: 'not-here' }));
    one.act({ do: 'give-floor', person: 'hashmi', limit: null });
    await settle();
    expect(one.messages.map(({ kind, text }) => [kind, text])).toEqual([['trouble', 'console.refused.not-here']]);
    expect(one.happened).toEqual([]);
  });

  it('stops taking back at the first command that is refused, and offers it again', async () => {
    const stage = { people: [standsOnStage(kazi), standsOnStage(ganich)] };
    const { desk: one, sent } = desk(
      house(1, { stage, floor: floorOf(ganich) }),
      (command) =>
        command.do === 'send-from-stage' ? { stage: { people: [standsOnStage(kazi)] } } : {},
      ({ do: wish }) =>
        wish === 'bring-on-stage'
          ? { outcome: 'refused', refusal: 'stage-full' }
          : { outcome: 'accepted', sequence: 1 },
    );
    one.act({ do: 'send-from-stage', person: 'ganich' });
    await settle();
    await one.undo(one.last);
    expect(sent.map(({ do: wish }) => wish)).toEqual(['send-from-stage', 'bring-on-stage']);
    expect(one.last?.command.do).toBe('send-from-stage');
  });

  it('takes a button pressed twice for one wish', async () => {
    const { desk: one, sent } = desk(house(2), floors);
    one.act({ do: 'lock' });
    one.act({ do: 'lock' });
    await settle();
    expect(sent).toEqual([{ do: 'lock' }]);
  });

  it('keeps what happened for the segment it happened in', async () => {
    const { desk: one, live } = desk(house(1, { floor: floorOf(ganich) }), (command) =>
      command.do === 'next-segment' ? { programme: house(2).programme, floor: { holder: null, answering: [] } } : floors(command),
    );
    one.act({ do: 'lock' });
    await settle();
    expect(one.happened).toHaveLength(1);
    one.act({ do: 'next-segment' });
    await settle();
    expect(one.happened.map(({ command }) => command.do)).toEqual(['next-segment']);
    expect(one.last?.back?.map(({ do: wish }) => wish)).toEqual(['previous-segment']);
    Object.assign(live, { programme: house(1).programme });
    expect(one.happened.map(({ command }) => command.do)).toEqual(['lock']);
  });
});
