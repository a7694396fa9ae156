/**
 * Through firewalls: what is left open carries the event. Each test closes more than the one before.
 */
import { expect, test } from '@playwright/test';
import { act, enterGreenRoom, listen } from '../harness/acts.ts';
import { figure } from '../harness/figure.ts';
import { block, unblock, watchWays, ways } from '../harness/firewall.ts';
import { Person } from '../harness/person.ts';
import { PlenaryServer, referenceFile } from '../harness/server.ts';

const EVENT = 'russian-diplomats-day';

test.afterEach(() => unblock());

/** A moderator who speaks and a participant who listens; the event is open. */
async function open(server: PlenaryServer): Promise<{ kazi: Person; mirza: Person }> {
  const kazi = await Person.launch('kazi', { voice: 'moderator' });
  const mirza = await Person.launch('mirza');
  for (const person of [kazi, mirza]) await watchWays(person.page);
  await enterGreenRoom(kazi, server.link(EVENT, 'kazi').link);
  await act(kazi, 'open-green-room');
  await act(kazi, 'open-event');
  return { kazi, mirza };
}

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
  for (const person of [kazi, mirza]) {
    for (const way of await ways(person.page)) expect(way.protocol).toBe('tcp');
  }
  expect(await ways(mirza.page)).not.toHaveLength(0);
  await finish(server, kazi, mirza);
});
