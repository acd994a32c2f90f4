//! Where a mailed link leads, and the field for a new password.

use crate::site::language::Language;

words! {
    SetPasswordText {
        first: "Choose your password", "Wähle dein Passwort";
        first_button: "Set this password", "Dieses Passwort setzen";
        another: "Choose a new password", "Wähle ein neues Passwort";
        another_button: "Change the password", "Passwort ändern";
        of: "for", "für";
        field: "New password", "Neues Passwort";
        hint: "At least 15 characters. A few unrelated words in a row are easy to keep and hard to \
             guess.",
            "Mindestens 15 Zeichen. Ein paar Wörter, die nichts miteinander zu tun haben, sind \
             leicht zu merken und schwer zu erraten.";
        over: "This link works no more", "Dieser Link gilt nicht mehr";
        over_how: "It was used already, a newer one was sent, or it is too old. A new one takes a \
             moment.",
            "Er wurde schon benutzt, ein neuerer ist unterwegs, oder er ist zu alt. Ein neuer dauert \
             einen Moment.";
        again: "Send me a new link", "Schickt mir einen neuen Link";
    }
}
