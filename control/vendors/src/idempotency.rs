//! The name under which a vendor does a thing only once.

use std::fmt;

/// One to 255 visible ASCII characters, such as `checkout/su_1/2`.
///
/// It must name the thing *and* the attempt: the first answer, errors
/// included, is repeated under the same key for a day. A key without the
/// attempt would bring back a checkout page that has expired since.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key is one to 255 visible ASCII characters")]
pub struct KeyError;

/// Stripe's limit; Resend's is one more.
const KEY_MAX_CHARS: usize = 255;

impl IdempotencyKey {
    /// # Errors
    /// `text` is empty, too long, or not a header value.
    pub fn parse(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        let fits = (1..=KEY_MAX_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text)) } else { Err(KeyError) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_short_header_value() {
        let check = |text: &str, fits| assert_eq!(IdempotencyKey::parse(text).is_ok(), fits);
        check("checkout/su_1/2", true);
        check(&"k".repeat(255), true);
        check(&"k".repeat(256), false);
        check("", false);
        check("a b", false);
        check("ä", false);
        check("a\r\nx: y", false);
    }
}
