/**
 * Layers of every codec, as this Chromium sends them: simulcast, and layers within one stream. A
 * participant on a good line sees the whole picture; on a narrow one it gives way without standing
 * still, and grows again.
 */
import { expect, test } from '@playwright/test';
import { listen } from '../harness/acts.ts';
import { figure } from '../harness/figure.ts';
import { Line } from '../harness/line.ts';
import { Live } from '../harness/live.ts';
import { Person } from '../harness/person.ts';
import { PlenaryServer, referenceFile } from '../harness/server.ts';
import { livelyPicture } from '../harness/voices.ts';
import { eventually } from '../harness/wait.ts';

const EVENT = 'russian-diplomats-day';

/** Carries a voice and a smaller or slower picture, not the whole one. */
const NARROW_BPS = 350_000;

/** A layer is found, asked for and shown within this time on a machine that is busy encoding. */
const CHANGE_MS = 30_000;

/** The picture on the narrow line is watched for so long, once it has settled. */
const WATCH_MS = 3_000;

/** As WebRTC-SVC extends it; not yet in the types. */
type Encoding = RTCRtpEncodingParameters & { scalabilityMode: string };

/** How a picture is sent. */
interface Sending {
  codec: string;
  encodings: Encoding[];
}

/** Of a picture of this size Chromium sends no more than two sizes. */
const simulcast = (scalabilityMode: string): Encoding[] => [
  { rid: 's', scaleResolutionDownBy: 2, maxBitrate: 200_000, scalabilityMode },
  { rid: 'l', maxBitrate: 700_000, scalabilityMode },
];

const inOne = (scalabilityMode: string, maxBitrate = 900_000): Encoding[] => [
  { maxBitrate, scalabilityMode },
];

const sendings: Record<string, Sending> = {
  'VP8, simulcast with three frame rates': { codec: 'VP8', encodings: simulcast('L1T3') },
  'VP9, three sizes and frame rates in one stream': { codec: 'VP9', encodings: inOne('L3T3_KEY') },
  'AV1, three frame rates': { codec: 'AV1', encodings: inOne('L1T3', 400_000) },
  'AV1, simulcast': { codec: 'AV1', encodings: simulcast('L1T1') },
  'H264, three frame rates': { codec: 'H264', encodings: inOne('L1T3', 400_000) },
};

let server: PlenaryServer;
let line: Line;
let moderator: Live;
let speaker: Live;
let camera: Person;
let participant: Person;

test.describe.configure({ timeout: 60_000 });

test.beforeAll(async () => {
  server = await PlenaryServer.start([referenceFile]);
  line = await Line.open(server.port);
  moderator = await Live.connect(server.url, EVENT, server.link(EVENT, 'kazi').token);
  speaker = await Live.connect(server.url, EVENT, server.link(EVENT, 'ganich').token);
  camera = await Person.launch('camera', { voice: 'plenary', picture: await livelyPicture() });
  await camera.open(`${server.url}/no-such-page`);
  participant = await Person.launch('mirza');
  await line.carry(participant);
  await moderator.act({ do: 'open-green-room' });
  await speaker.act({ do: 'enter-stage' });
  await speaker.act({ do: 'set-microphone', on: true });
  await speaker.act({ do: 'set-camera', on: true });
  for (const command of ['open-event', 'next-segment'] as const) {
    await moderator.act({ do: command });
  }
  await listen(participant, server.link(EVENT, 'mirza').link);
});

test.afterAll(async () => {
  for (const person of [camera, participant]) await person?.leave();
  for (const live of [moderator, speaker]) live?.close();
  await line?.close();
  expect(await server.finish()).toEqual([]);
});

for (const [name, sending] of Object.entries(sendings)) {
  test(name, async () => {
    line.become({});
    await publish(sending);
    await showsTheWhole(`${name}: the whole picture`);
    line.become({ rate_bps: NARROW_BPS });
    await pause(WATCH_MS);
    const before = await picture();
    await pause(WATCH_MS);
    const after = await picture();
    figure(`${name}: width on a narrow line`, after.width, 'px');
    const rate = (after.frames - before.frames) / (WATCH_MS / 1000);
    figure(`${name}: pictures on a narrow line`, rate, 'a second');
    expect(rate, 'the picture goes on').toBeGreaterThan(2);
    line.become({});
    await showsTheWhole(`${name}: the whole picture again`);
  });
}

/** Waits until the participant's picture moves in the largest size that is sent. */
async function showsTheWhole(what: string): Promise<void> {
  await expect(participant.get('main-picture').first()).toBeVisible();
  let last = await picture();
  const took_ms = await eventually(what, CHANGE_MS, async () => {
    const now = await picture();
    const moves = now.frames > last.frames;
    last = now;
    return moves && now.width === Math.max(...(await sent()).map(({ width }) => width));
  }, 500).catch(async (error: Error) => {
    const [out, arriving] = [JSON.stringify(await sent()), await participant.pictures()];
    throw new Error(`${error.message}; ${last.width} px of ${out}; ${arriving}`);
  });
  figure(what, took_ms, 'ms');
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** What the main picture of the participant shows. */
function picture(): Promise<{ width: number; frames: number }> {
  return participant.get('main-picture').first().evaluate((element) => {
    const video = element as HTMLVideoElement;
    return { width: video.videoWidth, frames: video.getVideoPlaybackQuality().totalVideoFrames };
  });
}

/** What the camera's page sends; a browser makes its picture smaller by itself when it must. */
function sent(): Promise<{ width: number; frames: number; asked_for: number }[]> {
  return camera.page.evaluate(async () => {
    const { publishing } = window as unknown as { publishing: { connection: RTCPeerConnection } };
    return [...(await publishing.connection.getStats()).values()]
      .filter(({ type, kind, framesSent }) => type === 'outbound-rtp' && kind === 'video' && framesSent > 0)
      .map((one) => ({ width: one.frameWidth, frames: one.framesSent, asked_for: one.pliCount }));
  });
}

/** Publishes the camera's picture and voice by WHIP, in the place of what was published before. */
async function publish(sending: Sending): Promise<void> {
  const { token } = server.link(EVENT, 'ganich');
  await camera.page.evaluate(async ({ event, token, codec, encodings }) => {
    const page = window as unknown as { publishing?: { connection: RTCPeerConnection; at: string } };
    const authorization = { authorization: `Bearer ${token}` };
    if (page.publishing) {
      page.publishing.connection.close();
      await fetch(page.publishing.at, { method: 'DELETE', headers: authorization });
    }
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: true,
      video: { width: 640, height: 360 },
    });
    const connection = new RTCPeerConnection();
    connection.addTransceiver(stream.getAudioTracks()[0]!, { direction: 'sendonly' });
    const video = connection.addTransceiver(stream.getVideoTracks()[0]!, {
      direction: 'sendonly',
      sendEncodings: encodings,
    });
    const { codecs } = RTCRtpSender.getCapabilities('video')!;
    video.setCodecPreferences(codecs.filter(({ mimeType }) =>
      [`video/${codec}`, 'video/rtx'].some((known) => known.toLowerCase() === mimeType.toLowerCase())));
    await connection.setLocalDescription();
    const answer = await fetch(`/whip/${event}`, {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/sdp' },
      body: connection.localDescription!.sdp,
    });
    if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
    page.publishing = { connection, at: answer.headers.get('location')! };
    await connection.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  }, { event: EVENT, token, ...sending });
}
