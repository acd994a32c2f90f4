//! The page after the payment, around what `Progress` says.

use crate::site::language::Language;

words! {
    WelcomeText {
        account: "Account", "Konto";
        sign_in: "Sign in", "Anmelden";
        pay: "Go on to payment", "Weiter zur Zahlung";
        change: "Change something", "Etwas ändern";
        again: "Start again", "Neu beginnen";
        open: "Open your workspace", "Deinen Arbeitsplatz öffnen";
        no_letter: "Our mail to you could not be sent.", "Unsere Mail an dich ließ sich nicht senden.";
        no_letter_again: "Have it sent again", "Lass sie noch einmal senden";
        no_letter_or: "or choose a password here.", "oder wähle hier ein Passwort.";
        no_mail: "No mail there?", "Keine Mail da?";
        no_mail_again: "Have a link sent again", "Lass dir noch einmal einen Link senden";
        choose: "Choose a password", "Wähle ein Passwort";
        into: "With it you get into", "Damit kommst du auf jedem deiner Geräte hinein:";
        on_every_device: ", on every device of yours.", "";
        set: "Set this password", "Dieses Passwort setzen";
        is_set: "Your password is set.", "Dein Passwort gilt.";
        already_set: "A password was set before, in another tab perhaps, and that one counts. What \
             you have just typed was not used.",
            "Schon vorher wurde ein Passwort gesetzt, vielleicht in einem anderen Tab, und jenes \
             gilt. Was du eben eingegeben hast, wurde nicht verwendet.";
        sign_in_with_it: "Sign in with the one that counts", "Melde dich mit jenem an";
        or: "or", "oder";
        reset_it: "have a link for a new one sent", "lass dir einen Link für ein neues schicken";
        is_set_wait: "Your password is set. The button to your workspace appears here as soon as it \
             is ready.",
            "Dein Passwort gilt. Der Knopf zu deinem Arbeitsplatz erscheint hier, sobald er bereit \
             ist.";
        progress: "Progress", "Fortschritt";
        how_far: "See how far it is", "Nachsehen, wie weit es ist";
        unknown: "No such order", "Keine solche Bestellung";
        unknown_how: "We know no order under this address. If you have paid, look into your mail: \
             the link to your workspace comes that way too.",
            "Unter dieser Adresse kennen wir keine Bestellung. Hast du bezahlt, sieh in deine Mails: \
             Der Link zu deinem Arbeitsplatz kommt auch dorthin.";
        write_to_us: "Write to us", "Schreib uns";
        other_browser: "Only the browser that paid can set the password here. Please use the link \
             in our mail.",
            "Nur der Browser, der bezahlt hat, kann hier das Passwort setzen. Bitte nimm den Link in \
             unserer Mail.";
    }
}
