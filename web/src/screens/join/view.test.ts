import { describe, expect, test } from 'vitest';
import type { You } from '../../api/types';
import { viewOf, type Situation } from './view';

const you = (change: Partial<You> = {}): You => ({
  person: { id: 'mirza', name: {}, honorific: null, office: null, affiliation: null, country: null, party: null, roles: ['participant'] },
  moderates: false,
  speaks: false,
  admission: 'admitted',
  place: 'none',
  microphone: 'off',
  camera: false,
  screen: false,
  has_floor: false,
  may_answer: false,
  hand: null,
  may_publish: false,
  may_receive: false,
  ...change,
});

const view = (change: Partial<Situation>): string => {
  const shown = viewOf({
    line: { state: 'open' },
    end: null,
    life: 'live',
    locked: false,
    you: you(),
    entered: true,
    left: false,
    ...change,
  });
  return shown.screen === 'notice' ? `notice ${shown.kind}` : shown.screen === 'lobby' ? `lobby ${shown.why}` : shown.screen;
};

describe('a participant', () => {
  test.each([
    [{ entered: false }, 'listen'],
    [{ life: 'scheduled' }, 'lobby not-open'],
    [{ life: 'green-room' }, 'lobby soon'],
    [{ life: 'live' }, 'stage'],
    [{ life: 'suspended' }, 'notice event-suspended'],
    [{ life: 'closed' }, 'notice closed'],
    [{ life: 'closed', entered: false }, 'notice closed'],
    [{ you: you({ admission: 'waiting' }) }, 'lobby waiting'],
    [{ you: you({ admission: 'waiting' }), locked: true }, 'notice locked'],
    [{ you: you({ admission: 'removed' }) }, 'notice removed'],
    [{ you: you({ admission: 'suspended' }) }, 'notice suspended'],
    [{ you: you({ place: 'guest' }), life: 'suspended' }, 'stage'],
  ] as [Partial<Situation>, string][])('%o sees %s', (situation, expected) => {
    expect(view(situation)).toBe(expected);
  });
});

test('people who speak check their devices, then are on the stage in every state', () => {
  const speaker = you({ speaks: true });
  expect(view({ you: speaker, entered: false })).toBe('check');
  for (const life of ['scheduled', 'green-room', 'live', 'suspended'] as const) {
    expect(view({ you: speaker, life })).toBe('stage');
  }
});

test('who moderates gets the console, also before the opening', () => {
  expect(view({ you: you({ moderates: true }), life: 'scheduled' })).toBe('console');
  expect(view({ you: you({ moderates: true }), entered: false })).toBe('check');
});

test('the reason of the socket’s end is shown', () => {
  expect(view({ line: { state: 'ended', reason: 'bad-token' } })).toBe('notice bad-link');
  expect(view({ line: { state: 'ended', reason: 'removed' } })).toBe('notice removed');
  expect(view({ line: { state: 'ended', reason: 'too-many-connections' } })).toBe('notice elsewhere');
  expect(view({ line: { state: 'lost', attempt: 1 }, end: 'suspended' })).toBe('notice suspended');
  expect(view({ line: { state: 'lost', attempt: 1 }, end: 'event-full' })).toBe('notice full');
});

test('a drop or a restart of the server keeps the screen', () => {
  expect(view({ line: { state: 'lost', attempt: 3 } })).toBe('stage');
  expect(view({ line: { state: 'lost', attempt: 1 }, end: 'server-stops' })).toBe('stage');
});

test('who has left is told so', () => {
  expect(view({ left: true })).toBe('notice left');
});
