//! What is wrong with what somebody typed. In English, the error itself says it.

use shared::username::UsernameError;

use crate::accounts::passwords::Weakness;
use crate::base::email_address::{Email, EmailError};
use crate::model::skills::UnknownSkill;
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

pub(in crate::site) fn password(language: Language, weakness: Weakness) -> String {
    let german = match (language, weakness) {
        (Language::English, weakness) => return weakness.to_string(),
        (Language::German, Weakness::Short) => {
            "Bitte nimm mindestens 15 Zeichen. Ein paar Wörter hintereinander sind gut."
        }
        (Language::German, Weakness::Long) => {
            "Dieses Passwort ist zu lang: Es darf 1024 Bytes haben, eines für jeden einfachen \
             Buchstaben und bis zu vier für andere."
        }
        (Language::German, Weakness::Guessable) => {
            "Dieses Passwort ist zu leicht zu erraten. Ein paar Wörter, die nichts miteinander zu \
             tun haben, sind schwerer."
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

/// With a capital at its beginning and a full stop at its end, as the page's script writes it.
pub(in crate::site) fn username(language: Language, error: UsernameError) -> String {
    let german = match (language, error) {
        (Language::English, error) => return sentence(&error.to_string()),
        (Language::German, UsernameError::Length) => "Ein Name hat 2 bis 32 Zeichen.",
        (Language::German, UsernameError::Character) => {
            "Ein Name hat nur Kleinbuchstaben, Ziffern und Bindestriche."
        }
        (Language::German, UsernameError::Hyphen) => {
            "Ein Name beginnt und endet mit einem Buchstaben oder einer Ziffer."
        }
        (Language::German, UsernameError::Punycode) => "Ein Name kann nicht mit xn-- beginnen.",
        (Language::German, UsernameError::Reserved) => "Dieser Name ist nicht zu haben.",
    };
    german.to_owned()
}

pub(in crate::site) fn skill(language: Language, error: &UnknownSkill) -> String {
    match language {
        Language::English => sentence(&error.to_string()),
        Language::German => "Eine dieser Fähigkeiten gibt es nicht.".to_owned(),
    }
}

/// `a name has …` → `A name has ….`
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}
