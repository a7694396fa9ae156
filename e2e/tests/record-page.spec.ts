/**
 * The record for everybody: a talk is recorded, the moderator publishes its record, a reader without
 * JavaScript reads it, another follows the link of a statement to its second, hears on, searches;
 * then the record is withdrawn.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import type { RecordCommand, RecordingsView, StatementEdit } from '../../web/src/api/types.ts';
import { enterGreenRoom } from '../harness/acts.ts';
import { Live } from '../harness/live.ts';
import { desktop, Person, phone } from '../harness/person.ts';
import { PlenaryServer, programmeFile, referenceFile } from '../harness/server.ts';
import { eventually } from '../harness/wait.ts';

const EVENT = 'russian-diplomats-day';
const MORE = `
[people.shah]
roles = ["rapporteur", "captioner"]
name = { en = "Leila Shah" }

[[segments]]`;

/** What is said from when to when, in seconds after the Ambassador is first heard. */
const SAID = [
  [1, 2.5, 'I thank the organisers for the invitation.', 'Благодарю организаторов за приглашение.'],
  [2.5, 4.5, 'Our two countries share interests, and relations will be good.', 'У наших стран общие интересы, и отношения будут хорошими.'],
  [4.5, 7, 'Development is a way to independence, and relations grow with it.', 'Развитие — путь к независимости.'],
] as const;

