/**
 * The reference event from the green room to the page after it, in five browsers, with the server
 * killed in the middle of a speech. One story told in parts: each part begins where the one before
 * ended.
 */
import { expect, test } from '@playwright/test';
import { act, accepted, confirm, control, enterGreenRoom, listen } from '../harness/acts.ts';
import { figure } from '../harness/figure.ts';
import { desktop, Person, phone } from '../harness/person.ts';
import { inWords, proceedings } from '../harness/proceedings.ts';
import { PlenaryServer, referenceFile } from '../harness/server.ts';
import { eventually } from '../harness/wait.ts';

const EVENT = 'russian-diplomats-day';

/** QUALITY.md: taking the floor away stops the sound within this time. */
const SILENCE_MS = 200;

/** QUALITY.md: after a kill and a restart people are back by themselves within this time. */
const RETURN_MS = 5_000;

test.describe.configure({ mode: 'serial' });

let server: PlenaryServer;
let kazi: Person;
let ganich: Person;
let sehgal: Person;
let mirza: Person;
let hashmi: Person;
let everybody: Person[];

/** A person who registers on the public page. */
let guest: Person;

const link = (person: string) => server.link(EVENT, person).link;

test.beforeAll(async () => {
  server = await PlenaryServer.start([referenceFile]);
  kazi = await Person.launch('kazi', { voice: 'moderator', viewport: { width: 1440, height: 900 } });
  ganich = await Person.launch('ganich', { voice: 'plenary', viewport: desktop });
  sehgal = await Person.launch('sehgal', { voice: 'concluding', viewport: desktop });
  mirza = await Person.launch('mirza', { voice: 'participant', viewport: desktop });
  // Who never speaks needs no voice of their own and shares a browser.
  hashmi = await Person.launch('hashmi', { browser: mirza.browser, viewport: phone, locale: 'ur-PK' });
  guest = await Person.launch('guest', { browser: mirza.browser });
  everybody = [kazi, ganich, sehgal, mirza, hashmi];
});

test.afterAll(async () => {
  const people = [hashmi, guest, kazi, ganich, sehgal, mirza].filter(Boolean);
  const strangers = people.flatMap((person) => person.strangers);
  const faults = people.flatMap((person) => person.faults);
  for (const person of people) await person.leave();
  expect({ strangers, faults, server: await server.finish() }).toEqual({
    strangers: [],
    faults: [],
    server: [],
  });
});

test('speakers meet in the green room; nobody in the audience hears them', async () => {
  await enterGreenRoom(kazi, link('kazi'));
  await enterGreenRoom(ganich, link('ganich'));
  await act(kazi, 'open-green-room');
  // Who comes before the opening of the green room is taken in by itself, who comes later at once.
  await enterGreenRoom(sehgal, link('sehgal'));
  await listen(mirza, link('mirza'));
  await listen(hashmi, link('hashmi'));
  await expect(hashmi.page.locator('html')).toHaveAttribute('dir', 'rtl');
  await expect(mirza.page.locator('html')).toHaveAttribute('dir', 'ltr');
  await sehgal.hearsOnly('moderator', 'plenary');
  await mirza.hearsOnly();
});

test('the moderator opens the event and is heard and seen', async () => {
  await act(kazi, 'open-event');
  await mirza.hearsOnly('moderator');
  await mirza.sees('moderator');
  await hashmi.hearsOnly('moderator');
  await expect(mirza.get('record-badge')).toContainText('On the record');
  await expect(mirza.get('segment-now')).toContainText('Introductory remarks');
  await expect(mirza.get('floor-sentence')).toContainText('Mustafa Kamal Kazi');
  await expect(mirza.get('name-plate').first()).toContainText('Senior Vice Chairman');
});

test('the plenary speaker is heard and seen, the muted moderator is not', async () => {
  await act(kazi, 'next-segment');
  await setMicrophone(kazi, false);
  for (const person of [mirza, hashmi]) {
    await person.hearsOnly('plenary');
    await person.sees('plenary');
  }
  await expect(mirza.get('main-picture')).toHaveAttribute('data-person', 'ganich');
  await expect(mirza.get('segment-now')).toContainText('Plenary address');
  await expect(mirza.get('floor-sentence')).toContainText('Danila Ganich');
  const plate = mirza.get('name-plate').first();
  await expect(plate).toContainText('Danila Ganich');
  await expect(plate).toContainText('Ambassador of the Russian Federation to Pakistan');
  const plateInUrdu = hashmi.get('name-plate').first();
  await expect(plateInUrdu).toContainText('دانیلا گانیچ');
  await expect(plateInUrdu).toContainText('پاکستان میں روسی فیڈریشن کے سفیر');
  await expect(ganich.get('floor-notice')).toBeVisible();
});

test('the speaker shares a screen', async () => {
  await ganich.get('share-button').click();
  await expect(mirza.get('screen-picture')).toBeVisible();
  await mirza.framesGoOn('screen-picture');
  await hashmi.framesGoOn('screen-picture');
  await mirza.hearsOnly('plenary');
  await ganich.get('share-button').click();
  await expect(mirza.get('screen-picture')).toHaveCount(0);
  await mirza.sees('plenary');
});

