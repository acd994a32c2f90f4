//! Deleting everything at once.

use crate::site::language::Language;

words! {
    DeletionText {
        title: "Delete everything", "Alles löschen";
        account: "Account", "Konto";
        what: "closes at once, for every browser. Your assistant with all its conversations and \
             files, your subscription and your account are deleted, and nobody can bring them back. \
             What is paid for the present month is not paid back.",
            "schließt sofort, für jeden Browser. Dein Assistent mit allen Unterhaltungen und Dateien, \
             dein Abonnement und dein Konto werden gelöscht, und niemand kann sie zurückholen. Was \
             für diesen Monat bezahlt ist, wird nicht erstattet.";
        keep_question: "Do you want to keep something?", "Willst du etwas behalten?";
        take_out: "Take it with you", "Nimm es mit,";
        first: "first. To keep the workspace until the month is over,",
            "bevor du löschst. Soll der Arbeitsplatz bis zum Ende des Monats bleiben, dann";
        cancel: "cancel the subscription", "kündige das Abonnement";
        instead: "instead.", "stattdessen.";
        present_password: "Present password", "Jetziges Passwort";
        now: "Delete everything now", "Jetzt alles löschen";
        keep: "Keep it", "Behalten";
        no_stripe: "Your subscription cannot be ended right now, and nothing was deleted. Please \
             write to us.",
            "Dein Abonnement lässt sich gerade nicht beenden, und nichts wurde gelöscht. Bitte \
             schreib uns.";
        goodbye: "Your workspace is closed", "Dein Arbeitsplatz ist geschlossen";
        goodbye_how: "Everything in it is being deleted, and nothing more is charged. Our last mail \
             tells you when nothing is left.",
            "Alles darin wird gelöscht, und nichts wird mehr abgebucht. Unsere letzte Mail sagt dir, \
             wenn nichts mehr da ist.";
        to_start: "To the start page", "Zur Startseite";
    }
}
