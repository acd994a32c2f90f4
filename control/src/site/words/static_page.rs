//! What stands around the texts of legal, privacy and contact.

use crate::site::language::Language;

words! {
    StaticPageText {
        legal: "Legal", "Rechtliches";
        privacy: "Privacy", "Datenschutz";
        contact: "Contact", "Kontakt";
        who_runs: "Who runs this site", "Wer diese Seite betreibt";
        write_to_us: "Write to us:", "Schreib uns:";
    }
}
