//! `Stripe-Signature`: one `v1` for each secret that is valid now.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::hex;

/// `at` is the time of this very attempt, unix seconds. As in Stripe's test
/// mode a `v0` follows that nobody should believe.
pub fn header(secrets: &[String], at: u64, body: &[u8]) -> String {
    let mut header = format!("t={at}");
    for secret in secrets {
        header.push_str(&format!(",v1={}", sign(secret, at, body)));
    }
    if let Some(secret) = secrets.first() {
        header.push_str(&format!(",v0={}", sign(&format!("v0{secret}"), at, body)));
    }
    header
}

/// The key is the whole secret, `whsec_` included.
fn sign(secret: &str, at: u64, body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{at}.").as_bytes());
    mac.update(body);
    hex(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the vendor's own `generateTestHeaderString`.
    #[test]
    fn signatures_equal_the_vendors() {
        let signed =
            sign("whsec_test_secret", 1_760_000_000, br#"{"id":"evt_1","object":"event"}"#);
        assert_eq!(signed, "710305f7feae110e97d01e071f9d466aadf50a718e23f9956b8252f8dc0acd23");
        let body = "{\n  \"id\": \"evt_test_utf8\",\n  \"object\": \"event\",\n  \"data\": \
                    {\"object\": {\"name\": \"Zoë — ☃ 漢字\"}}\n}\n";
        let signed = sign("whsec_7d0c6e2fb1a94c1f8e3b5a6d9c0f1e2d", 1_763_800_000, body.as_bytes());
        assert_eq!(signed, "e580a79f15874779a54e3b8979b5f12b53db465eb549b921a2595acdf337ae72");
    }

    #[test]
    fn while_a_secret_is_rolled_both_sign() {
        let secrets = ["whsec_old".to_owned(), "whsec_new".to_owned()];
        let header = header(&secrets, 1, b"{}");
        assert_eq!(header.matches(",v1=").count(), 2);
        assert!(header.starts_with("t=1,v1=") && !header.contains(' '));
    }
}
