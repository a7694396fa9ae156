/** Behind nginx as docs/DEPLOYMENT.md recommends it: HTTP through the proxy, media past it. */
import { expect, test } from '@playwright/test';
import { act, enterGreenRoom, listen } from '../harness/acts.ts';
import { watchWays, ways } from '../harness/firewall.ts';
import { certificate } from '../harness/gate.ts';
import { Person } from '../harness/person.ts';
import { Proxy } from '../harness/proxy.ts';
import { freePort, PlenaryServer, referenceFile } from '../harness/server.ts';

const EVENT = 'russian-diplomats-day';

test('the event runs through nginx, with sound and picture by UDP past it', async () => {
  const [front, port, tls] = [await freePort(), await freePort(), await certificate()];
  const publicUrl = `https://localhost:${front}`;
  const server = await PlenaryServer.start([referenceFile], [], { port, publicUrl });
  const nginx = await Proxy.start(front, port, tls);
  const kazi = await Person.launch('kazi', { voice: 'moderator', flags: [tls.flag] });
  const mirza = await Person.launch('mirza', { flags: [tls.flag] });
  for (const person of [kazi, mirza]) await watchWays(person.page);
  await enterGreenRoom(kazi, server.link(EVENT, 'kazi').link);
  await act(kazi, 'open-green-room');
  await act(kazi, 'open-event');
  await listen(mirza, server.link(EVENT, 'mirza').link);
  await mirza.hearsOnly('moderator');
  await mirza.sees('moderator');
  for (const person of [kazi, mirza]) {
    const found = await ways(person.page);
    expect(found).not.toHaveLength(0);
    for (const way of found) expect(way).toMatchObject({ protocol: 'udp', kind: 'host' });
  }
  const faults = [kazi, mirza].flatMap((person) => [...person.faults, ...person.strangers]);
  for (const person of [kazi, mirza]) await person.leave();
  await nginx.stop();
  expect({ faults, server: await server.finish() }).toEqual({ faults: [], server: [] });
});
