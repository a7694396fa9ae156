/** Measures what docs/PERFORMANCE.md quotes and prints it. Nothing here passes or fails by speed. */
import { readFile, stat } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import { enterGreenRoom, listen } from './harness/acts.ts';
import { figure, spread } from './harness/figure.ts';
import { Live } from './harness/live.ts';
import { Person } from './harness/person.ts';
import { binary, PlenaryServer, referenceFile } from './harness/server.ts';
import { eventually } from './harness/wait.ts';

const EVENT = 'russian-diplomats-day';

/** How often each figure is taken. */
const TIMES = 10;

test('start and size', async () => {
  figure('size of the binary', (await stat(binary)).size / 1e6, 'MB');
  const server = await PlenaryServer.start([referenceFile]);
  const starts: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    await server.stop();
    starts.push(await server.run(5));
  }
  spread('start of the process to the first answered request', starts, 'ms');
  // What the first requests left behind is given back or kept within this time.
  await new Promise((done) => setTimeout(done, 5_000));
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  figure('memory idle (resident)', Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1e3, 'MB');
  expect(await server.finish()).toEqual([]);
});

test('joining, weight of the page, taking the floor', async () => {
  const server = await PlenaryServer.start([referenceFile]);
  const moderator = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  const speaker = await Person.launch('ganich', { voice: 'plenary' });
  const participant = await Person.launch('mirza');
  const link = server.link(EVENT, 'mirza').link;
  await moderator.act({ do: 'open-green-room' });
  await enterGreenRoom(speaker, server.link(EVENT, 'ganich').link);
  await moderator.act({ do: 'open-event' });
  await moderator.act({ do: 'next-segment' });

  const network = await participant.context.newCDPSession(participant.page);
  await network.send('Network.enable');
  const loads: { at: number; bytes: number }[] = [];
  network.on('Network.loadingFinished', ({ encodedDataLength }) =>
    loads.push({ at: Date.now(), bytes: encodedDataLength }));
  await listen(participant, link);
  await participant.hearsOnly('plenary');
  const voice_at = await participant.firstSound();
  const before = loads.filter(({ at }) => at <= voice_at);
  const weight = before.reduce((sum, { bytes }) => sum + bytes, 0);
  figure('first visit of a participant until the voice: bytes on the line', weight / 1000, 'KB');
  await network.detach();

  const joins: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    await participant.page.goto('about:blank');
    await listen(participant, link);
    await participant.sees('plenary');
    const media = await participant.page.evaluate(() => window.instruments.media);
    joins.push(media.first_frame_at! - media.posted_at!);
  }
  spread('join: POST of the offer to the first shown frame', joins, 'ms');

  const silences: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    await participant.hearsOnly('plenary');
    await moderator.act({ do: 'take-floor' });
    const taken_at = Date.now();
    await participant.hearsOnly();
    silences.push((await participant.lastSound()) - taken_at);
    await moderator.act({ do: 'give-floor', person: 'ganich', limit: null });
    await eventually('the floor is given', 5_000, () =>
      moderator.section('floor').holder?.person === 'ganich');
  }
  spread('floor taken: accepted command to silence at a participant', silences, 'ms');

  moderator.close();
  await speaker.leave();
  await participant.leave();
  expect(await server.finish()).toEqual([]);
});
