//! Around every letter.

use super::Text;
use crate::base::language::Language;

pub(in crate::mail) struct AroundText {
    pub(in crate::mail) tagline: Text,
    /// Before the address that reads answers.
    pub(in crate::mail) a_person_reads: Text,
    /// Before a button's address.
    pub(in crate::mail) button_fails: Text,
}

impl AroundText {
    pub(in crate::mail) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: AroundText = AroundText {
    tagline: "an assistant that is only yours",
    a_person_reads: "A person reads what you write to us: answer this mail, or write to",
    button_fails: "If the button does nothing, open this address:",
};

const GERMAN: AroundText = AroundText {
    tagline: "ein Assistent, der nur dir gehört",
    a_person_reads: "Was du uns schreibst, liest ein Mensch: Antworte auf diese Mail, oder schreib \
                     an",
    button_fails: "Wenn der Knopf nichts tut, öffne diese Adresse:",
};
