//! Is a webhook's body really Stripe's, and is it fresh?

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use shared::Secret;

/// Longest body that is looked at. Stripe's events are some tens of kilobytes.
pub const BODY_MAX_BYTES: usize = 1 << 20;

/// How far a delivery's time may lie from ours, either way, in seconds. Stripe's own tolerance.
const TOLERANCE_SECONDS: u64 = 300;

/// One signature takes 68 bytes, and there is one for each secret in use.
const HEADER_MAX_BYTES: usize = 2_048;

/// Each costs one pass over the body. Two are in use while a secret is replaced,
/// twice that with a destination for thin events.
const SECRETS_MAX: usize = 8;

/// The signing secrets of all destinations; any of them will do.
#[derive(Clone)]
pub struct WebhookSecrets(Vec<Hmac<Sha256>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    #[error("there is no webhook secret")]
    None,
    #[error("there are more than {SECRETS_MAX} webhook secrets")]
    TooMany,
    #[error("webhook secret {0} is empty")]
    Empty(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the body has more than {BODY_MAX_BYTES} bytes")]
    TooLarge,
    /// No time, two times, no `v1`, or too long.
    #[error("the signature header is malformed")]
    Malformed,
    #[error("no signature is by one of our secrets")]
    Foreign,
    /// Properly signed. Either it was held up or replayed, or a clock is wrong.
    #[error("it was signed {0} s ago")]
    Old(u64),
    #[error("it was signed {0} s in the future")]
    Future(u64),
}

impl WebhookSecrets {
    /// Blanks around a secret are forgiven: they come with files.
    ///
    /// # Errors
    /// None, too many, or an empty one, counted from 0.
    pub fn new(secrets: &[Secret<String>]) -> Result<Self, SecretsError> {
        match secrets.len() {
            0 => return Err(SecretsError::None),
            1..=SECRETS_MAX => {}
            _ => return Err(SecretsError::TooMany),
        }
        let keys = secrets.iter().enumerate().map(|(index, secret)| {
            let secret = secret.expose().trim();
            if secret.is_empty() {
                return Err(SecretsError::Empty(index));
            }
            Ok(Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length"))
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// `header` is the value of `Stripe-Signature`, `now` in unix seconds.
    ///
    /// # Errors
    /// Any of them means 400, and nothing is kept of the body.
    pub fn verify(&self, header: &str, body: &[u8], now: u64) -> Result<(), SignatureError> {
        if body.len() > BODY_MAX_BYTES {
            return Err(SignatureError::TooLarge);
        }
        let Header { time, signatures } = Header::parse(header).ok_or(SignatureError::Malformed)?;
        if !self.0.iter().any(|key| is_by(key, time, body, &signatures)) {
            return Err(SignatureError::Foreign);
        }
        let at: u64 = time.parse().map_err(|_| SignatureError::Malformed)?;
        if now > at.saturating_add(TOLERANCE_SECONDS) {
            return Err(SignatureError::Old(now - at));
        }
        if at > now.saturating_add(TOLERANCE_SECONDS) {
            return Err(SignatureError::Future(at - now));
        }
        Ok(())
    }
}

/// Each comparison in constant time.
fn is_by(key: &Hmac<Sha256>, time: &str, body: &[u8], signatures: &[[u8; 32]]) -> bool {
    let mut mac = key.clone();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
}

struct Header<'a> {
    /// As it was sent: these bytes were signed.
    time: &'a str,
    signatures: Vec<[u8; 32]>,
}

impl<'a> Header<'a> {
    /// Other schemes than `v1` and signatures of another form are passed over.
    fn parse(text: &'a str) -> Option<Self> {
        if text.len() > HEADER_MAX_BYTES {
            return None;
        }
        let mut times = Vec::new();
        let mut signatures = Vec::new();
        for item in text.split(',') {
            match item.split_once('=')? {
                ("t", time) => times.push(time),
                ("v1", signature) => signatures.extend(parse_hex(signature)),
                _ => {}
            }
        }
        let [time] = times[..] else { return None };
        let is_number = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && !signatures.is_empty()).then_some(Self { time, signatures })
    }
}

/// 64 lower-case hexadecimal digits, as Stripe writes them.
fn parse_hex(text: &str) -> Option<[u8; 32]> {
    fn digit(byte: u8) -> Option<u8> {
        match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        }
    }
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
