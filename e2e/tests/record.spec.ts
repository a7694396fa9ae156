/**
 * From the floor to the speaker's word: somebody speaks on the record, the rapporteur marks, words,
 * checks by ear and sends it, the speaker clears it. A participant's link opens none of this.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enterGreenRoom } from '../harness/acts.ts';
import { Live } from '../harness/live.ts';
import { desktop, Person, phone } from '../harness/person.ts';
import { PlenaryServer, programmeFile, referenceFile } from '../harness/server.ts';
import { eventually } from '../harness/wait.ts';

const EVENT = 'russian-diplomats-day';

/** So long the speaker speaks before anything is marked: longer than a mark reaches back. */
const SPEECH_MS = 10_000;

const RAPPORTEUR = `
[people.rahman]
name = { en = "Nadia Rahman", ru = "Надя Рахман", ur = "نادیہ رحمان" }
roles = ["rapporteur"]
`;

test('a spoken sentence is marked, worded, checked by ear, sent and cleared', async () => {
  test.setTimeout(240_000);
  const folder = await mkdtemp(join(tmpdir(), 'plenary-record-'));
  const text = await readFile(referenceFile, 'utf8');
  const file = await programmeFile(folder, 'event.toml', text.replace('\n[[segments]]', `${RAPPORTEUR}\n[[segments]]`));
  const server = await PlenaryServer.start([file]);
  const address = (person: string, page: string, language = 'en') =>
    `${server.url}/e/${EVENT}/${page}?lang=${language}#${server.link(EVENT, person).token}`;
  const moderator = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  const ganich = await Person.launch('ganich', { voice: 'plenary', viewport: desktop });
  const rahman = await Person.launch('rahman', { browser: ganich.browser, viewport: { width: 1440, height: 900 } });

  // The speaker speaks on the record.
  await moderator.act({ do: 'open-green-room' });
  await enterGreenRoom(ganich, server.link(EVENT, 'ganich').link);
  await moderator.act({ do: 'open-event' });
  await moderator.act({ do: 'next-segment' });
  await eventually('the speaker is recorded', 30_000, async () => {
    const answer = await fetch(`${server.url}/api/events/${EVENT}/recordings`, bearer(server.link(EVENT, 'rahman').token));
    const { takes } = (await answer.json()) as { takes: { person: string; kind: string }[] };
    return takes.some(({ person, kind }) => person === 'ganich' && kind === 'microphone');
  });

  // A mark begins and ends at a key while the event is live.
  await rahman.open(address('rahman', 'desk'));
  await expect(rahman.get('no-statements')).toBeVisible();
  await expect(rahman.get('no-transcript')).toBeVisible();
  await rahman.page.waitForTimeout(SPEECH_MS);
  await rahman.page.keyboard.press('m');
  await expect(rahman.get('told')).toContainText('has begun');
  await rahman.page.waitForTimeout(3_000);
  await rahman.page.keyboard.press('m');
  await expect(rahman.get('statement-1')).toHaveAttribute('data-life', 'drafted');
  await expect(rahman.get('editor')).toContainText('Danila Ganich');

  // Nothing is checked before it has a verb and words; a verb that judges is warned of.
  await expect(rahman.get('check')).toBeDisabled();
  await rahman.get('verb').selectOption('claimed');
  await expect(rahman.get('loaded')).toBeVisible();
  await rahman.get('verb').selectOption('expressed-confidence');
  await expect(rahman.get('loaded')).toHaveCount(0);
  await rahman.get('words-en').fill('bilateral relations would be good');
  await rahman.get('words-ur').fill('دو طرفہ تعلقات اچھے ہوں گے');
  await rahman.get('save').click();
  await expect(rahman.get('check')).toBeEnabled();

  // The event is over; what was recorded is heard, and the statement sent.
  await moderator.act({ do: 'close-event' });
  moderator.close();
  await rahman.page.reload();
  await rahman.get('statement-1').click();
  await expect(rahman.get('words-ur')).toHaveValue('دو طرفہ تعلقات اچھے ہوں گے');
  const place = async () => Number(await rahman.get('player').getAttribute('data-at'));
  const before = await place();
  await rahman.page.keyboard.press('h');
  await expect.poll(place, { timeout: 30_000 }).toBeGreaterThan(before + 1_000);
  await rahman.get('check').click();
  await expect(rahman.get('life')).toHaveAttribute('data-life', 'checked');
  expect(await faultsOf(rahman)).toEqual([]);
  await rahman.page.screenshot({ path: test.info().outputPath('desk.png') });
  await rahman.get('send').click();
  await expect(rahman.get('life')).toHaveAttribute('data-life', 'sent');

  // A participant gets nothing: not by the interface, not by the pages.
  const stranger = server.link(EVENT, 'mirza').token;
  for (const path of ['statements', 'transcript', 'release']) {
    expect((await fetch(`${server.url}/api/events/${EVENT}/${path}`, bearer(stranger))).status, path).toBe(403);
  }
  const mirza = await Person.launch('mirza', { browser: ganich.browser, viewport: phone, locale: 'ur-PK' });
  await mirza.open(address('mirza', 'desk', 'ur'));
  await expect(mirza.get('full-notice')).toHaveAttribute('data-kind', 'not-yours');
  await mirza.open(address('mirza', 'clearance', 'ur'));
  await expect(mirza.get('nothing-sent')).toBeVisible();

  // The speaker, on an Urdu page, wants other words; the desk takes them over; the speaker clears.
  await ganich.open(address('ganich', 'clearance', 'ur'));
  await expect(ganich.page.locator('html')).toHaveAttribute('dir', 'rtl');
  expect(await faultsOf(ganich)).toEqual([]);
  await ganich.page.screenshot({ path: test.info().outputPath('clearance-ur.png') });
  await ganich.get('correct').click();
  await ganich.get('correct-en').fill('bilateral relations would grow');
  await ganich.get('answer').click();
  await expect(ganich.get('card-1')).toHaveAttribute('data-life', 'corrected');
  await expect(rahman.get('wanted')).toContainText('would grow');
  await rahman.get('take-correction').click();
  await expect(rahman.get('words-en')).toHaveValue('bilateral relations would grow');
  await expect(rahman.get('life')).toHaveAttribute('data-life', 'cleared');
  await expect(rahman.get('cleared')).toContainText('1 of 1');
  await expect(ganich.get('card-1')).toHaveAttribute('data-life', 'cleared');

  for (const [name, viewport, language] of [['phone', phone, 'en'], ['urdu', { width: 1440, height: 900 }, 'ur']] as const) {
    await rahman.page.setViewportSize(viewport);
    await rahman.open(address('rahman', 'desk', language));
    await rahman.page.reload();
    await rahman.get('statement-1').click();
    await expect(rahman.get('editor')).toBeVisible();
    expect(await rahman.page.evaluate(() => document.scrollingElement!.scrollWidth <= innerWidth), name).toBe(true);
    await rahman.page.screenshot({ path: test.info().outputPath(`desk-${name}.png`) });
  }

  const people = [rahman, mirza, ganich];
  const faults = people.flatMap((person) => [...person.faults, ...person.strangers]);
  for (const person of people) await person.leave();
  await rm(folder, { recursive: true });
  expect([...faults, ...(await server.finish())]).toEqual([]);
});

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

async function faultsOf(person: Person): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page: person.page }).setLegacyMode(true).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}
