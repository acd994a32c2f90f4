//! An address that mail can be sent to.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

use super::typed::{self, is_invisible};

/// As it was typed, in [`typed::plain`] characters.
///
/// Only what no mail system takes is refused: whether somebody reads it shows
/// when mail is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    #[error("Please type your e-mail address.")]
    Empty,
    #[error("An e-mail address has at most {} characters.", Email::MAX_BYTES)]
    TooLong,
    #[error("An e-mail address has no blanks in it.")]
    Blank,
    #[error("There is an invisible character in this address. Please type it by hand.")]
    Invisible,
    #[error("An e-mail address looks like ada@example.com.")]
    Form,
}

/// RFC 5321.
const LOCAL_MAX_BYTES: usize = 64;

impl Email {
    /// RFC 5321: the path of 256 without its angle brackets.
    pub const MAX_BYTES: usize = 254;

    /// # Errors
    /// Says what is wrong, in words for the customer.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        // What separates and encloses addresses in a header is not in one of ours, nor
        // what stands for bytes that were no text.
        const FOREIGN: [char; 13] =
            ['@', '"', ',', ';', ':', '<', '>', '(', ')', '[', ']', '\\', '\u{fffd}'];
        let text = typed::plain(text);
        if text.is_empty() {
            return Err(EmailError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(EmailError::TooLong);
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(EmailError::Blank);
        }
        if text.chars().any(is_invisible) {
            return Err(EmailError::Invisible);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailError::Form)?;
        let fits = (1..=LOCAL_MAX_BYTES).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        if !local.contains(FOREIGN) && fits && is_domain(domain) {
            Ok(Self(text))
        } else {
            Err(EmailError::Form)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One spelling for all in which it can be typed: in small letters, the domain as DNS has it.
    pub fn canonical(&self) -> String {
        let lower = self.0.to_lowercase();
        let (local, domain) = lower.rsplit_once('@').unwrap_or((&lower, ""));
        format!("{local}@{}", domain_in_dns(domain))
    }

    /// In small letters of ASCII, every spelling in which somebody may have been entered who
    /// types this one. A browser's field for addresses sends a domain with umlauts as DNS has
    /// it, a field for names does not; and a database knows the capitals of ASCII only.
    pub fn spellings(&self) -> [String; Self::SPELLINGS] {
        let lower = self.0.to_lowercase();
        let (local, domain) = lower.rsplit_once('@').unwrap_or((&lower, ""));
        let (local_capitals, domain_capitals) = (capitals(local), capitals(domain));
        let dns = domain_in_dns(domain);
        let at = |local: &str, domain: &str| format!("{local}@{domain}");
        [
            at(local, domain),
            at(local, &dns),
            at(local, &domain_capitals),
            at(&local_capitals, domain),
            at(&local_capitals, &dns),
            at(&local_capitals, &domain_capitals),
            self.0.clone(),
            lower.nfd().collect(),
        ]
        .map(|spelling| spelling.to_ascii_lowercase())
    }

    pub const SPELLINGS: usize = 8;

    /// Before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }
}

/// In the ASCII form of DNS; as it is where there is none.
fn domain_in_dns(domain: &str) -> String {
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => ascii,
        _ => domain.to_owned(),
    }
}

/// `text`, which is in small letters, in capitals; as it is where those are another one's, as `ß`
/// has the capitals of `ss`.
fn capitals(text: &str) -> String {
    let capitals = text.to_uppercase();
    if capitals.to_lowercase() == text { capitals } else { text.to_owned() }
}

/// At least two labels, the last without digits only; letters of any language.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && domain.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Logs name people by their username.
impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Email(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, EmailError>) {
        let email = Email::parse(text);
        assert_eq!(email.as_ref().map(Email::as_str).map_err(|error| *error), expected, "{text:?}");
    }

