import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Outcome } from '../../api/live';
import type { CaptionAct, Command, RecordStatus } from '../../api/types';
import type { LiveStore } from '../../state/live.svelte';
import { Captioner } from './captioner.svelte';

/** The event as the captioner's page sees it. */
class House {
  now = 100_000;
  open = true;
  status: RecordStatus = 'on-the-record';
  /** What the server answers next; `lost` when there is nothing. */
  answers: Outcome[] = [];
  readonly sent: Command[] = [];
  readonly acts: CaptionAct[] = [];
  readonly kept = new Map<string, string>();

  /** Only what a captioner reads of the live store. */
  live(): LiveStore {
    const house = this;
    return {
      event: { id: 'talk', languages: ['en', 'ru'] },
      connection: 7,
      captioners: [{ language: 'en', person: { id: 'abbasi' }, connection: 7, writes: true }],
      captions: { lines: [] },
      programme: { current: 'address' },
      floor: { holder: { person: 'ganich' } },
      stage: { people: [] },
      speaking: new Set(),
      clock: { now: 0, read: () => house.now },
      get open() {
        return house.open;
      },
      get recordStatus() {
        return house.status;
      },
      command: (command: Command) => {
        house.sent.push(command);
        return Promise.resolve<Outcome>(house.answers.shift() ?? { outcome: 'lost' });
      },
      caption: (act: CaptionAct) => house.acts.push(act),
    } as unknown as LiveStore;
  }

  /** The page as it begins, or as it is loaded anew. */
  captioner(): Captioner {
    const captioner = new Captioner(this.live(), 'en');
    captioner.mine = true;
    return captioner;
  }
}

let house: House;
beforeEach(() => {
  vi.useFakeTimers();
  house = new House();
  const storage = {
    getItem: (key: string) => house.kept.get(key) ?? null,
    setItem: (key: string, value: string) => void house.kept.set(key, value),
  };
  vi.stubGlobal('sessionStorage', storage);
  vi.stubGlobal('localStorage', storage);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const texts = (): string[] =>
  house.sent.flatMap((command) => (command.do === 'commit-transcript-line' ? [command.text] : []));

test('a line that the line lost is sent again, in order, and once more after the page was loaded anew', async () => {
  const first = house.captioner();
  first.type('One.', true);
  await first.enter();
  first.type('Two.', true);
  await first.enter();
  first.type('Three', true);
  expect(first.typing.waiting).toHaveLength(2);

  const second = house.captioner();
  expect(second.text).toBe('Three');
  house.answers = [{ outcome: 'refused', refusal: 'nothing-to-do' }, { outcome: 'accepted', sequence: 3 }];
  await second.flush();
  expect(texts()).toEqual(['One.', 'Two.']);
  expect(second.typing.waiting).toEqual([]);
  expect(house.captioner().typing.waiting).toEqual([]);
});

test('a line that the server will not take is shown and can go back into the field', async () => {
  const captioner = house.captioner();
  captioner.type('Too late.', true);
  await captioner.enter();
  house.answers = [{ outcome: 'refused', refusal: 'not-on-the-record' }];
  await captioner.flush();
  expect(captioner.notTaken.map(({ line, refusal }) => [line.text, refusal])).toEqual([['Too late.', 'not-on-the-record']]);
  captioner.takeBack(captioner.notTaken[0]!.key, true);
  expect([captioner.text, captioner.notTaken.length]).toEqual(['Too late.', 0]);
});

test('what is typed is told, not oftener than the server wants, and never off the record', async () => {
  const captioner = house.captioner();
  for (const text of ['W', 'We', 'We h', 'We have']) captioner.type(text, true);
  vi.advanceTimersByTime(400);
  expect(house.acts.filter(({ act }) => act === 'type')).toEqual([{ act: 'type', person: 'ganich', text: 'We have' }]);

  house.status = 'off-the-record';
  captioner.followStatus();
  expect(captioner.typing.waiting.map(({ line }) => line.text)).toEqual(['We have']);
  captioner.type('wormwood', true);
  vi.advanceTimersByTime(1_000);
  expect(captioner.text).toBe('');
  expect(house.acts.filter(({ act }) => act === 'type')).toHaveLength(1);
  expect([...house.kept.values()].join()).not.toContain('wormwood');

  house.now += 60_000;
  house.status = 'chatham-house-rule';
  captioner.followStatus();
  captioner.type('Somebody said', true);
  await captioner.enter();
  expect(captioner.typing.waiting.at(-1)?.line).toMatchObject({ person: null, start: house.now - 1 });
});

test('who speaks is changed between lines: what was typed before belongs to who spoke before', async () => {
  const captioner = house.captioner();
  captioner.type('We thank', true);
  captioner.choose('kazi');
  captioner.type('Thank you', true);
  await captioner.enter();
  expect(captioner.typing.waiting.map(({ line }) => [line.person, line.text])).toEqual([
    ['ganich', 'We thank'],
    ['kazi', 'Thank you'],
  ]);
});

test('out of turn nothing is typed', () => {
  const captioner = house.captioner();
  captioner.mine = false;
  expect(captioner.type('me too', true)).toBe('');
  expect(captioner.typing.text).toBe('');
});
