/**
 * Through firewalls: what is left open carries the event. Each test closes more than the one before.
 */
import { expect, test } from '@playwright/test';
import { act, confirm, control, enterGreenRoom, listen } from '../harness/acts.ts';
import { figure } from '../harness/figure.ts';
import { behindFirewall, block, fromBehind, unblock, watchWays, type Way, ways } from '../harness/firewall.ts';
import { certificate, Gate, INSIDE } from '../harness/gate.ts';
import { chromiumPath, Person } from '../harness/person.ts';
import { freePort, PlenaryServer, referenceFile } from '../harness/server.ts';

const EVENT = 'russian-diplomats-day';

test.afterEach(() => unblock());

/** A moderator who speaks and a participant who listens; the event is open. */
async function open(server: PlenaryServer, flags: string[] = []): Promise<{ kazi: Person; mirza: Person }> {
  const kazi = await Person.launch('kazi', { voice: 'moderator', flags });
  const mirza = await Person.launch('mirza', { flags });
  for (const person of [kazi, mirza]) await watchWays(person.page);
  await enterGreenRoom(kazi, server.link(EVENT, 'kazi').link);
  await act(kazi, 'open-green-room');
  await act(kazi, 'open-event');
  return { kazi, mirza };
}

/** All media of a person goes this way. */
async function expectOnly(person: Person, way: Partial<Way>): Promise<void> {
  const found = await ways(person.page);
  expect(found).not.toHaveLength(0);
  for (const each of found) expect(each).toMatchObject(way);
}

/** How many connections a page has begun. */
const connections = (person: Person) => person.page.evaluate(() => window.instruments.connections.length);

async function finish(server: PlenaryServer, ...people: Person[]): Promise<void> {
  const faults = people.flatMap((person) => [...person.faults, ...person.strangers]);
  for (const person of people) await person.leave();
  expect({ faults, server: await server.finish() }).toEqual({ faults: [], server: [] });
}

test('without UDP sound and picture go over TCP on the same port, both ways', async () => {
  const server = await PlenaryServer.start([referenceFile]);
  block(`udp dport ${server.port}`, `udp sport ${server.port}`);
  const { kazi, mirza } = await open(server);
  const began = Date.now();
  await listen(mirza, server.link(EVENT, 'mirza').link);
  await mirza.hearsOnly('moderator');
  figure('TCP: from the button to the first sound', (await mirza.firstSound()) - began, 'ms');
  await mirza.sees('moderator');
  for (const person of [kazi, mirza]) await expectOnly(person, { protocol: 'tcp' });
  await finish(server, kazi, mirza);
});

for (const { name, blocked, relay } of [
  { name: 'UDP', blocked: [], relay: 'udp' },
  { name: 'TCP', blocked: ['udp'], relay: 'tcp' },
]) {
  test(`where only the server's name can be reached, media goes over the relay, by ${name}`, async () => {
    // The announced address leads nowhere: no direct way connects.
    const server = await PlenaryServer.start([referenceFile], [], { announce: '192.0.2.99' });
    block(...blocked.flatMap((kind) => [`${kind} dport ${server.port}`, `${kind} sport ${server.port}`]));
    const { kazi, mirza } = await open(server);
    await listen(mirza, server.link(EVENT, 'mirza').link);
    await mirza.hearsOnly('moderator');
    await mirza.sees('moderator');
    for (const person of [kazi, mirza]) {
      await expectOnly(person, { relay });
    }
    await finish(server, kazi, mirza);
  });
}

test('where only TLS gets out, media goes over the relay inside TLS', async () => {
  const tls = await certificate();
  const port = await freePort();
  const gate = await Gate.only('tls', port);
  const server = await PlenaryServer.start([referenceFile], [], {
    port,
    publicUrl: `https://localhost:${gate.port}`,
    announce: '192.0.2.99',
    tls,
  });
  // Who is not the gate does not reach the server.
  block(`udp dport ${port}`, `udp sport ${port}`, `ip daddr != ${INSIDE} tcp dport ${port}`);
  const { kazi, mirza } = await open(server, [tls.flag]);
  const began = Date.now();
  await listen(mirza, server.link(EVENT, 'mirza').link);
  await mirza.hearsOnly('moderator');
  figure('TURN/TLS: from the button to the first sound', (await mirza.firstSound()) - began, 'ms');
  await mirza.sees('moderator');
  expect(gate.passed).toBeGreaterThan(0);
  for (const person of [kazi, mirza]) {
    await expectOnly(person, { relay: 'tls' });
  }
  // Sending and receiving begin together: the second to find out used to wait for its time to run
  // out, for the first had asked for the relays already.
  expect(await connections(kazi)).toBe(2);
  expect(await connections(mirza)).toBe(1);
  await finish(server, kazi, mirza);
  await gate.close();
});

