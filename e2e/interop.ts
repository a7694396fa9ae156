/**
 * Clients that are not Chromium: they publish with a speaker's link to a participant in Chromium, and
 * receive with a participant's link what a speaker in Chromium says and shows. Tone and colour
 * prove who is heard and seen. A client that is not installed is skipped, not failed.
 */
import { execFileSync } from 'node:child_process';
import { expect, test } from '@playwright/test';
import { enterGreenRoom, listen } from './harness/acts.ts';
import { Firefox, firefoxMissing } from './harness/firefox.ts';
import { Live } from './harness/live.ts';
import { aiortc, gstreamer, Outside } from './harness/outside.ts';
import { Person } from './harness/person.ts';
import { PlenaryServer, referenceFile } from './harness/server.ts';
import { eventually } from './harness/wait.ts';

const EVENT = 'russian-diplomats-day';

let server: PlenaryServer;

/** People without a screen. The moderator runs the event; with the links of the others clients
 * publish and receive. */
let kazi: Live;
let ganich: Live;
let hashmi: Live;

/** Speaks and shows in Chromium; the participant listens and watches there. */
let sehgal: Person;
let mirza: Person;

const token = (person: string) => server.link(EVENT, person).token;
const give = (person: string) => kazi.act({ do: 'give-floor', person, limit: null });

test.beforeAll(async () => {
  server = await PlenaryServer.start([referenceFile]);
  kazi = await Live.connect(server.url, EVENT, token('kazi'));
  await kazi.act({ do: 'open-green-room' });
  sehgal = await Person.launch('sehgal', { voice: 'concluding' });
  mirza = await Person.launch('mirza', { browser: sehgal.browser });
  await enterGreenRoom(sehgal, server.link(EVENT, 'sehgal').link);
  await kazi.act({ do: 'open-event' });
  hashmi = await Live.connect(server.url, EVENT, token('hashmi'));
  ganich = await Live.connect(server.url, EVENT, token('ganich'));
  await ganich.act({ do: 'enter-stage' });
  await ganich.act({ do: 'set-microphone', on: true });
  await ganich.act({ do: 'set-camera', on: true });
  await listen(mirza, server.link(EVENT, 'mirza').link);
});

test.beforeEach('the speaker in Chromium has the floor', async () => {
  await give('sehgal');
});

test.afterEach('nobody has it', async () => {
  await kazi.act({ do: 'take-floor' });
});

test.afterAll(async () => {
  const people = [mirza, sehgal].filter(Boolean);
  const faults = people.flatMap((person) => [...person.faults, ...person.strangers]);
  for (const live of [ganich, hashmi, kazi]) live?.close();
  for (const person of people) await person.leave();
  expect({ faults, server: await server.finish() }).toEqual({ faults: [], server: [] });
});

test('aiortc receives VP8 and Opus, and publishes them', async () => {
  const client = aiortc();
  test.skip(client.missing !== null, client.missing ?? '');
  const receiver = Outside.receive(client, `${server.url}/whep/${EVENT}`, token('hashmi'));
  const publisher = Outside.publish(client, `${server.url}/whip/${EVENT}`, token('ganich'), 'plenary');
  await receiver.connects();
  await receiver.hearsOnly('concluding');
  await receiver.sees('concluding');
  await publisher.connects();
  await give('ganich');
  await mirza.hearsOnly('plenary');
  await mirza.sees('plenary');
  await receiver.hearsOnly('plenary');
  await receiver.sees('plenary');
  expect(receiver.last).toMatchObject({ lost: 0, size: [640, 360] });
  await publisher.leave();
  await receiver.leave();
});

test('GStreamer receives VP8 and Opus', async () => {
  const client = gstreamer();
  test.skip(client.missing !== null, client.missing ?? '');
  const receiver = Outside.receive(client, `${server.url}/whep/${EVENT}`, token('hashmi'));
  await receiver.connects();
  await receiver.hearsOnly('concluding');
  await receiver.sees('concluding');
  expect(receiver.last).toMatchObject({ lost: 0 });
  await receiver.leave();
});

test('Firefox listens and watches, then speaks and shows, on the pages that people use', async () => {
  test.skip(firefoxMissing !== null, firefoxMissing ?? '');
  // A page that may use no device tells Firefox's address only on the way to everywhere, so there
  // has to be one. It leads nowhere all the same.
  execFileSync('ip', ['route', 'add', 'default', 'dev', 'nowhere']);
  const firefox = await Firefox.launch('Firefox', 'plenary');
  await firefox.open(server.link(EVENT, 'hashmi').link);
  await firefox.click('listen-button');
  await firefox.hears();
  await firefox.sees('concluding');

  await firefox.open(server.link(EVENT, 'ganich').link);
  await firefox.click('enter-green-room');
  await give('ganich');
  await mirza.hearsOnly('plenary');
  await expect(mirza.get('main-picture')).toHaveAttribute('data-person', 'ganich', { timeout: 20_000 });
  await mirza.framesGoOn('main-picture');
  const layers = () => firefox.evaluate(sentLayers);
  await eventually('Firefox sends more than one layer', 15_000, async () => (await layers()).length > 1);
  console.log(`layers of Firefox: ${JSON.stringify(await layers())}`);
  await firefox.leave();
  execFileSync('ip', ['route', 'del', 'default', 'dev', 'nowhere']);
});

/** Runs in the page: the layers whose pictures leave. */
async function sentLayers(): Promise<string[]> {
  const { connections } = window as unknown as { connections: RTCPeerConnection[] };
  const sent: string[] = [];
  for (const connection of connections.filter(({ connectionState }) => connectionState === 'connected')) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type === 'outbound-rtp' && report.kind === 'video' && report.framesEncoded > 0) {
        sent.push(`${report.rid} ${report.frameWidth}x${report.frameHeight}`);
      }
    }
  }
  return sent;
}
