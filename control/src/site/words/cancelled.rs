//! Left the payment page without paying.

use crate::site::language::Language;

words! {
    CancelledText {
        title: "Nothing was charged", "Nichts wurde abgebucht";
        left: "You left the payment page. Your choices are kept until tomorrow.",
            "Du hast die Zahlungsseite verlassen. Was du gewählt hast, bleibt bis morgen erhalten.";
        address: "Address", "Adresse";
        email: "E-mail", "E-Mail";
        skills: "Skills", "Fähigkeiten";
        none: "none", "keine";
        back: "Back to payment", "Zurück zur Zahlung";
        change: "Change something", "Etwas ändern";
        before: "You left the payment page before paying. You can start again whenever you like.",
            "Du hast die Zahlungsseite verlassen, bevor du bezahlt hast. Du kannst jederzeit neu \
             beginnen.";
        again: "Start again", "Neu beginnen";
    }
}
