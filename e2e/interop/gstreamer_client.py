"""GStreamer's webrtcbin as a client of WHEP: see common.py for how it is called.

`check` says what is missing.
"""

import array
import hashlib
import re
import ssl
import subprocess
import sys
import threading

ELEMENTS = (
    "webrtcbin nicesink dtlssrtpenc srtpenc opusdec rtpopusdepay"
    " vp8dec rtpvp8depay videoconvert videoscale"
    " audioconvert audioresample appsink"
).split()

try:
    import gi

    for module in ("Gst", "GstWebRTC", "GstSdp"):
        gi.require_version(module, "1.0")
    from gi.repository import Gst, GstSdp, GstWebRTC
except (ImportError, ValueError) as error:
    sys.exit(str(error))

import common

VOICE = "application/x-rtp,media=audio,encoding-name=OPUS,payload=96,clock-rate=48000,encoding-params=(string)2"
PICTURE = "application/x-rtp,media=video,encoding-name=VP8,payload=97,clock-rate=90000"
BIN = "webrtcbin name=peer bundle-policy=max-bundle"


class Receiver:
    """Hears every voice slot and sees every picture slot."""

    VOICE = f"rtpopusdepay ! opusdec ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate={common.RATE_HZ},channels=1"
    # So small that its middle is the middle of the whole.
    PICTURE = "rtpvp8depay ! vp8dec name=decoder ! videoconvert ! videoscale ! video/x-raw,format=RGB,width=16,height=16"

    def __init__(self, tones_hz):
        self.pipeline = Gst.Pipeline()
        self.peer = Gst.parse_launch(BIN)
        self.pipeline.add(self.peer)
        self.ears = [common.Ear(tones_hz) for _ in range(common.VOICE_SLOTS)]
        self.frames = [0] * common.PICTURE_SLOTS
        self.colour, self.size = None, None
        for caps in [VOICE] * common.VOICE_SLOTS + [PICTURE] * common.PICTURE_SLOTS:
            receive = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
            self.peer.emit("add-transceiver", receive, Gst.Caps.from_string(caps))
        self.peer.connect("pad-added", self._arrived)

    def _arrived(self, _, pad):
        section = pad.get_property("transceiver").get_property("mlineindex")
        is_voice = section < common.VOICE_SLOTS
        branch = self.VOICE if is_voice else self.PICTURE
        sink = Gst.parse_bin_from_description(f"{branch} ! appsink name=sink emit-signals=true sync=false", True)
        appsink = sink.get_by_name("sink")
        if is_voice:
            appsink.connect("new-sample", self._hear, self.ears[section])
        else:
            appsink.connect("new-sample", self._see, section - common.VOICE_SLOTS, sink.get_by_name("decoder"))
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def _hear(self, sink, ear):
        ear.hear(array.array("h", taken(sink)))
        return Gst.FlowReturn.OK

    def _see(self, sink, slot, decoder):
        pixels = taken(sink)
        self.frames[slot] += 1
        if slot == 0:
            self.colour = pixels[(8 * 16 + 8) * 3 :][:3].hex()
            caps = decoder.get_static_pad("src").get_current_caps().get_structure(0)
            self.size = [caps.get_int("width").value, caps.get_int("height").value]
        return Gst.FlowReturn.OK

    def report(self):
        stats = promised(self.peer, "get-stats", None)
        lost = packets = 0
        for place in range(stats.n_fields()):
            each = stats.get_value(stats.nth_field_name(place))
            if isinstance(each, Gst.Structure) and each.get_value("type") == GstWebRTC.WebRTCStatsType.INBOUND_RTP:
                lost, packets = lost + each.get_value("packets-lost"), packets + each.get_value("packets-received")
        tones = sorted(tone for ear in self.ears for tone in ear.tones())
        return dict(tones=tones, frames=self.frames, colour=self.colour, size=self.size, lost=lost, packets=packets)


def certify(peer):
    """Gives a peer an ECDSA certificate (P-256) as RFC 8827, section 6.5, wants all to have one.

    By itself webrtcbin makes an RSA certificate, which the server refuses. Returns the line of SDP
    that tells the fingerprint: webrtcbin itself (1.22) counts the private key in, too.
    """
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=client -keyout -"
    made = subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout

    def added(_, __, element):
        if (factory := element.get_factory()) is not None and factory.get_name() == "dtlsdec":
            element.set_property("pem", made)

    peer.connect("deep-element-added", added)
    certificate = made[made.index("-----BEGIN CERTIFICATE") :]
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).hexdigest().upper()
    return "a=fingerprint:sha-256 " + ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def taken(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    return buffer.extract_dup(0, buffer.get_size())


def promised(peer, action, *arguments):
    """What an action of webrtcbin answers. What is read from the answer lives only as long as it does."""
    promise = Gst.Promise.new()
    peer.emit(action, *arguments, promise)
    promise.wait()
    return promise.get_reply()


def main(do, *options):
    Gst.init(None)
    if do == "check":
        missing = [name for name in ELEMENTS if Gst.ElementFactory.find(name) is None]
        sys.exit(f"no element {', '.join(missing)}" if missing else None)
    url, token, *options = options
    receiver = Receiver([int(tone) for tone in options])
    pipeline, peer = receiver.pipeline, receiver.peer
    fingerprint = certify(peer)
    over = threading.Event()
    common.when_input_closes(over.set)
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_state(5 * Gst.SECOND)
    reply = promised(peer, "create-offer", None)
    offer = reply.get_value("offer")
    promised(peer, "set-local-description", offer)
    session = common.Session(url, token)
    # Our candidates are not awaited: the server is ICE-lite, our first check tells it our address.
    answer = session.offer(re.sub("a=fingerprint:[^\r\n]*", fingerprint, offer.sdp.as_text()))
    answer = GstSdp.SDPMessage.new_from_text(answer)[1]
    try:
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, answer)
        promised(peer, "set-remote-description", answer)
        while not over.wait(common.REPORT_EVERY_S):
            state = peer.get_property("connection-state").value_nick
            common.report(state=state, **receiver.report())
    finally:
        session.end()
        pipeline.set_state(Gst.State.NULL)


main(*sys.argv[1:])
