/**
 * The instruments themselves: a page that calls itself, without any server of ours. Should a new
 * Chromium swallow the pilot tones or the colours, this fails and not the product.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@playwright/test';
import { figure } from '../harness/figure.ts';
import { Person } from '../harness/person.ts';
import type { VoiceName } from '../harness/voices.ts';

const PAGE = `<!doctype html><title>A call with oneself</title>
<video data-testid="main-picture" muted autoplay></video><audio autoplay></audio>
<script type="module">
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const [here, there] = [new RTCPeerConnection(), new RTCPeerConnection()];
  here.onicecandidate = ({ candidate }) => candidate && there.addIceCandidate(candidate);
  there.onicecandidate = ({ candidate }) => candidate && here.addIceCandidate(candidate);
  there.ontrack = ({ track }) => {
    document.querySelector(track.kind).srcObject = new MediaStream([track]);
  };
  for (const track of media.getTracks()) here.addTrack(track, media);
  await here.setLocalDescription();
  await there.setRemoteDescription(here.localDescription);
  await there.setLocalDescription();
  await here.setRemoteDescription(there.localDescription);
  window.silence = () => here.getSenders().find(({ track }) => track.kind === 'audio').replaceTrack(null);
</script>`;

let server: Server;

test.beforeAll(async () => {
  server = createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html');
    answer.end(PAGE);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});

test.afterAll(() => server.close());

for (const name of ['moderator', 'plenary', 'concluding', 'participant'] satisfies VoiceName[]) {
  test(`${name} is known by tone and colour through the browser's processing and codecs`, async () => {
    const person = await Person.launch(name, { voice: name });
    await person.open(`http://localhost:${(server.address() as AddressInfo).port}/`);
    await person.hearsOnly(name);
    await person.sees(name);
    const silenced_at = Date.now();
    await person.page.evaluate('silence()');
    await person.hearsOnly();
    const silent_ms = (await person.lastSound()) - silenced_at;
    figure('track removed to silence, by the browser alone', silent_ms, 'ms');
    expect(person.faults).toEqual([]);
    await person.leave();
  });
}
