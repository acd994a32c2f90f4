//! What is wrong with what somebody typed. In English, the error itself says it.

use crate::base::email_address::{Email, EmailError};
use crate::site::language::Language;

pub(in crate::site) fn email(language: Language, error: EmailError) -> String {
    let german = match (language, error) {
        (Language::English, error) => return error.to_string(),
        (Language::German, EmailError::Empty) => "Bitte gib deine E-Mail-Adresse ein.",
        (Language::German, EmailError::TooLong) => {
            return format!("Eine E-Mail-Adresse hat höchstens {} Zeichen.", Email::MAX_BYTES);
        }
        (Language::German, EmailError::Blank) => "In einer E-Mail-Adresse ist kein Leerzeichen.",
        (Language::German, EmailError::Invisible) => {
            "In dieser Adresse ist ein unsichtbares Zeichen. Bitte tippe sie selbst ein."
        }
        (Language::German, EmailError::Form) => {
            "Eine E-Mail-Adresse sieht aus wie ada@example.com."
        }
    };
    german.to_owned()
}

pub(in crate::site) fn wrong_password(language: Language) -> &'static str {
    match language {
        Language::English => "This is not your present password.",
        Language::German => "Das ist nicht dein jetziges Passwort.",
    }
}
