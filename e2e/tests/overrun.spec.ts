/** A segment of one minute, the shortest that a programme can have, runs over its time. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { enterGreenRoom, listen } from '../harness/acts.ts';
import { Live } from '../harness/live.ts';
import { Person } from '../harness/person.ts';
import { PlenaryServer, programmeFile, referenceFile } from '../harness/server.ts';

const EVENT = 'russian-diplomats-day';

test('a segment that lasts too long says so, in words, to the moderator and to the audience', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plenary-e2e-overrun-'));
  const text = await readFile(referenceFile, 'utf8');
  const file = await programmeFile(folder, 'short.toml', text.replace('minutes = 10', 'minutes = 1'));
  const server = await PlenaryServer.start([file]);
  const live = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  await live.act({ do: 'open-event' });
  const moderator = await Person.launch('kazi', { voice: 'moderator' });
  const participant = await Person.launch('mirza', { browser: moderator.browser });
  await enterGreenRoom(moderator, server.link(EVENT, 'kazi').link);
  await listen(participant, server.link(EVENT, 'mirza').link);
  const clock = moderator.get('clock-segment');
  await expect(clock).toBeVisible();
  await expect(clock).not.toContainText('over');
  await expect(clock).toContainText(/over/, { timeout: 70_000 });
  await expect(participant.page.getByText(/\d+ minutes? over|over by/).filter({ visible: true }).first()).toBeVisible();
  // More time makes it right again.
  await live.act({ do: 'extend-segment', by: 300_000 });
  await expect(clock).not.toContainText('over');
  live.close();
  await participant.leave();
  await moderator.leave();
  expect(await server.finish()).toEqual([]);
  await rm(folder, { recursive: true });
});
