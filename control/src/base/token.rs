//! Random bearer values: account sessions and one-time codes.
//!
//! The browser holds the token, the database only its SHA-256: who reads the
//! database cannot sign in with what they find.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use shared::Secret;

/// 32 random bytes as unpadded base64url.
const TOKEN_CHARS: usize = 43;

#[derive(Clone, Debug)]
pub struct Token(Secret<String>);

impl Token {
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// `None` when `text` cannot be a token of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == TOKEN_CHARS && text.chars().all(is_of_token);
        fits.then(|| Self(Secret::new(text.to_owned())))
    }

    /// Of a link in a letter: programs take for a part of it what stands behind it there, a full
    /// stop or a bracket.
    pub fn of_link(text: &str) -> Option<Self> {
        Self::parse(text.split(|c: char| !is_of_token(c)).next()?)
    }

    /// For the one place that sends it to its owner.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash(sha256_hex(self.expose()))
    }
}

/// Of unpadded base64url.
const fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// What is stored of a token: its SHA-256, 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenHash(String);

impl TokenHash {
    /// # Errors
    /// When `text` is not a stored hash.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if is_sha256_hex(text) { Ok(Self(text.to_owned())) } else { Err("not a SHA-256") }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenHash({}…)", &self.0[..8])
    }
}

pub(crate) fn sha256_hex(content: impl AsRef<[u8]>) -> String {
    use fmt::Write as _;
    Sha256::digest(content).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string");
        hex
    })
}

pub(crate) fn is_sha256_hex(text: &str) -> bool {
    is_lower_hex(text, 64)
}

pub(crate) fn is_lower_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_never_printed() {
        let token = Token::random();
        let read = Token::parse(token.expose()).unwrap();
        assert_eq!(read.hash(), token.hash());
        assert_eq!(TokenHash::parse(token.hash().as_str()), Ok(token.hash()));
        for wrong in ["", "short", &"a".repeat(44), &"ä".repeat(22)] {
            assert!(Token::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_stands_behind_a_link_is_no_part_of_it() {
        let token = Token::random();
        for behind in ["", ".", ")", ",", ">", "\u{200b}", " more", "=", "\"x"] {
            let read = Token::of_link(&format!("{}{behind}", token.expose()));
            assert_eq!(read.map(|read| read.hash()), Some(token.hash()), "{behind}");
        }
        for wrong in ["", ".", &format!(".{}", token.expose()), &"a".repeat(44)] {
            assert!(Token::of_link(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn hashes_are_sha256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex("abc"), abc);
    }
}
