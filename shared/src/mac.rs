//! HMAC-SHA256 with the key schedule done once, and its text form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The length of a MAC as unpadded base64url: 32 bytes.
const MAC_CHARS: usize = 43;

#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }

    /// Appends `.` and the MAC of `domain` and everything now in `text`.
    pub(crate) fn seal(&self, domain: &[u8], text: &mut String) {
        let mac = self.digest(domain, text).finalize().into_bytes();
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(mac, text);
    }

    /// In constant time: was `mac` made by [`MacKey::seal`] over `text`?
    pub(crate) fn is_valid(&self, domain: &[u8], text: &str, mac: &str) -> bool {
        let mut bytes = [0; 32];
        mac.len() == MAC_CHARS
            && matches!(URL_SAFE_NO_PAD.decode_slice(mac, &mut bytes), Ok(32))
            && self.digest(domain, text).verify_slice(&bytes).is_ok()
    }

    fn digest(&self, domain: &[u8], text: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(domain);
        mac.update(text.as_bytes());
        mac
    }
}
