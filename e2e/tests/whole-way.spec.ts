/**
 * The whole way: somebody speaks on the record, a captioner puts it down, the rapporteur marks, words,
 * checks by ear and sends it, the speaker clears it; the release is edited, approved by two parties,
 * issued under embargo, and read by a journalist without JavaScript; a sentence of it leads to the
 * second on the record page. The record is packed, signed by both parties and verified in a browser
 * from the disk; then one byte is altered, and named. A participant's link opens none of this.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordCommand, StatementsView } from '../../web/src/api/types.ts';
import { enterGreenRoom } from '../harness/acts.ts';
import { Live } from '../harness/live.ts';
import { desktop, Person, phone } from '../harness/person.ts';
import { plenary, PlenaryServer, programmeFile, referenceFile } from '../harness/server.ts';
import { eventually } from '../harness/wait.ts';

const EVENT = 'russian-diplomats-day';
/** So long is spoken before it is marked: enough to be heard again. */
const SPEECH_MS = 4_000;
/** Long enough to see that it holds, short enough to wait for. */
const EMBARGO_MS = 8_000;
const wide = { width: 1440, height: 900 };

/** A second party, so that the release needs two. */
const MORE = `
[parties.embassy]
name = { en = "Embassy of the Russian Federation", ru = "Посольство Российской Федерации", ur = "سفارت خانہ روسی فیڈریشن" }

[people.orlov]
roles = ["co-organiser"]
name = { en = "Pavel Orlov" }
party = "embassy"

[[segments]]`;

const SAID = 'I am confident that our relations will grow.';
const WORDS = {
  en: 'bilateral relations would be good',
  ru: 'двусторонние отношения будут хорошими',
  ur: 'دو طرفہ تعلقات اچھے ہوں گے',
};
const CORRECTED = 'bilateral relations would grow';

