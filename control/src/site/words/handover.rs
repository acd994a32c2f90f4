//! The pages of signing in on a workspace's own host.

use crate::site::language::Language;

words! {
    HandoverText {
        title: "Signed in", "Angemeldet";
        signed_in: "You are signed in", "Du bist angemeldet";
        opens: "Your workspace opens by itself.", "Dein Arbeitsplatz öffnet von selbst.";
        open_now: "Open it now", "Jetzt öffnen";
        failed: "Signing in did not work", "Die Anmeldung hat nicht geklappt";
        no_cookie: "Your browser did not keep the cookie that we gave it. Please allow cookies for \
             this address, and try again.",
            "Dein Browser hat das Cookie nicht behalten, das wir ihm gegeben haben. Bitte erlaube \
             Cookies für diese Adresse, und versuche es noch einmal.";
        again: "Sign in again", "Noch einmal anmelden";
    }
}