test('the server is killed in the middle of the speech and everybody returns by themselves', async () => {
  const before = await proceedings(server.url, EVENT, server.link(EVENT, 'kazi').token);
  const killed = Date.now();
  await server.kill();
  await expect(mirza.get('line-notice')).toBeVisible();
  await expect(hashmi.get('line-notice')).toBeVisible();
  await server.run();
  const up = Date.now();
  const returns: number[] = [];
  for (const person of everybody) {
    await eventually(`${person.name} is back`, 3 * RETURN_MS, async () =>
      (await person.told('welcome', killed)).length > 0);
    returns.push((await person.told('welcome', killed))[0]!.at - up);
  }
  const back_ms = Math.max(...returns);
  await hashmi.hearsOnly('plenary');
  figure('kill and restart: voice heard for a second again', Date.now() - up, 'ms');
  await hashmi.sees('plenary');
  figure('kill and restart: picture again', Date.now() - up, 'ms');
  for (const person of [mirza, hashmi]) {
    await person.hearsOnly('plenary');
    await person.sees('plenary');
    await expect(person.get('line-notice')).toHaveCount(0);
  }
  figure('kill and restart: last of five browsers back on the live socket', back_ms, 'ms');
  expect(back_ms).toBeLessThan(RETURN_MS);
  const after = await proceedings(server.url, EVENT, server.link(EVENT, 'kazi').token);
  expect(after.slice(0, before.length)).toEqual(before);
  expect(inWords(after[before.length]!)).toBe('server-restarted');
  await expect(mirza.get('segment-now')).toContainText('Plenary address');
  await expect(mirza.get('floor-sentence')).toContainText('Danila Ganich');
});

test('a participant raises a hand, gets the floor, is heard, and falls silent when it is taken', async () => {
  await act(kazi, 'next-segment');
  await expect(mirza.get('segment-now')).toContainText('Questions');
  await expect(mirza.get('record-badge')).toContainText('Chatham House Rule');
  await mirza.get('hand-button').click();
  const row = kazi.get('hand-row').filter({ hasText: 'Sana Mirza' });
  await expect(row).toBeVisible();
  await act(kazi, 'give-floor', row);
  await acceptFloor(mirza);
  await hashmi.hearsOnly('participant');
  await ganich.hearsOnly('participant');
  await hashmi.sees('participant');
  await expect(hashmi.get('name-plate').first()).toContainText('ثنا مرزا');
  const taken_at = await act(kazi, 'take-floor');
  await hashmi.hearsOnly();
  const silent_ms = (await hashmi.lastSound()) - taken_at;
  figure('floor taken: accepted command to silence at a participant', silent_ms, 'ms');
  expect(silent_ms).toBeLessThan(SILENCE_MS);
  await expect(mirza.get('mic-button')).toHaveCount(0);
});

test('suspension silences everybody and resuming brings the speaker back', async () => {
  await setMicrophone(ganich, true);
  await hashmi.hearsOnly('plenary');
  await control(kazi, 'suspend-event').click();
  const suspended_at = await confirm(kazi);
  for (const person of [mirza, hashmi]) {
    await expect(person.get('full-notice')).toHaveAttribute('data-kind', 'event-suspended');
    await person.hearsOnly();
  }
  const silent_ms = (await hashmi.lastSound()) - suspended_at;
  figure('event suspended: accepted command to silence at a participant', silent_ms, 'ms');
  expect(silent_ms).toBeLessThan(SILENCE_MS);
  await act(kazi, 'resume-event');
  for (const person of [mirza, hashmi]) {
    await expect(person.get('full-notice')).toHaveCount(0);
    await person.hearsOnly('plenary');
  }
});

test('who registers waits in the lobby until admitted, and stays removed once removed', async () => {
  await register(guest, 'Yusuf Testname');
  await expect(guest.get('lobby')).toHaveAttribute('data-why', 'waiting');
  await guest.hearsOnly();
  const row = kazi.get('lobby-row').filter({ hasText: 'Yusuf Testname' });
  await expect(row).toBeVisible();
  await act(kazi, 'admit', row);
  await guest.hearsOnly('plenary');
  // Nobody has the floor: everybody on stage is shown alike, the speaker first.
  await guest.sees('plenary', 'thumbnail');

  await kazi.get('roster-search').fill('Yusuf');
  const person = kazi.get('roster-row').filter({ hasText: 'Yusuf Testname' });
  await control(kazi, 'remove-person', person).click();
  const removed_at = await confirm(kazi);
  await expect(guest.get('full-notice')).toHaveAttribute('data-kind', 'removed');
  await guest.hearsOnly();
  expect((await guest.lastSound()) - removed_at).toBeLessThan(SILENCE_MS);
  await guest.page.reload();
  await expect(guest.get('full-notice')).toHaveAttribute('data-kind', 'removed');
  await kazi.get('roster-search').fill('');
});