test('from the floor to the verified record', async ({}, info) => {
  test.setTimeout(240_000);
  const folder = await mkdtemp(join(tmpdir(), 'plenary-whole-way-'));
  const text = (await readFile(referenceFile, 'utf8')).replace('\n[[segments]]', MORE);
  const server = await PlenaryServer.start([await programmeFile(folder, 'event.toml', text)]);
  const token = (person: string): string => server.link(EVENT, person).token;
  const page = (person: string, name: string, language = 'en'): string =>
    `${server.url}/e/${EVENT}/${name}?lang=${language}#${token(person)}`;
  const api = (person: string, path: string, body?: RecordCommand): Promise<Response> =>
    fetch(`${server.url}/api/events/${EVENT}/${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { authorization: `Bearer ${token(person)}`, 'content-type': 'application/json' },
    });
  const command = async (person: string, body: RecordCommand): Promise<void> => {
    const answer = await api(person, 'commands', body);
    if (!answer.ok) throw new Error(`${body.do}: ${await answer.text()}`);
  };
  const moderator = await Live.connect(server.url, EVENT, token('kazi'));
  const ganich = await Person.launch('ganich', { voice: 'plenary', viewport: desktop });
  const desk = await Person.launch('durrani', { browser: ganich.browser, viewport: wide });

  // The speaker speaks on the record; the captioner puts it down.
  await moderator.act({ do: 'open-green-room' });
  await enterGreenRoom(ganich, server.link(EVENT, 'ganich').link);
  await moderator.act({ do: 'open-event' });
  await moderator.act({ do: 'next-segment' });
  const began = Date.now();
  await desk.open(page('durrani', 'desk'));
  await expect(desk.get('no-statements')).toBeVisible();
  await expect(desk.get('no-transcript')).toBeVisible();
  await eventually('the speaker is recorded for a while', 30_000, async () => {
    const { takes } = (await (await api('durrani', 'recordings')).json()) as { takes: { person: string; kind: string }[] };
    const recorded = takes.some(({ person, kind }) => person === 'ganich' && kind === 'microphone');
    return recorded && Date.now() > began + SPEECH_MS;
  });

  // A mark begins and ends at a key while the event is live; nothing is checked before it has a verb
  // and words, and a verb that judges is warned of.
  await desk.page.keyboard.press('m');
  await expect(desk.get('told')).toContainText('has begun');
  await desk.page.waitForTimeout(1_500);
  await desk.page.keyboard.press('m');
  await expect(desk.get('statement-1')).toHaveAttribute('data-life', 'drafted');
  await expect(desk.get('editor')).toContainText('Danila Ganich');
  const { statements } = (await (await api('durrani', 'statements')).json()) as StatementsView;
  const { start, end } = statements[0]!;
  await command('abbasi', { do: 'commit-transcript-line', person: 'ganich', start, end, language: 'en', interpreted_from: null, text: SAID });
  await expect(desk.get('check')).toBeDisabled();
  await desk.get('verb').selectOption('claimed');
  await expect(desk.get('loaded')).toBeVisible();
  await desk.get('verb').selectOption('expressed-confidence');
  await expect(desk.get('loaded')).toHaveCount(0);
  for (const [language, words] of Object.entries(WORDS)) await desk.get(`words-${language}`).fill(words);
  await desk.get('save').click();
  await expect(desk.get('check')).toBeEnabled();

  // The event is over; what was recorded is heard, and the statement sent.
  await moderator.act({ do: 'close-event' });
  moderator.close();
  await desk.page.reload();
  await desk.get('statement-1').click();
  await expect(desk.get('words-ur')).toHaveValue(WORDS.ur);
  await expect(desk.page.getByText(SAID)).toBeVisible();
  const place = async () => Number(await desk.get('player').getAttribute('data-at'));
  const before = await place();
  await desk.page.keyboard.press('h');
  await expect.poll(place, { timeout: 30_000 }).toBeGreaterThan(before + 1_000);
  await desk.get('check').click();
  await expect(desk.get('life')).toHaveAttribute('data-life', 'checked');
  expect(await faultsOf(desk)).toEqual([]);
  await desk.page.screenshot({ path: info.outputPath('desk.png') });
  await desk.get('send').click();
  await expect(desk.get('life')).toHaveAttribute('data-life', 'sent');

  // A participant gets nothing: not by the interface, not by the pages.
  for (const path of ['statements', 'transcript', 'release']) expect((await api('mirza', path)).status, path).toBe(403);
  const mirza = await Person.launch('mirza', { browser: ganich.browser, viewport: phone, locale: 'ur-PK' });
  for (const name of ['desk', 'press']) {
    await mirza.open('about:blank');
    await mirza.open(page('mirza', name, 'ur'));
    await expect(mirza.get('full-notice')).toHaveAttribute('data-kind', 'not-yours');
  }
  await mirza.open(page('mirza', 'clearance', 'ur'));
  await expect(mirza.get('nothing-sent')).toBeVisible();

  // The speaker, on an Urdu page, wants other words; the desk takes them over, which clears them.
  await ganich.open(page('ganich', 'clearance', 'ur'));
  await expect(ganich.page.locator('html')).toHaveAttribute('dir', 'rtl');
  expect(await faultsOf(ganich)).toEqual([]);
  await ganich.page.screenshot({ path: info.outputPath('clearance-ur.png') });
  await ganich.get('correct').click();
  await ganich.get('correct-en').fill(CORRECTED);
  await ganich.get('answer').click();
  await expect(ganich.get('card-1')).toHaveAttribute('data-life', 'corrected');
  await expect(desk.get('wanted')).toContainText('would grow');
  await desk.get('take-correction').click();
  await expect(desk.get('words-en')).toHaveValue(CORRECTED);
  await expect(desk.get('life')).toHaveAttribute('data-life', 'cleared');
  await expect(desk.get('cleared')).toContainText('1 of 1');
  await expect(ganich.get('card-1')).toHaveAttribute('data-life', 'cleared');
  for (const [name, viewport, language] of [['phone', phone, 'en'], ['urdu', wide, 'ur']] as const) {
    await desk.page.setViewportSize(viewport);
    await desk.open(page('durrani', 'desk', language));
    await desk.page.reload();
    await desk.get('statement-1').click();
    await expect(desk.get('editor')).toBeVisible();
    await fits(desk, `desk-${name}`);
    await desk.page.screenshot({ path: info.outputPath(`desk-${name}.png`) });
  }

  // The rapporteur adds a sentence that goes back to nothing, and answers for it.
  await desk.page.setViewportSize(desktop);
  await desk.open(page('durrani', 'press'));
  await expect(desk.get('sheet')).toContainText(CORRECTED);
  await expect(desk.get('problems')).toHaveAttribute('data-count', '0');
  await expect(desk.get('issue')).toHaveCount(0);
  await desk.page.locator('section.block.intervention').first().getByRole('button').click();
  await desk.get('new-sentence').fill('The hall was full.');
  await desk.get('paragraph-done').click();
  await expect(desk.page.locator('[data-problem="unbound"]')).toHaveCount(1);
  await expect(desk.page.locator('[data-kind="unbound"]')).toContainText('The hall was full.');
  await desk.page.screenshot({ path: info.outputPath('press.png'), fullPage: true });
  await desk.get('save').click();
  await expect(desk.get('saved')).toContainText('1');
  await desk.get('accept').click();
  await desk.get('reason').fill('Counted at the door.');
  await desk.get('confirm-yes').click();
  await expect(desk.get('problems')).toHaveAttribute('data-count', '0');
  await expect(desk.page.locator('[data-kind="accepted"]')).toContainText('The hall was full.');
  expect(await faultsOf(desk)).toEqual([]);
  await desk.page.setViewportSize(phone);
  await desk.open(page('durrani', 'press', 'ur'));
  await expect(desk.get('sheet')).toBeVisible();
  await desk.get('language-ur').click();
  await fits(desk, 'press');
  await desk.page.screenshot({ path: info.outputPath('press-phone-ur.png'), fullPage: true });
  await desk.page.setViewportSize(desktop);

  // Both parties approve; the organiser issues. Nothing is public before the embargo's end.
  const address = `${server.url}/e/${EVENT}/release`;
  for (const [party, name] of [['embassy', 'orlov'], ['kcfr', 'lodhi']] as const) {
    await desk.open('about:blank');
    await desk.open(page(name, 'press'));
    await desk.get('approve').click();
    await expect(desk.page.locator(`[data-party="${party}"]`)).toHaveAttribute('data-approved', 'true');
  }
  expect((await fetch(address)).status).toBe(404);
  const until = Date.now() + EMBARGO_MS;
  await command('lodhi', { do: 'set-embargo', until });
  await desk.get('issue').click();
  await desk.get('confirm-yes').click();
  await expect(desk.get('issues')).toBeVisible();
  await desk.page.screenshot({ path: info.outputPath('issued.png'), fullPage: true });
  const early = (await fetch(address)).status;
  expect(Date.now() < until ? early : 404).toBe(404);
  await eventually('the embargo ends', 30_000, async () => (await fetch(address)).ok, 100);
  expect(Date.now()).toBeGreaterThanOrEqual(until);

  // A journalist without JavaScript reads it, and everybody has it in other forms.
  const journalist = await desk.browser.newContext({ javaScriptEnabled: false, locale: 'ru-RU' });
  const reading = await journalist.newPage();
  await reading.goto(address);
  await expect(reading.locator('article')).toContainText(WORDS.ru);
  await reading.getByRole('link', { name: 'English' }).click();
  await expect(reading.locator('article')).toContainText('The hall was full.');
  await reading.screenshot({ path: info.outputPath('public.png'), fullPage: true });
  await journalist.close();
  for (const [ending, magic] of [['docx', 'PK\u0003\u0004'], ['pdf', '%PDF-']] as const) {
    const file = Buffer.from(await (await fetch(`${address}/en.${ending}`)).arrayBuffer());
    expect(file.subarray(0, magic.length).toString('latin1')).toBe(magic);
  }
  expect(await (await fetch(`${server.url}/releases.atom`)).text()).toContain('The hall was full.');

  // The record is published; a sentence of the release leads to the second in which it was said.
  const record = `${server.url}/e/${EVENT}/record`;
  await command('kazi', { do: 'publish-record' });
  await eventually('the recording is on the record page', 30_000, async () => (await (await fetch(record)).text()).includes('<video'));
  await mirza.page.setViewportSize(desktop);
  await mirza.open(`${address}/en`);
  await mirza.page.locator('article a[href*="/record#t="]').first().click();
  await expect(mirza.page.locator('.wanted')).toContainText(WORDS.ur);
  await expect(mirza.page.locator('.said.here')).toContainText(SAID);
  const video = mirza.page.locator('video').first();
  const wanted = await video.evaluate((player: HTMLVideoElement) => {
    const from = 1_000 * Number(/t=([\d.]+)/.exec(location.hash)![1]);
    const spans = JSON.parse(player.dataset['spans']!) as [number, number, number][];
    const span = spans.find(([, start, end]) => from >= start && from < end)!;
    return (span[0] + from - span[1]) / 1_000;
  });
  const second = () => video.evaluate((player: HTMLVideoElement) => (player.seeking ? -1 : player.currentTime));
  await expect.poll(second, { timeout: 30_000 }).toBeCloseTo(wanted, 1);

  // The record is packed and signed by both parties; a page from the disk says that it is intact.
  const packet = join(folder, 'record.zip');
  const packed = await plenary('event', 'package', EVENT, '--output', packet, '--data', server.folder, '--public-url', server.url);
  expect(packed.code, packed.stderr).toBe(0);
  for (const party of ['kcfr', 'embassy']) await signs(folder, packet, party);
  const verifier = join(folder, 'verify.html');
  await writeFile(verifier, execFileSync('unzip', ['-p', packet, 'verify.html']));
  const reader = await Person.launch('reader', { browser: ganich.browser, viewport: desktop });
  await reader.open(`file://${verifier}?lang=en`);
  await reader.get('package').setInputFiles([packet, `${packet}.embassy.minisig`, `${packet}.embassy.pub`]);
  await expect(reader.get('result')).toHaveAttribute('data-state', 'intact');
  await expect(reader.get('signatures').locator('[data-state="good"]')).toHaveCount(3);
  await expect(reader.get('signatures')).toContainText('agreed by kcfr');
  await expect(reader.get('signatures')).toContainText('record.zip.embassy.minisig');
  expect(await faultsOf(reader)).toEqual([]);
  await reader.page.screenshot({ path: info.outputPath('verify.png'), fullPage: true });

  // One byte of a line of the proceedings is altered: page and program name it.
  const bytes = await readFile(packet);
  const at = bytes.indexOf(SAID);
  bytes[at] = bytes[at]! ^ 1;
  await writeFile(packet, bytes);
  const line = (bytes.subarray(0, at).toString('latin1').match(/\n/g) ?? []).length + 1;
  await reader.page.setViewportSize(phone);
  await reader.open(`${server.url}/verify?lang=ur`);
  await reader.get('package').setInputFiles(packet);
  await expect(reader.get('result')).toHaveAttribute('data-state', 'not-intact');
  await expect(reader.get('findings').locator('[data-what="altered"]')).toContainText('proceedings.jsonl');
  await expect(reader.get('findings').locator('[data-what="broken-line"]')).toContainText(String(line));
  await expect(reader.get('findings').locator('li')).toHaveCount(2);
  expect(await faultsOf(reader)).toEqual([]);
  await fits(reader, 'verify');
  await reader.page.screenshot({ path: info.outputPath('verify-altered-phone-ur.png'), fullPage: true });
  const verified = await plenary('verify', packet);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain('altered: proceedings.jsonl');
  expect(verified.stdout).toContain(`line ${line} is broken`);

  // A recall is told at once.
  await desk.get('kill').click();
  await desk.get('reason').fill('The wrong version.');
  await desk.get('confirm-yes').click();
  await expect(desk.get('killed')).toBeVisible();
  const recalled = await fetch(address);
  expect(recalled.status).toBe(410);
  expect(await recalled.text()).not.toContain(CORRECTED);

  const people = [desk, mirza, reader, ganich];
  const faults = people.flatMap((person) => [...person.faults, ...person.strangers]);
  for (const person of people) await person.leave();
  await rm(folder, { recursive: true });
  expect([...faults, ...(await server.finish())]).toEqual([]);
});

/** The council signs in the package, the embassy beside it. */
async function signs(folder: string, packet: string, party: string): Promise<void> {
  const key = join(folder, `${party}.key`);
  execFileSync('minisign', ['-G', '-W', '-p', join(folder, `${party}.pub`), '-s', key]);
  const place = party === 'embassy' ? ['--beside'] : [];
  const signed = await plenary('package', 'sign', packet, '--key', key, ...place);
  expect(signed.code, signed.stderr).toBe(0);
}

async function fits(person: Person, name: string): Promise<void> {
  expect(await person.page.evaluate(() => document.scrollingElement!.scrollWidth <= innerWidth), name).toBe(true);
}

async function faultsOf(person: Person): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page: person.page }).setLegacyMode(true).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}