    #[test]
    fn what_mail_can_be_sent_to_is_taken_as_it_is() {
        check("ada@example.com", Ok("ada@example.com"));
        check(" Ada.Lovelace+arca@Mail.Example.com\n", Ok("Ada.Lovelace+arca@Mail.Example.com"));
        check("o'brien@example.co", Ok("o'brien@example.co"));
        check("zoë@exämple.de", Ok("zoë@exämple.de"));
        check("\u{feff}ada@example.com\u{200b}", Ok("ada@example.com"));
        check("\u{202a}ada@example.com\u{202c} ", Ok("ada@example.com"));
    }

    #[test]
    fn an_address_is_the_same_from_every_keyboard() {
        check("zoe\u{308}@exa\u{308}mple.de", Ok("zo\u{eb}@ex\u{e4}mple.de"));
        check("ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", Ok("ada@example.com"));
        check("ada＠example。com", Ok("ada@example.com"));
    }

    #[test]
    fn who_was_entered_in_one_spelling_is_found_by_another() {
        let is_found = |entered: &str, typed: &str| {
            let entered = entered.to_ascii_lowercase();
            Email::parse(typed).unwrap().spellings().contains(&entered)
        };
        for (entered, typed) in [
            ("Ada@Example.com", "ada@EXAMPLE.com"),
            ("Zo\u{eb}@ex\u{e4}mple.de", "ZO\u{cb}@EX\u{c4}MPLE.DE"),
            ("ZO\u{cb}@EX\u{c4}MPLE.DE", "zo\u{eb}@ex\u{e4}mple.de"),
            ("zoe\u{308}@exa\u{308}mple.de", "zo\u{eb}@ex\u{e4}mple.de"),
            ("\u{dc}TE@ex\u{e4}mple.de", "\u{fc}te@ex\u{e4}mple.de"),
            ("ada@xn--exmple-cua.de", "Ada@Ex\u{e4}mple.de"),
            ("zo\u{eb}@xn--exmple-cua.de", "ZO\u{cb}@ex\u{e4}mple.de"),
        ] {
            assert!(is_found(entered, typed), "{entered} {typed}");
        }
        for (entered, typed) in [
            ("strasse@example.com", "stra\u{df}e@example.com"),
            ("ada@example.com", "ad\u{e4}@example.com"),
            ("info@example.com", "\u{131}nfo@example.com"),
        ] {
            assert!(!is_found(entered, typed), "{entered} {typed}");
        }
    }

    #[test]
    fn every_spelling_is_counted_as_one() {
        let canonical = |text: &str| Email::parse(text).unwrap().canonical();
        for text in
            ["ZO\u{cb}@Ex\u{e4}mple.de", "zo\u{eb}@xn--exmple-cua.de", "zoe\u{308}@EX\u{c4}MPLE.de"]
        {
            assert_eq!(canonical(text), "zo\u{eb}@xn--exmple-cua.de", "{text}");
        }
        assert_ne!(canonical("ada@example.com"), canonical("eda@example.com"));
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        use EmailError::{Blank, Empty, Form, Invisible, TooLong};
        check("ada\u{200b}@example.com", Err(Invisible));
        check("ada@exam\u{ad}ple.com", Err(Invisible));
        check("\u{200b}", Err(Empty));
        check("", Err(Empty));
        check("  ", Err(Empty));
        check(&format!("a@{}.com", "b.".repeat(130)), Err(TooLong));
        check("ada lovelace@example.com", Err(Blank));
        check("ada@example.com\r\nBcc: x@y.z", Err(Blank));
        for text in [
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "ada@127.0.0.1",
            "ada@-x.com",
            "ada@x..com",
            "a@b@example.com",
            ".ada@example.com",
            "a..b@example.com",
            "<ada@example.com>",
            "ada@example.com,bob@example.com",
            "\u{fffd}@example.com",
        ] {
            check(text, Err(Form));
        }
        check(&format!("{}@example.com", "a".repeat(65)), Err(Form));
    }
}
