/** Bad input gets a clear answer and disturbs nobody. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { enterGreenRoom, listen } from '../harness/acts.ts';
import { Live } from '../harness/live.ts';
import { Person } from '../harness/person.ts';
import { plenary, PlenaryServer, programmeFile, referenceFile } from '../harness/server.ts';

const EVENT = 'russian-diplomats-day';

test.describe.configure({ mode: 'serial' });

let server: PlenaryServer;
let moderator: Live;
let speaker: Person;
let participant: Person;

test.beforeAll(async () => {
  server = await PlenaryServer.start([referenceFile]);
  moderator = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  speaker = await Person.launch('ganich', { voice: 'plenary' });
  participant = await Person.launch('mirza');
});

test.afterAll(async () => {
  for (const person of [speaker, participant]) await person?.leave();
  moderator?.close();
  expect(await server.finish()).toEqual([]);
});

test('a link that is no link says so, and offers nothing else', async () => {
  const { page } = participant;
  await participant.open(`${server.url}/e/${EVENT}/join#nonsense`);
  await expect(participant.get('full-notice')).toHaveAttribute('data-kind', 'bad-link');
  await expect(page.getByTestId('enter-green-room')).toHaveCount(0);
  await expect(page.getByTestId('listen-button')).toHaveCount(0);
  await participant.open(`${server.url}/e/${EVENT}/join`);
  await expect(participant.get('full-notice')).toBeVisible();
});

test('a revoked link is as good as none', async () => {
  const { link, token } = server.link(EVENT, 'hashmi');
  const revoked = await plenary('event', 'revoke', EVENT, 'hashmi', '--data', server.folder);
  expect(revoked, revoked.stderr).toMatchObject({ code: 0 });
  const answer = await fetch(`${server.url}/api/events/${EVENT}/join`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ error: 'bad-token', message: expect.any(String) });
  await participant.open(link);
  await expect(participant.get('full-notice')).toHaveAttribute('data-kind', 'bad-link');
  const live = await Live.connect(server.url, EVENT, token);
  expect(live.end).toBe('bad-token');
  live.close();
});

test('an event that does not exist says so', async () => {
  const answer = await fetch(`${server.url}/api/events/no-such-event`);
  expect(answer.status).toBe(404);
  expect(await answer.json()).toMatchObject({ error: expect.any(String), message: expect.any(String) });
  await participant.open(`${server.url}/e/no-such-event`);
  await expect(participant.page.getByRole('main')).toBeVisible();
  await expect(participant.page.getByRole('heading', { level: 1 })).toBeVisible();
});

test('the event goes live', async () => {
  await moderator.act({ do: 'open-green-room' });
  await enterGreenRoom(speaker, server.link(EVENT, 'ganich').link);
  await moderator.act({ do: 'open-event' });
  await moderator.act({ do: 'next-segment' });
  await listen(participant, server.link(EVENT, 'mirza').link);
  await participant.hearsOnly('plenary');
  await participant.sees('plenary');
});

test('a participant who publishes is refused at the server', async () => {
  const { token } = server.link(EVENT, 'mirza');
  const answer = await participant.page.evaluate(async ({ event, token }) => {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true });
    const peer = new RTCPeerConnection();
    for (const track of media.getTracks()) peer.addTrack(track, media);
    await peer.setLocalDescription();
    const answer = await fetch(`/whip/${event}`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', authorization: `Bearer ${token}` },
      body: peer.localDescription!.sdp,
    });
    for (const track of media.getTracks()) track.stop();
    peer.close();
    return { status: answer.status, body: await answer.json() };
  }, { event: EVENT, token });
  expect(answer.status).toBe(403);
  expect(answer.body).toMatchObject({ error: expect.any(String), message: expect.any(String) });
});

const media = (path: string, person: string | undefined, body: string | Buffer, type = 'application/sdp') =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': type,
      ...(person ? { authorization: `Bearer ${server.link(EVENT, person).token}` } : {}),
    },
    body: new Uint8Array(Buffer.from(body)),
  });

/** A correct beginning of an offer that offers nothing. */
const EMPTY_OFFER = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';

