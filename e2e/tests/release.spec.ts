/**
 * The release leaves the house: statements by commands, the text edited in a browser, two parties
 * approve, one issues, and a journalist without JavaScript reads it.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import type { RecordCommand, StatementEdit } from '../../web/src/api/types.ts';
import { Live } from '../harness/live.ts';
import { Person, phone } from '../harness/person.ts';
import { PlenaryServer, programmeFile, referenceFile } from '../harness/server.ts';
import { eventually } from '../harness/wait.ts';

const EVENT = 'russian-diplomats-day';
const MORE = `
[parties.embassy]
name = { en = "Embassy of the Russian Federation", ru = "Посольство Российской Федерации", ur = "سفارت خانہ روسی فیڈریشن" }

[people.rao]
roles = ["organiser"]
name = { en = "Amina Rao" }
party = "kcfr"

[people.orlov]
roles = ["co-organiser"]
name = { en = "Pavel Orlov" }
party = "embassy"

[people.shah]
roles = ["rapporteur"]
name = { en = "Leila Shah" }

[[segments]]`;

test('from the statement to the page that everybody reads', async ({}, info) => {
  test.setTimeout(180_000);
  const folder = await mkdtemp(join(tmpdir(), 'plenary-release-'));
  const text = (await readFile(referenceFile, 'utf8')).replace('[[segments]]', MORE);
  const server = await PlenaryServer.start([await programmeFile(folder, 'event.toml', text)]);
  const token = (person: string): string => server.link(EVENT, person).token;
  const editor = (person: string): string => `${server.url}/e/${EVENT}/press#${token(person)}`;
  const shot = (name: string) => person.page.screenshot({ path: info.outputPath(`${name}.png`), fullPage: true });
  const command = async (by: string, body: RecordCommand): Promise<void> => {
    const answer = await fetch(`${server.url}/api/events/${EVENT}/commands`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token(by)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${body.do}: ${await answer.text()}`);
  };

  // Kazi has the floor for a moment; the desk marks, words, checks and sends what he said.
  const kazi = await Live.connect(server.url, EVENT, token('kazi'));
  await kazi.act({ do: 'enter-stage' });
  await kazi.act({ do: 'open-event' });
  const opened = Date.now();
  await eventually('two seconds were spoken', 10_000, () => Date.now() > opened + 2_500, 100);
  await command('shah', { do: 'mark-statement', speaker: 'kazi', start: opened + 500, end: opened + 2_000, language: 'en' });
  let revision = 1;
  const words = { en: 'a multilateral order eases cooperation', ru: 'многосторонний порядок облегчает сотрудничество', ur: 'کثیرالجہتی نظام تعاون آسان بناتا ہے' };
  const edits: StatementEdit[] = [
    { change: 'verb', verb: 'held' },
    ...Object.entries(words).map(([language, text]): StatementEdit => ({ change: 'wording', language, wording: { form: 'indirect', text } })),
  ];
  for (const edit of edits) await command('shah', { do: 'edit-statement', statement: 1, revision: revision++, edit });
  await command('shah', { do: 'check-statement', statement: 1, revision });
  await command('shah', { do: 'send-for-clearance', statement: 1, revision, deadline: Date.now() + 3_600_000 });
  await command('kazi', { do: 'answer-clearance', statement: 1, revision, clearance: { answer: 'cleared' } });
  kazi.close();

  const person = await Person.launch('shah');
  const { page } = person;
  await person.open(editor('mirza'));
  await expect(person.get('full-notice')).toHaveAttribute('data-kind', 'not-yours');

  // The rapporteur adds a sentence that goes back to nothing, and answers for it.
  await person.open('about:blank');
  await person.open(editor('shah'));
  await expect(person.get('sheet')).toContainText(words.en);
  await expect(person.get('problems')).toHaveAttribute('data-count', '0');
  await expect(person.get('issue')).toHaveCount(0);
  const paragraph = page.locator('section.block.intervention').first();
  await paragraph.getByRole('button').click();
  await person.get('new-sentence').fill('The hall was full.');
  await person.get('paragraph-done').click();
  await expect(page.locator('[data-problem="unbound"]')).toHaveCount(1);
  await expect(page.locator('[data-kind="unbound"]')).toContainText('The hall was full.');
  await shot('desktop');
  await person.get('save').click();
  await expect(person.get('saved')).toContainText('1');
  await person.get('accept').click();
  await person.get('reason').fill('Counted at the door.');
  await person.get('confirm-yes').click();
  await expect(person.get('problems')).toHaveAttribute('data-count', '0');
  await expect(page.locator('[data-kind="accepted"]')).toContainText('The hall was full.');
  const axe = new AxeBuilder({ page }).setLegacyMode(true);
  expect((await axe.analyze()).violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`))).toEqual([]);
  await page.setViewportSize(phone);
  await person.open(editor('shah').replace('/press', '/press?lang=ur'));
  await expect(person.get('sheet')).toBeVisible();
  await person.get('language-ur').click();
  await shot('phone-ur');
  expect(await page.evaluate(() => document.scrollingElement!.scrollWidth <= window.innerWidth)).toBe(true);
  await page.setViewportSize({ width: 1280, height: 800 });

  // Both parties approve; the organiser issues. Nothing is public before.
  const address = `${server.url}/e/${EVENT}/release`;
  for (const [party, name] of [['embassy', 'orlov'], ['kcfr', 'rao']] as const) {
    await person.open('about:blank');
    await person.open(editor(name).replace('/press', '/press?lang=en'));
    await person.get('approve').click();
    await expect(page.locator(`[data-party="${party}"]`)).toHaveAttribute('data-approved', 'true');
  }
  expect((await fetch(address)).status).toBe(404);
  await person.get('issue').click();
  await person.get('confirm-yes').click();
  await expect(person.get('issues')).toBeVisible();
  await shot('issued');

  const journalist = await person.browser.newContext({ javaScriptEnabled: false, locale: 'ru-RU' });
  const reading = await journalist.newPage();
  await reading.goto(address);
  await expect(reading.locator('article')).toContainText(words.ru);
  await reading.getByRole('link', { name: 'English' }).click();
  await expect(reading.locator('article')).toContainText('The hall was full.');
  await reading.screenshot({ path: info.outputPath('public.png'), fullPage: true });
  await journalist.close();
  for (const [ending, magic] of [['docx', 'PK\u0003\u0004'], ['pdf', '%PDF-']] as const) {
    const file = Buffer.from(await (await fetch(`${address}/en.${ending}`)).arrayBuffer());
    expect(file.subarray(0, magic.length).toString('latin1')).toBe(magic);
  }
  expect(await (await fetch(`${server.url}/releases.atom`)).text()).toContain('The hall was full.');

  // A recall is told at once.
  await person.get('kill').click();
  await person.get('reason').fill('The wrong version.');
  await person.get('confirm-yes').click();
  await expect(person.get('killed')).toBeVisible();
  const recalled = await fetch(address);
  expect(recalled.status).toBe(410);
  expect(await recalled.text()).not.toContain(words.en);

  expect(person.faults).toEqual([]);
  await person.leave();
  await rm(folder, { recursive: true });
  expect(await server.finish()).toEqual([]);
});
