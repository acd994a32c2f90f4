//! Fresh ids and secrets, and all that is left to chance.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A random UUID, version 4, in its usual lower-case form.
pub fn uuid() -> String {
    let mut bytes: [u8; 16] = random();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// `N` random bytes as base64url without padding.
pub fn secret<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(random::<N>())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ids in Stripe's form, a prefix and letters and digits: `letters("sub_1", 23)`.
pub fn letters(prefix: &str, random: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = vec![0; random];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    let letters = bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    prefix.chars().chain(letters).collect()
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_the_version_and_variant_of_a_random_one() {
        let id = uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
    }

    #[test]
    fn ids_have_their_prefix_and_do_not_repeat() {
        let id = letters("cs_test_a1", 56);
        assert!(id.starts_with("cs_test_a1"));
        assert_eq!(id.len(), 66);
        assert_ne!(id, letters("cs_test_a1", 56));
    }
}
