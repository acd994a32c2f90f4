//! Pings of our own to a client, and its answers, which end here.
//!
//! A client that vanished while nothing was on its way to it is noticed by nobody else, and
//! keeps its tunnel. The sprite must hear of none of this: it would stay awake.

use super::frames::Frames;

/// As a server sends it: no mask.
pub(super) const PING: [u8; 2 + PAYLOAD.len()] = {
    let mut frame = [0; 2 + PAYLOAD.len()];
    frame[0] = 0x89;
    frame[1] = PAYLOAD.len() as u8;
    let mut at = 0;
    while at < PAYLOAD.len() {
        frame[2 + at] = PAYLOAD[at];
        at += 1;
    }
    frame
};

/// By this our own are told from those of a sprite.
const PAYLOAD: [u8; 8] = *b"\x01edge\xfe\x00\x1d";

const PONG: u8 = 0x8a;
const MASK_BYTES: usize = 4;
const PONG_BYTES: usize = 2 + MASK_BYTES + PAYLOAD.len();

/// What a client sends, without its answers to pings of ours.
#[derive(Debug, Default)]
pub(super) struct ClientFrames {
    frames: Frames,
    /// The beginning of a frame that may be such an answer.
    held: [u8; PONG_BYTES],
    held_count: usize,
    is_asked: bool,
}

impl ClientFrames {
    /// A ping goes out: its answer is to be expected.
    pub(super) fn asked(&mut self) {
        self.is_asked = true;
    }

    /// What of `bytes` goes on; `None` for all of them.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.is_asked && self.held_count == 0 {
            self.frames.pass(bytes);
            return None;
        }
        let mut on = Vec::with_capacity(bytes.len() + self.held_count);
        let mut rest = bytes;
        while let Some((first, after)) = rest.split_first() {
            if self.held_count == 0 && !(self.is_asked && self.frames.is_between()) {
                // Up to the end of the present frame, or a part of it.
                let count = self.frames.pass_one(rest);
                on.extend_from_slice(&rest[..count]);
                rest = &rest[count..];
                continue;
            }
            self.held[self.held_count] = *first;
            self.held_count += 1;
            rest = after;
            if !self.may_be_ours() {
                let held = &self.held[..self.held_count];
                self.frames.pass(held);
                on.extend_from_slice(held);
                self.held_count = 0;
            } else if self.held_count == PONG_BYTES {
                self.held_count = 0;
                self.is_asked = false;
            }
        }
        Some(on)
    }

    fn may_be_ours(&self) -> bool {
        let held = &self.held[..self.held_count];
        let starts = [PONG, 0x80 | PAYLOAD.len() as u8];
        let start_fits = held.iter().zip(starts).all(|(byte, start)| *byte == start);
        let payload = held.iter().skip(2 + MASK_BYTES).enumerate();
        let mut unmasked = payload.map(|(at, byte)| byte ^ self.held[2 + at % MASK_BYTES]);
        start_fits && PAYLOAD.iter().all(|byte| unmasked.next().is_none_or(|said| said == *byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus;
    use proptest::prelude::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [7, 0, 255, 90];
        let mut frame = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
        frame
    }

    /// In one piece, and in pieces of every size.
    fn check(is_asked: bool, frames: &[Vec<u8>], expected: &[Vec<u8>]) {
        let sent = frames.concat();
        for size in 1..=sent.len() {
            let mut client = ClientFrames::default();
            if is_asked {
                client.asked();
            }
            let mut on = Vec::new();
            for piece in sent.chunks(size) {
                on.extend(client.pass(piece).unwrap_or_else(|| piece.to_vec()));
            }
            assert_eq!(on, expected.concat(), "in pieces of {size}");
            assert!(client.frames.is_between());
        }
    }

    #[test]
    fn an_answer_to_our_ping_ends_here_and_everything_else_goes_on() {
        let ours = || masked(PONG, &PAYLOAD);
        let message = || masked(0x81, b"\x8a\x88hello");
        let other = || masked(PONG, b"12345678");
        let empty = || masked(PONG, b"");
        check(true, &[ours()], &[]);
        check(true, &[message(), ours(), message()], &[message(), message()]);
        check(true, &[other(), ours(), empty()], &[other(), empty()]);
        check(true, &[empty(), other(), message()], &[empty(), other(), message()]);
        // Nobody has asked, or it was answered: it is not ours to take.
        check(false, &[ours(), message()], &[ours(), message()]);
        check(true, &[ours(), ours()], &[ours()]);
    }

    #[test]
    fn a_ping_is_a_whole_frame() {
        let mut frames = Frames::default();
        frames.pass(&PING);
        assert!(frames.is_between());
    }

    fn any_frame() -> impl Strategy<Value = Vec<u8>> {
        let payload = prop::collection::vec(any::<u8>(), 0..20);
        (any::<u8>(), payload).prop_map(|(first, payload)| masked(first, &payload))
    }

    proptest! {
        #[test]
        fn what_nobody_asked_for_goes_on_unchanged(
            bytes in corpus::near("frames"), size in 1usize..40
        ) {
            let mut client = ClientFrames::default();
            let mut on = Vec::new();
            for piece in bytes.chunks(size) {
                on.extend(client.pass(piece).unwrap_or_else(|| piece.to_vec()));
            }
            prop_assert_eq!(on, bytes);
        }

        #[test]
        fn answers_are_taken_out_wherever_the_network_cuts(
            frames in prop::collection::vec(prop::option::weighted(0.7, any_frame()), 0..12),
            size in 1usize..40,
        ) {
            let mut client = ClientFrames::default();
            let (mut expected, mut on) = (Vec::new(), Vec::new());
            for frame in frames {
                let sent = frame.clone().unwrap_or_else(|| {
                    client.asked();
                    masked(PONG, &PAYLOAD)
                });
                expected.extend(frame.unwrap_or_default());
                for piece in sent.chunks(size) {
                    on.extend(client.pass(piece).unwrap_or_else(|| piece.to_vec()));
                }
            }
            prop_assert_eq!(on, expected);
            prop_assert!(client.frames.is_between());
        }

        #[test]
        fn no_bytes_panic_and_none_are_made_up(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            is_asked: bool,
        ) {
            let mut client = ClientFrames::default();
            if is_asked {
                client.asked();
            }
            let on = client.pass(&bytes).unwrap_or_else(|| bytes.clone());
            prop_assert!(on.len() <= bytes.len());
        }
    }
}