test('from the closed event to the sentence that everybody hears', async ({}, info) => {
  test.setTimeout(240_000);
  const folder = await mkdtemp(join(tmpdir(), 'plenary-record-page-'));
  const text = (await readFile(referenceFile, 'utf8')).replace('[[segments]]', MORE);
  const server = await PlenaryServer.start([await programmeFile(folder, 'event.toml', text)]);
  const token = (person: string): string => server.link(EVENT, person).token;
  const record = `${server.url}/e/${EVENT}/record`;
  const api = (path: string) =>
    fetch(`${server.url}/api/events/${EVENT}/${path}`, { headers: { authorization: `Bearer ${token('shah')}` } });
  const command = async (by: string, body: RecordCommand): Promise<void> => {
    const answer = await fetch(`${server.url}/api/events/${EVENT}/commands`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token(by)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${body.do}: ${await answer.text()}`);
  };

  // The Ambassador speaks on the record; then questions are taken under the Chatham House Rule.
  const kazi = await Live.connect(server.url, EVENT, token('kazi'));
  const ganich = await Person.launch('ganich', { voice: 'plenary', viewport: desktop });
  await kazi.act({ do: 'open-green-room' });
  await enterGreenRoom(ganich, server.link(EVENT, 'ganich').link);
  await kazi.act({ do: 'open-event' });
  await kazi.act({ do: 'next-segment' });
  await eventually('the speaker is recorded', 30_000, async () => {
    const { takes } = (await (await api('recordings')).json()) as RecordingsView;
    return takes.some(({ kind }) => kind === 'camera') && takes.some(({ kind }) => kind === 'microphone');
  });
  const heard = Date.now();
  const at = (seconds: number): number => heard + seconds * 1_000;
  await eventually('all was said', 30_000, () => Date.now() > at(8), 100);
  for (const [from, to, en, ru] of SAID) {
    const line = { do: 'commit-transcript-line', person: 'ganich', start: at(from), end: at(to) } as const;
    await command('shah', { ...line, language: 'en', interpreted_from: null, text: en });
    await command('shah', { ...line, language: 'ru', interpreted_from: 'en', text: ru });
  }
  await command('shah', { do: 'mark-statement', speaker: 'ganich', start: at(4.5), end: at(7), language: 'en' });
  const words = { en: 'development is a way to independence', ru: 'развитие — путь к независимости', ur: 'ترقی آزادی کا راستہ ہے' };
  let revision = 1;
  const edits: StatementEdit[] = [
    { change: 'verb', verb: 'stressed' },
    ...Object.entries(words).map(([language, text]): StatementEdit => ({ change: 'wording', language, wording: { form: 'indirect', text } })),
  ];
  for (const edit of edits) await command('shah', { do: 'edit-statement', statement: 1, revision: revision++, edit });
  await command('shah', { do: 'check-statement', statement: 1, revision });
  await command('shah', { do: 'send-for-clearance', statement: 1, revision, deadline: Date.now() + 3_600_000 });
  await command('ganich', { do: 'answer-clearance', statement: 1, revision, clearance: { answer: 'cleared' } });
  await kazi.act({ do: 'next-segment' });
  const questions = Date.now();
  await eventually('a question was asked', 10_000, () => Date.now() > questions + 1_500, 100);
  await command('shah', {
    do: 'commit-transcript-line', person: null, start: questions + 200, end: questions + 1_200,
    language: 'en', interpreted_from: null, text: 'Winter is long, said Danila Ganich.',
  });
  await kazi.act({ do: 'close-event' });
  kazi.close();
  expect((await fetch(record)).status).toBe(404);

  // Who moderates publishes the record at the desk.
  const { page } = ganich;
  await ganich.open('about:blank');
  await ganich.open(`${server.url}/e/${EVENT}/desk?lang=en#${token('kazi')}`);
  await expect(ganich.get('publish')).toHaveAttribute('data-standing', 'internal');
  await ganich.get('publish-record').click();
  await ganich.get('confirm-yes').click();
  await expect(ganich.get('publish')).toHaveAttribute('data-standing', 'public');
  await eventually('the recording is finished', 30_000, async () => (await (await fetch(record)).text()).includes('<video'));
  await ganich.open(`${server.url}/e/${EVENT}?lang=en`);
  await expect(ganich.get('record-link')).toBeVisible();

  // Without JavaScript everything can be read, and the times lead into the recording.
  const plain = await ganich.browser.newContext({ javaScriptEnabled: false, locale: 'ru-RU', viewport: desktop });
  const reader = await plain.newPage();
  await reader.goto(record);
  await expect(reader.locator('html')).toHaveAttribute('lang', 'ru');
  await expect(reader.locator('.follow')).toContainText(SAID[2][3]);
  await reader.getByRole('link', { name: 'English' }).click();
  await expect(reader.locator('.follow')).toContainText(SAID[1][2]);
  await expect(reader.locator('.statements')).toContainText(words.en);
  await expect(reader.locator('.follow')).toContainText('Winter is long, said [name withheld].');
  expect(await reader.locator('.statements a.at').getAttribute('href')).toMatch(/record\/media\/.*\.webm#t=/);
  await reader.screenshot({ path: info.outputPath('plain.png'), fullPage: true });
  await reader.emulateMedia({ media: 'print' });
  await reader.screenshot({ path: info.outputPath('print.png'), fullPage: true });
  await plain.close();

  // The address of the statement leads to its second.
  const place = await page.request.get(`${record}/en`).then(async (answer) => /id="(t=[\d.]+,[\d.]+)"/.exec(await answer.text())![1]!);
  await ganich.open('about:blank');
  await ganich.open(`${record}/en#${place}`);
  const video = page.locator('video').first();
  const wanted = await video.evaluate((player: HTMLVideoElement, from) => {
    const spans = JSON.parse(player.dataset['spans']!) as [number, number, number][];
    const span = spans.find(([, start, end]) => from >= start && from < end)!;
    return (span[0] + from - span[1]) / 1_000;
  }, Math.round(Number(/[\d.]+/.exec(place)![0]) * 1_000));
  const now = () => video.evaluate((player: HTMLVideoElement) => (player.seeking ? -1 : player.currentTime));
  await expect.poll(now, { timeout: 30_000 }).toBeCloseTo(wanted, 1);
  await expect(page.locator('.said.here')).toContainText(SAID[2][2]);
  await expect(page.locator('.wanted')).toContainText(words.en);
  await page.screenshot({ path: info.outputPath('desktop.png'), fullPage: true });

  // A click on a sentence plays from there, and the transcript follows.
  await page.locator('.said .words', { hasText: SAID[0][2] }).click();
  await expect(page.locator('#play')).toHaveText('Pause');
  await expect(page.locator('.said.here')).toContainText(SAID[1][2], { timeout: 30_000 });
  await page.keyboard.press(' ');
  await expect(page.locator('#play')).toHaveText('Play');
  const stopped = await now();
  await page.keyboard.press('ArrowLeft');
  await expect.poll(now).toBeLessThan(stopped);

  // Search as one types.
  await page.keyboard.press('/');
  await page.keyboard.type('RELATIONS');
  await expect(page.locator('#found')).toHaveText('1 of 2');
  await page.keyboard.press('Enter');
  await expect(page.locator('#found')).toHaveText('2 of 2');
  await expect(page.locator('mark.chosen')).toHaveCount(1);
  await page.keyboard.type('x');
  await expect(page.locator('#found')).toHaveText('Nothing found');
  await page.locator('#captions').selectOption('ru');
  expect(await video.evaluate((player: HTMLVideoElement) => [...player.textTracks].find(({ mode }) => mode === 'showing')?.language)).toBe('ru');

  // Every shape of it, looked at and found in order.
  const faults: string[] = [];
  const shapes = [
    ['light', 'en', desktop, 'light'],
    ['dark', 'en', desktop, 'dark'],
    ['urdu', 'ur', desktop, 'light'],
    ['phone', 'en', phone, 'light'],
    ['phone-urdu', 'ur', phone, 'dark'],
  ] as const;
  for (const [name, language, viewport, colorScheme] of shapes) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await ganich.open(`${record}/${language}`);
    await expect(page.locator('#tools')).toBeVisible();
    await page.evaluate(() => document.fonts.ready);
    faults.push(...(await axe(page)).map((fault) => `${name}: ${fault}`));
    expect(await page.evaluate(() => document.scrollingElement!.scrollWidth <= innerWidth), name).toBe(true);
    await page.screenshot({ path: info.outputPath(`${name}.png`), fullPage: true });
  }
  expect(faults).toEqual([]);

  // What is withdrawn is gone at once, and its page says so.
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(desktop);
  await ganich.open(`${server.url}/e/${EVENT}/desk?lang=en#${token('kazi')}`);
  await ganich.get('withdraw-record').click();
  await ganich.get('confirm-yes').click();
  await expect(ganich.get('publish')).toHaveAttribute('data-standing', 'withdrawn');
  expect((await fetch(record)).status).toBe(410);
  await ganich.open(`${record}/ru`);
  await expect(page.locator('h1')).toHaveText('Материалы этого мероприятия отозваны');
  await page.screenshot({ path: info.outputPath('withdrawn.png') });
  expect(await axe(page)).toEqual([]);

  expect([...ganich.faults, ...ganich.strangers]).toEqual([]);
  await ganich.leave();
  await rm(folder, { recursive: true });
  expect(await server.finish()).toEqual([]);
});

async function axe(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}
