/**
 * Captions from the keyboard to everybody's screen: read while they are typed, corrected, handed
 * over, none off the record; alone where no media come through.
 */
import { AxeBuilder } from '@axe-core/playwright';
import { expect, test } from '@playwright/test';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listen } from '../harness/acts.ts';
import { figure } from '../harness/figure.ts';
import { Live } from '../harness/live.ts';
import { Person, phone } from '../harness/person.ts';
import { PlenaryServer, referenceFile } from '../harness/server.ts';
import { eventually } from '../harness/wait.ts';

const EVENT = 'russian-diplomats-day';

test('a captioner writes and everybody reads along', async () => {
  test.setTimeout(180_000);
  const server = await PlenaryServer.start([referenceFile]);
  const address = (person: string, language = 'en') =>
    `${server.url}/e/${EVENT}/captions?lang=${language}#${server.link(EVENT, person).token}`;
  const kazi = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  const ganich = await Live.connect(server.url, EVENT, server.link(EVENT, 'ganich').token);
  const mirza = await Person.launch('mirza');
  const abbasi = await Person.launch('abbasi', { browser: mirza.browser });
  const lodhi = await Person.launch('lodhi', { browser: mirza.browser });
  const hashmi = await Person.launch('hashmi', { browser: mirza.browser, viewport: phone, locale: 'ur-PK' });
  const people = [abbasi, lodhi, hashmi, mirza];

  await kazi.act({ do: 'open-green-room' });
  await kazi.act({ do: 'enter-stage' });
  await ganich.act({ do: 'enter-stage' });
  await ganich.act({ do: 'set-microphone', on: true });
  await kazi.act({ do: 'open-event' });
  await kazi.act({ do: 'next-segment' });

  // On this telephone nothing but the live socket comes through.
  await hashmi.context.addInitScript(() => {
    const Native = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Native {
      constructor(configuration?: RTCConfiguration) {
        super({ ...configuration, iceServers: [], iceTransportPolicy: 'relay' });
      }
      override setConfiguration(): void {}
    };
  });
  await hashmi.page.routeWebSocket('**/api/listen', (socket) => void socket.close());
  await listen(hashmi, server.link(EVENT, 'hashmi').link);

  // The captioner gets to the field by keyboard alone.
  await abbasi.open(server.link(EVENT, 'abbasi').link);
  await expect(abbasi.get('to-captions')).toHaveAttribute('href', /\/captions#/);
  await abbasi.open(address('abbasi'));
  await abbasi.get('desk-en').focus();
  await abbasi.page.keyboard.press('Enter');
  await expect(abbasi.get('desk-state')).toHaveAttribute('data-state', 'ready');
  await expect(abbasi.get('caption-field')).toBeFocused();
  await listen(mirza, server.link(EVENT, 'mirza').link);
  await mirza.get('captions-button').click();
  await expect(mirza.get('captions')).toContainText('No captions in this language');

  // What is typed is read along, and becomes a line of whoever has the floor.
  await abbasi.page.keyboard.type('We have reached a consensus', { delay: 20 });
  const typed = Date.now();
  await expect(mirza.get('caption-partial')).toContainText('reached a consensus');
  figure('captions: from the last letter to the participant', Date.now() - typed, 'ms');
  await abbasi.page.keyboard.press('Enter');
  const entered = Date.now();
  await expect(mirza.get('caption-line')).toContainText('Danila Ganich: We have reached a consensus');
  figure('captions: from Enter to the participant', Date.now() - entered, 'ms');
  await expect(mirza.get('caption-partial')).toHaveCount(0);
  await expect(abbasi.get('desk-waiting')).toHaveCount(0);

  // Arrow up, and the line is mended; taken out, and put back.
  await abbasi.page.keyboard.press('ArrowUp');
  await expect(abbasi.get('caption-field')).toHaveValue('We have reached a consensus');
  await abbasi.page.keyboard.press('End');
  await abbasi.page.keyboard.type(' on that.');
  await abbasi.page.keyboard.press('Enter');
  await expect(mirza.get('caption-line')).toContainText('a consensus on that.');
  await abbasi.page.keyboard.press('Alt+Backspace');
  await expect(mirza.get('caption-line')).toHaveCount(0);
  await expect(abbasi.get('unstrike')).toBeVisible();
  await abbasi.page.keyboard.press('Alt+z');
  await expect(mirza.get('caption-line')).toContainText('a consensus on that.');

  // One's own short forms are written out.
  await abbasi.get('forms-button').click();
  await abbasi.get('forms-text').fill('sco = the Shanghai Cooperation Organisation');
  await abbasi.get('forms-keep').click();
  await abbasi.get('caption-field').focus();
  await abbasi.page.keyboard.type('Our platform is sco.');
  await expect(abbasi.get('caption-field')).toHaveValue('Our platform is the Shanghai Cooperation Organisation.');
  expect(await faultsOf(abbasi)).toEqual([]);
  await abbasi.page.screenshot({ path: test.info().outputPath('desk.png') });
  await abbasi.page.keyboard.press('Enter');

  // Another takes over; the first sees it and cannot write into the same line.
  await lodhi.open(address('lodhi', 'ur'));
  await lodhi.get('desk-en').click();
  await expect(lodhi.get('desk-state')).toHaveAttribute('data-state', 'other');
  expect(await faultsOf(lodhi)).toEqual([]);
  await lodhi.page.screenshot({ path: test.info().outputPath('desk-ur.png') });
  await lodhi.page.keyboard.press('Alt+t');
  await expect(lodhi.get('desk-state')).toHaveAttribute('data-state', 'ready');
  await expect(abbasi.get('desk-state')).toHaveAttribute('data-state', 'other');
  await lodhi.get('caption-field').focus();
  await lodhi.page.keyboard.type('Stability comes first.');
  await expect(mirza.get('caption-partial')).toContainText('Stability comes first.');
  await lodhi.page.keyboard.press('Enter');
  await expect(mirza.get('caption-line').last()).toContainText('Stability comes first.');
  // Who goes away leaves the turn to the other.
  await lodhi.page.goto('about:blank');
  await expect(abbasi.get('desk-state')).toHaveAttribute('data-state', 'ready');

  // Size, contrast and place are the viewer's.
  await mirza.get('caption-settings').click();
  const sheet = mirza.get('captions-sheet');
  await sheet.getByRole('button', { name: 'Large', exact: true }).click();
  await sheet.getByRole('button', { name: 'Light on black' }).click();
  await sheet.getByRole('button', { name: 'On the picture, below' }).click();
  expect(await faultsOf(mirza)).toEqual([]);
  await mirza.page.keyboard.press('Escape');
  await expect(mirza.get('captions')).toHaveCount(1);
  // Lines of long ago are taken from the picture, and the checks before may have taken long.
  await abbasi.get('caption-field').focus();
  await abbasi.page.keyboard.type('It is a common interest.');
  await abbasi.page.keyboard.press('Enter');
  await expect(mirza.get('captions')).toContainText('It is a common interest.');
  expect(await faultsOf(mirza)).toEqual([]);
  await mirza.page.screenshot({ path: test.info().outputPath('over.png') });

  // Where no media come through the captions are offered alone, and nothing else is fetched.
  await hashmi.get('captions-offer-button').click({ timeout: 30_000 });
  await expect(hashmi.get('captions-only')).toBeVisible();
  await hashmi.get('caption-settings').click();
  await hashmi.get('captions-sheet').getByRole('button', { name: 'English' }).click();
  await hashmi.page.keyboard.press('Escape');
  await expect(hashmi.get('caption-line').last()).toContainText('It is a common interest.');
  await eventually('no media session is left', 10_000, () =>
    hashmi.page.evaluate(() => window.instruments.connections.every(({ connectionState }) => connectionState === 'closed')));
  await abbasi.get('caption-field').focus();
  await abbasi.page.keyboard.type('And peace in Afghanistan');
  await expect(hashmi.get('caption-partial')).toContainText('And peace in Afghanistan');
  expect(await faultsOf(hashmi)).toEqual([]);
  await hashmi.page.screenshot({ path: test.info().outputPath('only-phone-ur.png') });
  await hashmi.page.reload();
  await hashmi.get('listen-button').click();
  await expect(hashmi.get('captions-only')).toBeVisible();

  // Off the record the line ends by itself, and nothing more is taken, shown or kept.
  await kazi.act({ do: 'set-record-status', segment: 'plenary-address', status: 'off-the-record' });
  await expect(abbasi.get('desk-state')).toHaveAttribute('data-state', 'off');
  await expect(abbasi.get('caption-field')).toHaveValue('');
  await abbasi.get('caption-field').focus();
  await abbasi.page.keyboard.type('wormwood');
  await expect(abbasi.get('caption-field')).toHaveValue('');
  await expect(mirza.get('caption-line')).toHaveCount(0);
  await expect(mirza.get('caption-partial')).toHaveCount(0);
  await expect(mirza.get('captions')).toContainText('Off the record');
  await kazi.act({ do: 'set-record-status', segment: 'plenary-address', status: 'on-the-record' });
  await expect(abbasi.get('desk-state')).toHaveAttribute('data-state', 'ready');
  await expect(mirza.get('caption-line').last()).toContainText('And peace in Afghanistan');

  // The server stops and starts: what was typed meanwhile is kept, and sent by itself.
  await server.kill();
  await abbasi.page.keyboard.type('It is typed meanwhile.');
  await server.run();
  await expect(abbasi.get('desk-state')).toHaveAttribute('data-state', 'ready', { timeout: 20_000 });
  await expect(abbasi.get('caption-field')).toHaveValue('It is typed meanwhile.');
  await abbasi.page.keyboard.press('Enter');
  await expect(mirza.get('caption-line').last()).toContainText('It is typed meanwhile.', { timeout: 20_000 });

  const captions = await fetch(`${server.url}/api/events/${EVENT}/captions/en.vtt`, {
    headers: { authorization: `Bearer ${server.link(EVENT, 'abbasi').token}` },
  });
  expect(await captions.text()).toContain('<v Danila Ganich>Stability comes first.');

  const faults = people.flatMap((person) => [...person.faults, ...person.strangers]);
  for (const person of people) await person.leave();
  for (const socket of [kazi, ganich]) socket.close();
  await server.stop();
  for (const file of await readdir(server.folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = await readFile(join(file.parentPath, file.name));
    expect(bytes.includes('wormwood'), `off the record in ${file.name}`).toBe(false);
  }
  expect([...faults, ...(await server.finish())]).toEqual([]);
});

async function faultsOf(person: Person): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page: person.page }).setLegacyMode(true).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}