test('a locked event lets nobody new in', async () => {
  await act(kazi, 'lock');
  await register(guest, 'Vera Testname');
  await expect(guest.get('full-notice')).toHaveAttribute('data-kind', 'locked');
  // Who is in may come back through the lock.
  await mirza.page.reload();
  await mirza.get('listen-button').click();
  await mirza.hearsOnly('plenary');
  await act(kazi, 'unlock');
  await act(kazi, 'admit', kazi.get('lobby-row').filter({ hasText: 'Vera Testname' }));
  await guest.hearsOnly('plenary');
});

test('the concluding note, and the end', async () => {
  await act(kazi, 'next-segment');
  for (const person of [mirza, hashmi]) {
    await person.hearsOnly('concluding');
    await person.sees('concluding');
  }
  await expect(mirza.get('record-badge')).toContainText('On the record');
  await expect(mirza.get('name-plate').first()).toContainText('Ikram Sehgal');
  await control(kazi, 'close-event').click();
  await confirm(kazi);
  for (const person of [mirza, hashmi, ganich]) {
    await expect(person.get('full-notice')).toHaveAttribute('data-kind', 'closed');
    await person.hearsOnly();
  }
  await mirza.open(`${server.url}/e/${EVENT}`);
  await expect(mirza.page.getByText('The event is closed.')).toBeVisible();
  await expect(mirza.get('register-button')).toHaveCount(0);
});

test('the proceedings tell what was done', async () => {
  const lines = await proceedings(server.url, EVENT, server.link(EVENT, 'kazi').token);
  const presence = /^(person-arrived|person-departed|person-registered|microphone-changed|camera-changed)/;
  const story = lines.map(inWords).filter((words) => !presence.test(words));
  const registered = lines.flatMap((line) =>
    line.event === 'person-registered' ? [line.person.id] : []);
  expect(registered).toHaveLength(2);
  const [removed, late] = registered;
  // Both waited for the green room to open; who is in first is nobody's business.
  const opened = story.indexOf('green-room-opened') + 1;
  story.splice(opened, 2, ...story.slice(opened, opened + 2).sort());
  expect(story).toEqual([
    'event-created',
    'person-admitted kazi',
    'person-admitted ganich',
    'green-room-opened',
    'stage-entered ganich',
    'stage-entered kazi',
    'person-admitted sehgal',
    'stage-entered sehgal',
    'person-admitted mirza',
    'person-admitted hashmi',
    'event-opened',
    'segment-began introductory-remarks',
    'floor-given kazi',
    'floor-taken kazi',
    'segment-ended introductory-remarks',
    'segment-began plenary-address',
    'floor-given ganich',
    'screen-changed ganich on',
    'screen-changed ganich off',
    'server-restarted',
    'floor-taken ganich',
    'segment-ended plenary-address',
    'segment-began questions',
    'answering-changed ganich allowed',
    'hand-raised mirza',
    'stage-entered mirza',
    'hand-lowered mirza',
    'floor-given mirza',
    'floor-taken mirza',
    'stage-left mirza',
    'event-suspended',
    'event-resumed',
    `person-waiting ${removed}`,
    `person-admitted ${removed}`,
    `person-removed ${removed}`,
    'event-locked',
    `person-waiting ${late}`,
    'event-unlocked',
    `person-admitted ${late}`,
    'answering-changed ganich ended',
    'segment-ended questions',
    'segment-began concluding-note',
    'floor-given sehgal',
    'floor-taken sehgal',
    'segment-ended concluding-note',
    'event-closed',
  ]);
  const moderated = lines.filter((line) => /^(floor|segment|event-opened|event-closed)/.test(line.event));
  for (const line of moderated) {
    expect(line.actor).toEqual({ by: 'person', person: 'kazi' });
  }
});

/** Turns one's own microphone on or off. */
async function setMicrophone(person: Person, on: boolean): Promise<void> {
  const began = Date.now();
  const button = person.get('mic-button');
  await expect(button).toHaveAttribute('aria-pressed', String(!on));
  await button.click();
  await accepted(person, began);
  await expect(button).toHaveAttribute('aria-pressed', String(on));
}

/** A participant who was given the floor lets the page use microphone and camera. */
async function acceptFloor(person: Person): Promise<void> {
  const dialog = person.get('guest-floor');
  await dialog.getByRole('checkbox').check();
  await person.get('guest-allow').click();
  await expect(dialog).toHaveCount(0);
}

/** Registers on the public page, follows the personal link, and listens. */
async function register(person: Person, name: string): Promise<void> {
  await person.open(`${server.url}/e/${EVENT}`);
  await person.get('register-button').click();
  await person.get('registration-form').getByLabel('Your name').fill(name);
  await person.get('registration-send').click();
  await person.get('join-now').click();
  await person.page.waitForURL(/\/join#/);
  server.keepSecret(name);
  server.keepSecret(new URL(person.page.url()).hash.slice(1));
  await person.get('listen-button').click();
  await expect(person.get('listen-button')).toHaveCount(0);
}
