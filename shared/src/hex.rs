//! Lower-case hexadecimal, the text form of ids and keys.
//!
//! Ours, because an id has one text only: crates that decode take capitals as well.

use std::fmt;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| digits(*byte)).map(char::from).collect()
}

/// Writes a 128-bit id. Without an allocation: ids are written for every request.
pub(crate) fn write_id(bytes: [u8; 16], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    formatter.write_str(std::str::from_utf8(&id_digits(bytes)).expect("only digits"))
}

pub(crate) fn id_digits(bytes: [u8; 16]) -> [u8; 32] {
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&digits(byte));
    }
    text
}

/// By byte. Ids are written half a dozen times for each request.
const PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
};

fn digits(byte: u8) -> [u8; 2] {
    PAIRS[usize::from(byte)]
}

/// `None` unless `text` is exactly `2 * N` lower-case hexadecimal digits.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    fn digit(byte: u8) -> Option<u8> {
        match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        }
    }
    if text.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}
