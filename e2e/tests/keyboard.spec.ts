/** The moderator's main acts and the participant's hand without a pointer. */
import { expect, type Locator, test } from '@playwright/test';
import { accepted } from '../harness/acts.ts';
import { Live } from '../harness/live.ts';
import { Person } from '../harness/person.ts';
import { PlenaryServer, referenceFile } from '../harness/server.ts';

const EVENT = 'russian-diplomats-day';

/** More presses of Tab than any screen has controls before the one that is looked for. */
const TABS_MAX = 120;

test.describe.configure({ mode: 'serial' });

let server: PlenaryServer;
let moderator: Person;
let participant: Person;
let watch: Live;

test.beforeAll(async () => {
  server = await PlenaryServer.start([referenceFile]);
  watch = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  moderator = await Person.launch('kazi', { voice: 'moderator' });
  participant = await Person.launch('mirza', { voice: 'participant' });
});

test.afterAll(async () => {
  watch?.close();
  for (const person of [moderator, participant]) await person?.leave();
  expect(await server.finish()).toEqual([]);
});

test('both get in', async () => {
  await moderator.open(server.link(EVENT, 'kazi').link);
  await expect(moderator.get('enter-green-room')).toBeVisible();
  await tabTo(moderator, moderator.get('enter-green-room'));
  await press(moderator, 'Enter');
  await expect(moderator.get('now-sentence')).toBeVisible();
  await participant.open(server.link(EVENT, 'mirza').link);
  await expect(participant.get('listen-button')).toBeVisible();
  await tabTo(participant, participant.get('listen-button'));
  await press(participant, 'Enter');
  await expect(participant.get('record-badge')).toBeVisible();
});

test('the moderator opens, goes on, extends and mutes by single keys', async () => {
  await expect(moderator.get('next-act-1')).toHaveAttribute('data-act', 'open-green-room');
  await said(moderator, '1');
  // A second press this soon would be taken for the first.
  await watch.until('the moderator is on stage', (live) => live.section('stage').people.length === 1);
  await expect(moderator.page.locator('[data-act="open-event"]').first()).toBeVisible();
  await tabTo(moderator, moderator.page.locator('[data-act="open-event"]').first());
  await said(moderator, 'Enter');
  await watch.until('live', (live) => live.section('life').life === 'live');
  await said(moderator, 'e');
  await watch.until('extended', (live) => live.section('programme').segments[0]!.extended_by === 300_000);
  await said(moderator, 'n');
  await watch.until('the address', (live) => live.section('programme').current?.startsWith('plenary') ?? false);
  await said(moderator, 'n');
  await watch.until('questions', (live) => live.section('programme').current?.startsWith('questions') ?? false);
  const muted = watch.section('stage').people.find(({ person }) => person.id === 'kazi')!.microphone;
  await said(moderator, 'm');
  await watch.until('the microphone changed', (live) =>
    live.section('stage').people.find(({ person }) => person.id === 'kazi')!.microphone !== muted);
});

test('the participant raises a hand, the moderator gives the floor, takes it, and undoes that', async () => {
  await tabTo(participant, participant.get('hand-button').first());
  await said(participant, 'Space');
  await expect(participant.get('hand-button').first()).toHaveAttribute('aria-pressed', 'true');
  await expect(moderator.get('hand-row').first()).toBeVisible();
  await press(moderator, 'h');
  await said(moderator, 'Enter');
  await watch.until('the floor is given', (live) => live.section('floor').holder?.person === 'mirza');
  await said(moderator, 't');
  await watch.until('the floor is taken', (live) => live.section('floor').holder === null);
  await said(moderator, 'z');
  await watch.until('the floor is back', (live) => live.section('floor').holder?.person === 'mirza');
});

test('letters do nothing in a text field', async () => {
  const search = moderator.get('roster-search');
  await tabTo(moderator, search);
  await moderator.page.keyboard.type('nt?');
  await expect(search).toHaveValue('nt?');
  await expect(moderator.page.getByRole('dialog')).toHaveCount(0);
  await search.clear();
  expect(watch.section('floor').holder?.person).toBe('mirza');
});

test('what cannot be undone asks first, and the harmless answer has the focus', async () => {
  await tabTo(moderator, moderator.get('close-event').first());
  await press(moderator, 'Enter');
  await expect(moderator.get('confirm-no')).toBeFocused();
  await press(moderator, 'Escape');
  await expect(moderator.get('confirm-no')).toHaveCount(0);
  expect(watch.section('life').life).toBe('live');
  await press(moderator, 'Enter');
  await expect(moderator.get('confirm-no')).toBeFocused();
  await tabTo(moderator, moderator.get('confirm-yes'));
  await said(moderator, 'Enter');
  await watch.until('closed', (live) => live.section('life').life === 'closed');
});

const press = (person: Person, key: string) => person.page.keyboard.press(key);

/** Presses a key and waits until the server has accepted what it asks for. */
async function said(person: Person, key: string): Promise<void> {
  const began = Date.now();
  await press(person, key);
  await accepted(person, began);
}

/** Walks with Tab until the control has the focus, and sees that the focus can be seen. */
async function tabTo(person: Person, control: Locator): Promise<void> {
  for (let tabs = 0; tabs < TABS_MAX; tabs++) {
    await press(person, 'Tab');
    const focused = await control.evaluate((element) => element === document.activeElement);
    if (!focused) continue;
    const outline = await control.evaluate((element) => {
      const style = getComputedStyle(element);
      return `${style.outlineStyle} ${style.outlineWidth} ${style.boxShadow}`;
    });
    expect(outline, 'the focus is visible').not.toMatch(/^none \S+ none$/);
    return;
  }
  throw new Error(`${String(control)} cannot be reached with Tab`);
}