for (const { what, path, person, body, type, status } of [
  { what: 'words instead of an offer', path: 'whip', person: 'ganich', body: 'hello', status: 400 },
  { what: 'words instead of an offer', path: 'whep', person: 'mirza', body: 'hello', status: 400 },
  { what: 'bytes that are no text', path: 'whep', person: 'mirza', body: Buffer.from([0xff, 0xfe, 0, 1]), status: 400 },
  { what: 'an offer cut in the middle', path: 'whip', person: 'ganich', body: `${EMPTY_OFFER}m=audio 9 UDP/T`, status: /400|422/ },
  { what: 'an offer of nothing', path: 'whip', person: 'ganich', body: EMPTY_OFFER, status: /400|422/ },
  { what: 'an offer of a megabyte', path: 'whip', person: 'ganich', body: EMPTY_OFFER + 'a=x\r\n'.repeat(220_000), status: 413 },
  { what: 'an offer as JSON', path: 'whip', person: 'ganich', body: '{}', type: 'application/json', status: 415 },
  { what: 'an offer without a token', path: 'whip', person: undefined, body: EMPTY_OFFER, status: 401 },
] as { what: string; path: string; person?: string; body: string | Buffer; type?: string; status: number | RegExp }[]) {
  test(`${path} answers ${what} with ${status}`, async () => {
    const answer = await media(`/${path}/${EVENT}`, person, body, type);
    expect(String(answer.status)).toMatch(status instanceof RegExp ? status : new RegExp(`^${status}$`));
    expect(await answer.json()).toMatchObject({ error: expect.any(String), message: expect.stringMatching(/\w+ \w+.*\.$/) });
  });
}

test('an oversized and a malformed registration are refused with a sentence', async () => {
  const register = (body: string) =>
    fetch(`${server.url}/api/events/${EVENT}/registrations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
  const large = await register(JSON.stringify({ name: 'x'.repeat(2_000_000), affiliation: null, country: null, language: 'en' }));
  expect(large.status).toBe(413);
  const broken = await register('{"name": ');
  expect(broken.status).toBe(400);
  expect(await broken.json()).toMatchObject({ message: expect.any(String) });
});

test('binary noise on the UDP port disturbs nobody', async () => {
  const heard_from = Date.now();
  const socket = createSocket('udp4');
  const send = (bytes: Buffer) =>
    new Promise<void>((done) => socket.send(bytes, server.port, '127.0.0.1', () => done()));
  // Bytes of every kind of packet that the port takes (RFC 7983): STUN, DTLS, RTP, TURN, nothing.
  for (let count = 0; count < 20_000; count++) {
    const bytes = randomBytes(1 + (count % 1400));
    bytes[0] = [0, 1, 20, 22, 63, 64, 128, 144, 200, 255][count % 10]!;
    if (count % 10 === 0 && bytes.length >= 20) bytes.writeUInt32BE(0x2112a442, 4);
    await send(bytes);
  }
  socket.close();
  await participant.hearsOnly('plenary');
  await participant.framesGoOn('main-picture');
  const until = Date.now();
  expect(await participant.heardBetween(heard_from, until)).toEqual([3700]);
  expect((await fetch(`${server.url}/api/health`)).ok).toBe(true);
  expect(participant.faults).toEqual([]);
});

test('a socket that sends nonsense is closed with the reason, and nobody else is', async () => {
  const live = await Live.connect(server.url, EVENT, server.link(EVENT, 'sehgal').token);
  live.sendRaw('{"type":"command","id":1,"command":{"do":"no-such-thing"}}');
  await live.until('the server ends the socket', ({ end }) => end === 'bad-message');
  const refused = await moderator.ask({ do: 'resume-event' });
  expect(refused).toMatchObject({ type: 'refused', refusal: 'not-suspended' });
  await participant.framesGoOn('main-picture');
});

test('a broken programme file is answered with file, line and column of every error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plenary-e2e-file-'));
  const text = await readFile(referenceFile, 'utf8');
  const broken = text
    .replace('kind = "plenary-address"', 'knd = "plenary-address"')
    .replace('floor = ["sehgal"]', 'floor = ["segal"]')
    .replace('country = "RU"', 'country = "Russia"');
  const file = await programmeFile(folder, 'broken.toml', broken);
  const checked = await plenary('event', 'check', file);
  const told = checked.stderr + checked.stdout;
  expect(checked.code).not.toBe(0);
  const lineOf = (part: string) => broken.slice(0, broken.indexOf(part)).split('\n').length;
  for (const [part, word] of [
    ['knd = ', 'kind'],
    ['"segal"', 'sehgal'],
    ['"Russia"', 'country'],
  ] as const) {
    expect(told).toMatch(new RegExp(`broken\\.toml:${lineOf(part)}:\\d+`));
    expect(told).toContain(word);
  }
  const created = await plenary('event', 'create', file, '--data', folder);
  expect(created.code).toBe(checked.code);
  const listed = await plenary('event', 'list', '--data', folder, '--json');
  expect(listed.stdout).not.toContain('russian-diplomats-day');
  await rm(folder, { recursive: true });
});
