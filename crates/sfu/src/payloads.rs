//! The payloads of forwarded packets: none is copied for a receiver if it can be helped.

use std::sync::Arc;

use forwarding::{Codec, Format, Forward, describe};
use str0m::media::{ExtensionValues, Pt};
use str0m::rtp::{RtpPacket, RtpWrite, SeqNo, Vp8Descriptor};

/// The packet that is being forwarded.
pub(crate) struct Arriving<'a> {
    pub(crate) packet: &'a RtpPacket,
    pub(crate) codec: Codec,
    pub(crate) format: Format,
}

/// New picture number and TL0PICIDX.
type Numbers = (Option<u16>, Option<u8>);

/// The payload of one packet for all its receivers: shared as it is, patched while it is written
/// (VP8), or copied once for all receivers whose picture numbers are shifted alike (VP9).
pub(crate) struct Payloads {
    vp8: Option<Vp8Descriptor>,
    last: Option<(Numbers, Arc<[u8]>)>,
}

impl Payloads {
    pub(crate) fn new(arriving: Option<&Arriving<'_>>) -> Self {
        let vp8 = arriving
            .filter(|arriving| arriving.codec == Codec::Vp8)
            .and_then(|arriving| Vp8Descriptor::parse(&arriving.packet.payload).ok());
        Self { vp8, last: None }
    }

    /// The packet as one receiver gets it.
    pub(crate) fn write(
        &mut self,
        arriving: &Arriving<'_>,
        payload_type: Pt,
        forward: &Forward,
    ) -> RtpWrite {
        let Arriving { packet, codec, .. } = *arriving;
        let sent = &packet.header.ext_vals;
        let extensions = ExtensionValues {
            audio_level: sent.audio_level,
            voice_activity: sent.voice_activity,
            video_orientation: sent.video_orientation,
            ..ExtensionValues::default()
        };
        let numbers = (forward.picture_id, forward.base_layer);
        let payload = match codec {
            Codec::Vp9 if numbers != (None, None) => self.copy(packet, codec, numbers),
            _ => Arc::clone(&packet.payload),
        };
        let sequence = SeqNo::from(forward.sequence);
        let mut write =
            RtpWrite::new(payload_type, sequence, forward.timestamp, packet.timestamp, payload)
                .marker(forward.marker)
                .nackable(!forward.slot.is_audio())
                .ext_vals(extensions);
        if let (Some(descriptor), false) = (self.vp8, numbers == (None, None)) {
            let mut patch = descriptor.patch();
            if let Some(id) = forward.picture_id {
                patch = patch.picture_id(id);
            }
            if let Some(index) = forward.base_layer {
                patch = patch.tl0_pic_idx(index);
            }
            // The numbers were read from the same payload, so there is a place for each.
            if let Ok(patch) = patch.build() {
                write = write.vp8_patch(patch);
            }
        }
        write
    }

    fn copy(&mut self, packet: &RtpPacket, codec: Codec, numbers: Numbers) -> Arc<[u8]> {
        if let Some((known, copy)) = &self.last
            && *known == numbers
        {
            return Arc::clone(copy);
        }
        let mut copy = packet.payload.to_vec();
        describe(codec, &packet.payload).pictures.write(&mut copy, numbers.0, numbers.1);
        let copy: Arc<[u8]> = copy.into();
        self.last = Some((numbers, Arc::clone(&copy)));
        copy
    }
}