test('where nothing but HTTPS goes through, the voice comes over a WebSocket, and the picture when it can', async () => {
  const server = await PlenaryServer.start([referenceFile]);
  // The participant's network reaches a gate that lets only HTTP through; the moderator's is open.
  const gate = await Gate.only('http', server.port);
  block(`${fromBehind} udp dport != 53`, `${fromBehind} tcp dport ${server.port}`);
  const kazi = await Person.launch('kazi', { voice: 'moderator' });
  await enterGreenRoom(kazi, server.link(EVENT, 'kazi').link);
  await act(kazi, 'open-green-room');
  await act(kazi, 'open-event');

  const mirza = await Person.launch('mirza', { executable: await behindFirewall(chromiumPath) });
  await watchWays(mirza.page);
  const link = new URL(server.link(EVENT, 'mirza').link);
  link.port = String(gate.port);
  const began = Date.now();
  await listen(mirza, link.href);
  await expect(mirza.get('last-resort')).toBeVisible({ timeout: 30_000 });
  await mirza.hearsOnly('moderator');
  figure('WebSocket: from the button to the first sound', (await mirza.firstSound()) - began, 'ms');
  expect(await ways(mirza.page)).toEqual([]);

  // Whom nobody may hear is not heard this way either.
  await control(kazi, 'suspend-event').click();
  await confirm(kazi);
  await mirza.hearsOnly();
  await act(kazi, 'resume-event');
  await mirza.hearsOnly('moderator');

  unblock();
  await mirza.sees('moderator');
  await expect(mirza.get('last-resort')).toHaveCount(0);
  await mirza.hearsOnly('moderator');
  await finish(server, kazi, mirza);
  await gate.close();
});

test('a connection is checked before the event: every way, and how good the best one is', async () => {
  const server = await PlenaryServer.start([referenceFile]);
  const sehgal = await Person.launch('sehgal', { voice: 'concluding' });
  await sehgal.open(server.link(EVENT, 'sehgal').link);
  await sehgal.get('check-connection').click();
  await expect(sehgal.get('verdict')).toHaveAttribute('data-verdict', 'direct', { timeout: 40_000 });
  for (const way of ['udp', 'tcp', 'relay-udp', 'relay-tcp', 'socket']) {
    await expect(sehgal.get(`way-${way}`)).toHaveAttribute('data-state', 'good');
  }
  await expect(sehgal.get('way-relay-tls').locator('[data-trial]')).toHaveAttribute('data-trial', 'absent');
  const [received, sent] = await sehgal.get('measured').locator('[data-bps]').evaluateAll((all) =>
    all.map((each) => Number((each as HTMLElement).dataset['bps'])),
  );
  figure('check: received over the best way', received! / 1_000, 'kbit/s');
  figure('check: can be sent', sent! / 1_000, 'kbit/s');
  expect(received).toBeGreaterThan(100_000);
  expect(sent).toBeGreaterThan(100_000);
  await expect(sehgal.get('ask')).toHaveCount(0);
  await finish(server, sehgal);
});

test('where nothing but HTTPS goes through, the check says what to ask for', async () => {
  const server = await PlenaryServer.start([referenceFile]);
  const gate = await Gate.only('http', server.port);
  block(`${fromBehind} udp dport != 53`, `${fromBehind} tcp dport ${server.port}`);
  const mirza = await Person.launch('mirza', { executable: await behindFirewall(chromiumPath) });
  const { token } = server.link(EVENT, 'mirza');
  await mirza.open(`http://localhost:${gate.port}/e/${EVENT}/check#${token}`);
  await expect(mirza.get('verdict')).toHaveAttribute('data-verdict', 'voice', { timeout: 60_000 });
  await expect(mirza.get('ask')).toContainText(`${gate.port}`);
  await expect(mirza.get('way-socket')).toHaveAttribute('data-state', 'good');
  await finish(server, mirza);
  await gate.close();
});
