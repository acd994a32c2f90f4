//! The question before signing out.

use crate::site::language::Language;

words! {
    LogoutText {
        title: "Sign out", "Abmelden";
        signed_in_as: "You are signed in as", "Du bist angemeldet als";
        what: "Signing out ends this browser’s session here and in your workspace.",
            "Abmelden beendet die Sitzung dieses Browsers hier und in deinem Arbeitsplatz.";
        stay: "Stay signed in", "Angemeldet bleiben";
    }
}
