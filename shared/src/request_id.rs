//! 128 random bits that name one request, in logs, errors and headers.

use std::fmt;

use crate::hex;

pub const REQUEST_ID_HEADER: &str = "x-request-id";

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u128);

impl RequestId {
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(u128::from_be_bytes(bytes))
    }

    /// From bits that the caller took from a random generator of its own.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    pub const fn bits(&self) -> u128 {
        self.0
    }

    /// Its text, where a formatter would cost more than the digits.
    pub fn digits(&self) -> [u8; 32] {
        hex::id_digits(self.0.to_be_bytes())
    }

    /// `None` unless `text` is 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write_id(self.0.to_be_bytes(), formatter)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RequestId({self})")
    }
}
