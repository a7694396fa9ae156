/**
 * The default installation contacts nobody. The whole suite runs in a network that leads nowhere
 * (alone.sh), so that whatever is needed from outside would be missed; here the kernel also tells
 * every address that the server itself tried to reach, and the browser every host a page asked for.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { enterGreenRoom, listen } from '../harness/acts.ts';
import { Live } from '../harness/live.ts';
import { Person } from '../harness/person.ts';
import { PlenaryServer, referenceFile } from '../harness/server.ts';

const EVENT = 'russian-diplomats-day';

test('neither the server nor any page contacts another machine', async () => {
  expect(process.env['PLENARY_ALONE'], 'started by `npm test`, in a network of its own').toBe('1');
  const folder = await mkdtemp(join(tmpdir(), 'plenary-e2e-trace-'));
  const trace = join(folder, 'trace');
  const calls = 'trace=connect,sendto,sendmsg,sendmmsg,close';
  const strace = ['strace', '-f', '-qq', '--seccomp-bpf', '-e', calls, '-e', 'signal=none', '-o', trace];
  const server = await PlenaryServer.start([referenceFile], strace);
  const link = (person: string) => server.link(EVENT, person).link;
  const moderator = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  const speaker = await Person.launch('ganich', { voice: 'plenary' });
  const participant = await Person.launch('mirza');

  for (const language of ['en', 'ru', 'ur']) {
    await participant.open(`${server.url}/e/${EVENT}?lang=${language}`);
    await expect(participant.page.locator('html')).toHaveAttribute('lang', language);
    await participant.page.evaluate(() => document.fonts.ready.then(() => undefined));
  }
  await moderator.act({ do: 'open-green-room' });
  await enterGreenRoom(speaker, link('ganich'));
  await moderator.act({ do: 'open-event' });
  await moderator.act({ do: 'next-segment' });
  await listen(participant, link('mirza'));
  await participant.hearsOnly('plenary');
  await participant.sees('plenary');
  await moderator.act({ do: 'close-event' });

  moderator.close();
  for (const person of [speaker, participant]) {
    expect(person.strangers).toEqual([]);
    await person.leave();
  }
  expect(await server.finish()).toEqual([]);

  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const here = new Set(own.map(({ address }) => address));
  const reached = addresses(await readFile(trace, 'utf8'));
  expect(reached.size, 'the trace shows the media packets at least').toBeGreaterThan(0);
  expect([...reached].filter((address) => !here.has(address))).toEqual([]);
  await rm(folder, { recursive: true });
});

/** Every internet address that the traced calls reach. */
function addresses(trace: string): Set<string> {
  const found = new Set<string>();
  const lines = trace.split('\n');
  lines.forEach((line, index) => {
    if (onlyAsksForRoute(line, lines.slice(index + 1))) return;
    for (const [, address] of line.matchAll(/sin_addr=inet_addr\("([^"]+)"\)/g)) found.add(address!);
    for (const [, address] of line.matchAll(/inet_pton\(AF_INET6, "([^"]+)", &sin6_addr\)/g)) {
      found.add(address!.replace(/^::ffff:/, ''));
    }
  });
  return found;
}

/**
 * To learn its own address the server connects a datagram socket towards an address of the ranges
 * for documentation (RFC 5737, RFC 3849), asks for the socket's own end, and closes it. That sends
 * nothing, which the call that follows on the socket proves.
 */
function onlyAsksForRoute(line: string, later: string[]): boolean {
  const asked = /connect\((\d+), .*htons\(9\).*"(192\.0\.2\.1|2001:db8::1)"/.exec(line);
  if (asked === null) return false;
  const next = later.find((each) => new RegExp(`\\b\\w+\\(${asked[1]}[,)]`).test(each));
  return next !== undefined && /\b(close|connect)\(/.test(next);
}
