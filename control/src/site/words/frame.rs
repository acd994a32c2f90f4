//! Around every page.

use crate::site::language::Language;

pub(in crate::site) struct FrameText {
    pub(in crate::site) skip: &'static str,
    pub(in crate::site) account: &'static str,
    pub(in crate::site) tagline: &'static str,
    pub(in crate::site) about: &'static str,
    pub(in crate::site) legal: &'static str,
    pub(in crate::site) privacy: &'static str,
    pub(in crate::site) contact: &'static str,
}

impl FrameText {
    pub(in crate::site) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: FrameText = FrameText {
    skip: "Skip to the content",
    account: "Account",
    tagline: "an assistant that is only yours",
    about: "About this site",
    legal: "Legal",
    privacy: "Privacy",
    contact: "Contact",
};

const GERMAN: FrameText = FrameText {
    skip: "Zum Inhalt",
    account: "Konto",
    tagline: "ein Assistent, der nur dir gehört",
    about: "Über diese Seite",
    legal: "Rechtliches",
    privacy: "Datenschutz",
    contact: "Kontakt",
};
