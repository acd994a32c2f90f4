//! The identity of a browser: an Ed25519 key that signs its `connect`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::ids::hex;

/// `connect.params.device` as it comes from the client.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Device {
    /// SHA-256 of the raw public key, in hexadecimal.
    pub id: String,
    /// Base64url of the 32 raw bytes.
    pub public_key: String,
    /// Base64url of the 64 raw bytes.
    pub signature: String,
    /// The challenge's `ts`, in milliseconds.
    pub signed_at: u64,
    /// The challenge's nonce.
    pub nonce: String,
}

/// What the signature covers besides the device itself.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub client_id: &'a str,
    pub client_mode: &'a str,
    pub role: &'a str,
    pub scopes: &'a [String],
    /// `auth.token`, else `auth.deviceToken`, else empty. Never the password:
    /// that is why a proxy may add one to a signed `connect`.
    pub token: &'a str,
    pub platform: &'a str,
    pub device_family: &'a str,
}

impl Device {
    /// Whether the key, the id and the signature belong together and the
    /// signature answers this connection's challenge.
    pub fn verifies(&self, challenge_nonce: &str, signed: &Signed<'_>) -> bool {
        let Ok(key) = URL_SAFE_NO_PAD.decode(&self.public_key) else {
            return false;
        };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(&self.signature) else {
            return false;
        };
        self.nonce == challenge_nonce
            && self.id == hex(&Sha256::digest(&key))
            && UnparsedPublicKey::new(&ED25519, key)
                .verify(self.statement(signed).as_bytes(), &signature)
                .is_ok()
    }

    /// The text that is signed.
    pub fn statement(&self, signed: &Signed<'_>) -> String {
        [
            "v3",
            &self.id,
            signed.client_id,
            signed.client_mode,
            signed.role,
            &signed.scopes.join(","),
            &self.signed_at.to_string(),
            signed.token,
            &self.nonce,
            &signed.platform.to_lowercase(),
            signed.device_family,
        ]
        .join("|")
    }
}
