"""aiortc as a client of WHIP and WHEP: see common.py for how it is called."""

import array
import asyncio
import fractions
import math
import sys
import time

import common
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame


def with_candidates_everywhere(answer):
    """Copies the candidates of the first section into the others.

    In a bundle they stand in the first section only (RFC 8843, section 10.1.1.1); aiortc before it
    bundles wants them for every section's own transport, and waits for ever otherwise.
    """
    first, *sections = answer.split("\r\nm=")
    candidates = [line for line in sections[0].split("\r\n") if line.startswith("a=candidate:")]
    rest = ["\r\n".join([section.rstrip("\r\n"), *candidates]) for section in sections[1:]]
    return "\r\nm=".join([first, sections[0].rstrip("\r\n"), *rest]) + "\r\n"


class Paced(MediaStreamTrack):
    """Makes its frames one after the other, by the clock."""

    def __init__(self, frames_per_s):
        super().__init__()
        self.frames_per_s, self.count, self.began = frames_per_s, 0, None

    async def recv(self):
        self.began = self.began or time.monotonic()
        await asyncio.sleep(max(0, self.began + self.count / self.frames_per_s - time.monotonic()))
        frame = self.make(self.count)
        self.count += 1
        return frame


class Tone(Paced):
    """A tone in bursts, so that who listens sees it come and go."""

    kind = "audio"
    SAMPLES = 960

    def __init__(self, tone_hz):
        super().__init__(common.RATE_HZ / self.SAMPLES)
        self.tone_hz = tone_hz

    def make(self, count):
        start = count * self.SAMPLES
        wave = array.array("h", (self._at(start + n) for n in range(self.SAMPLES)))
        frame = AudioFrame(format="s16", layout="mono", samples=self.SAMPLES)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = common.RATE_HZ, start, fractions.Fraction(1, common.RATE_HZ)
        return frame

    def _at(self, n):
        loud = 3000 if (n / common.RATE_HZ) % 0.25 < 0.17 else 900
        return int(loud * math.sin(2 * math.pi * self.tone_hz * n / common.RATE_HZ))


class Picture(Paced):
    """A plain colour with a lighter bar that wanders along the lower edge."""

    kind = "video"

    def __init__(self, colour):
        super().__init__(common.FRAMES_PER_S)
        self.colour = common.yuv_of(colour)

    def make(self, count):
        y, u, v = self.colour
        frame = VideoFrame(common.WIDTH, common.HEIGHT, "yuv420p")
        left = count * 16 % (common.WIDTH - 80)
        plain = bytes([y]) * common.WIDTH
        barred = plain[:left] + b"\xeb" * 80 + plain[left + 80 :]
        rows = [plain] * (common.HEIGHT - 50) + [barred] * 40 + [plain] * 10
        frame.planes[0].update(b"".join(rows))
        for plane, value in ((frame.planes[1], u), (frame.planes[2], v)):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts, frame.time_base = count * 90_000 // common.FRAMES_PER_S, fractions.Fraction(1, 90_000)
        return frame


class Receiver:
    """Hears every voice slot and sees every picture slot."""

    def __init__(self, peer, tones_hz):
        self.peer = peer
        self.ears = [common.Ear(tones_hz) for _ in range(common.VOICE_SLOTS)]
        self.frames = [0] * common.PICTURE_SLOTS
        self.colour, self.size = None, None
        slots = {"audio": iter(self.ears), "video": iter(range(common.PICTURE_SLOTS))}
        self.tasks = []

        @peer.on("track")
        def on_track(track):
            take = self._hear if track.kind == "audio" else self._see
            self.tasks.append(asyncio.ensure_future(take(track, next(slots[track.kind]))))

    async def _hear(self, track, ear):
        while (frame := await frame_of(track)) is not None:
            channels = len(frame.layout.channels)
            ear.hear(array.array("h", bytes(frame.planes[0])[: frame.samples * channels * 2])[::channels])

    async def _see(self, track, slot):
        while (frame := await frame_of(track)) is not None:
            self.frames[slot] += 1
            if slot == 0:
                self.size = [frame.width, frame.height]
                self.colour = common.colour_of(*(middle(plane) for plane in frame.planes))

    async def report(self):
        lost = packets = 0
        for each in (await self.peer.getStats()).values():
            if each.type == "inbound-rtp":
                lost, packets = lost + each.packetsLost, packets + each.packetsReceived
        tones = sorted(tone for ear in self.ears for tone in ear.tones())
        return dict(tones=tones, frames=self.frames, colour=self.colour, size=self.size, lost=lost, packets=packets)


async def frame_of(track):
    try:
        return await track.recv()
    except MediaStreamError:
        return None


def middle(plane):
    return memoryview(plane)[plane.height // 2 * plane.line_size + plane.width // 2]


async def main(do, url, token, *options):
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver = None
    if do == "publish":
        tone_hz, colour = options
        peer.addTransceiver(Tone(int(tone_hz)), direction="sendonly")
        peer.addTransceiver(Picture(colour), direction="sendonly")
    else:
        for _ in range(common.VOICE_SLOTS):
            peer.addTransceiver("audio", direction="recvonly")
        for _ in range(common.PICTURE_SLOTS):
            peer.addTransceiver("video", direction="recvonly")
        receiver = Receiver(peer, [int(tone) for tone in options])
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    common.when_input_closes(lambda: loop.call_soon_threadsafe(over.set))
    await peer.setLocalDescription(await peer.createOffer())
    session = common.Session(url, token)
    answer = await asyncio.to_thread(session.offer, peer.localDescription.sdp)
    try:
        await peer.setRemoteDescription(RTCSessionDescription(with_candidates_everywhere(answer), "answer"))
        while not over.is_set():
            common.report(state=peer.connectionState, **(await receiver.report() if receiver else {}))
            try:
                await asyncio.wait_for(over.wait(), common.REPORT_EVERY_S)
            except TimeoutError:
                pass
    finally:
        await asyncio.to_thread(session.end)
        await peer.close()


asyncio.run(main(*sys.argv[1:]))
