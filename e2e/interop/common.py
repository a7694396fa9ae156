"""What the clients share: HTTP of WHIP and WHEP, what they publish, what they hear and see.

A client is started as

    CLIENT publish|receive URL TOKEN [OPTION]...

and runs until its standard input is closed. It prints one report a line, as JSON, five times a
second; harness/outside.ts reads them. Only the standard library is used here.
"""

import json
import math
import os
import threading
import urllib.error
import urllib.request
from collections import deque

RATE_HZ = 48_000
WIDTH, HEIGHT, FRAMES_PER_S = 640, 360, 10
REPORT_EVERY_S = 0.2

# By order of the sections in a receiver's offer (docs/PROTOCOL.md, "Fixed slots"): three voices, the
# main picture, the shared screen.
VOICE_SLOTS, PICTURE_SLOTS = 3, 2


class Session:
    """One WHIP or WHEP session (RFC 9725): an offer, an answer, an end."""

    def __init__(self, url, token):
        self.url, self.token, self.location = url, token, None

    def offer(self, sdp):
        with self._ask("POST", self.url, sdp) as answer:
            if answer.status != 201:
                raise RuntimeError(f"the offer was answered by {answer.status}")
            self.location = urllib.request.urljoin(self.url, answer.headers["Location"])
            return answer.read().decode()

    def end(self):
        if self.location is not None:
            self._ask("DELETE", self.location).close()

    def _ask(self, method, url, body=None):
        headers = {"Authorization": f"Bearer {self.token}"}
        if body is not None:
            headers["Content-Type"] = "application/sdp"
        data = None if body is None else body.encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            return urllib.request.urlopen(request, timeout=10)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method}: {error.code} {error.read().decode()}") from error


def report(**what):
    print(json.dumps(what), flush=True)


def when_input_closes(call):
    """Calls from a thread of its own as soon as nobody holds our standard input any more."""

    def wait():
        while os.read(0, 1024):
            pass
        call()

    threading.Thread(target=wait, daemon=True).start()


WINDOW = 1024
HANN = [0.5 - 0.5 * math.cos(2 * math.pi * n / WINDOW) for n in range(WINDOW)]


class Ear:
    """Which of some tones were audible in the last second of sound, as harness/instruments.ts does it."""

    # Sound is looked at this often; to look at all of it would cost Python a core.
    EVERY = RATE_HZ // 20
    STANDS_OUT_DB = 15
    AUDIBLE_AMPLITUDE = 0.003
    AUDIBLE_SHARE = 0.3

    def __init__(self, tones_hz):
        self.tones_hz = tones_hz
        self._pending = deque()
        self._looks = deque(maxlen=RATE_HZ // self.EVERY)

    def hear(self, samples):
        """Takes 16-bit samples of one channel."""
        self._pending.extend(samples)
        while len(self._pending) >= self.EVERY:
            window = [self._pending.popleft() / 32768 for _ in range(self.EVERY)][: WINDOW]
            self._looks.append([self._stands_out(window, tone) for tone in self.tones_hz])

    def tones(self):
        looks = list(self._looks)
        if not looks:
            return []
        return [
            tone
            for place, tone in enumerate(self.tones_hz)
            if sum(look[place] for look in looks) / len(looks) >= self.AUDIBLE_SHARE
        ]

    def _stands_out(self, window, tone_hz):
        bin_hz = RATE_HZ / WINDOW
        peak = self._amplitude(window, tone_hz)
        if peak < self.AUDIBLE_AMPLITUDE:
            return False
        around = sorted(self._amplitude(window, tone_hz + step * bin_hz) for step in (-6, -5, -4, 4, 5, 6))
        return 20 * math.log10(peak / max(around[3], 1e-9)) > self.STANDS_OUT_DB

    def _amplitude(self, window, frequency_hz):
        """Goertzel's algorithm."""
        factor = 2 * math.cos(2 * math.pi * frequency_hz / RATE_HZ)
        before = last = 0.0
        for value, weight in zip(window, HANN):
            before, last = last, value * weight + factor * last - before
        power = last * last + before * before - factor * last * before
        return math.sqrt(max(power, 0.0)) * 4 / WINDOW


def yuv_of(colour):
    """A colour, `rrggbb`, in the limited range of ITU-R BT.601."""
    r, g, b = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return round(16 + 219 * y), round(128 + 224 * 0.564 * (b - y)), round(128 + 224 * 0.713 * (r - y))


def colour_of(y, u, v):
    """The other way."""
    y, u, v = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    parts = (y + 1.403 * v, y - 0.344 * u - 0.714 * v, y + 1.773 * u)
    return "".join(f"{min(255, max(0, round(part * 255))):02x}" for part in parts)
