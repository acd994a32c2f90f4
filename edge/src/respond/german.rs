//! The edge's pages in German: what each refusal says, and what stands around it.

use super::page_text::PageText;
use super::refusal::Refusal;

/// Title and sentence.
fn refusal(refusal: Refusal) -> [&'static str; 2] {
    match refusal {
        Refusal::UnknownHost | Refusal::UnknownWorkspace => [
            "Hier ist kein Arbeitsplatz",
            "Bitte prüfe die Adresse. Ein Arbeitsplatz, der gekündigt wurde, ist auch hier weg.",
        ],
        Refusal::Preparing => [
            "Dein Arbeitsplatz wird vorbereitet",
            "Das dauert ein paar Sekunden. Die Seite öffnet ihn von selbst.",
        ],
        Refusal::Suspended => [
            "Dieser Arbeitsplatz ist vorerst geschlossen",
            "Alles darin bleibt erhalten. Deine Kontoseite sagt, warum, und wie er wieder öffnet: \
             Eine fehlende Zahlung lässt sich dort in Ordnung bringen.",
        ],
        Refusal::WorkspaceLocked => [
            "Dieser Arbeitsplatz ist gesperrt",
            "Der Zugang ist vorerst geschlossen. Schreib uns, wenn du das nicht erwartet hast.",
        ],
        Refusal::AccessEnded => [
            "Dein Zugang ist zu Ende",
            "Du wurdest abgemeldet, oder der Arbeitsplatz wurde geschlossen, während das unterwegs \
             war.",
        ],
        Refusal::ForeignOrigin => [
            "Das kam nicht aus diesem Arbeitsplatz",
            "Nur Seiten dieses Arbeitsplatzes dürfen sich mit ihm verbinden.",
        ],
        Refusal::ServiceWorker => [
            "Service Worker gibt es hier nicht",
            "Ein Arbeitsplatz kann keinen Service Worker einrichten.",
        ],
        Refusal::TooManyRequests => [
            "Zu viele Anfragen",
            "Bitte warte einen Moment. Die Seite versucht es von selbst wieder.",
        ],
        Refusal::TooManyConnections => [
            "Zu viele Verbindungen",
            "Von deiner Adresse sind zu viele Verbindungen offen. Schließ welche, und versuche es \
             wieder.",
        ],
        Refusal::TooManySockets => [
            "Zu viele offene Chats",
            "Von diesem Arbeitsplatz sind zu viele Fenster offen. Schließ welche, und versuche es \
             wieder.",
        ],
        Refusal::BodyTooLarge => {
            ["Das ist zu groß", "Was du hochlädst, ist größer, als ein Arbeitsplatz annimmt."]
        }
        Refusal::LongTarget => [
            "Diese Adresse ist zu lang",
            "So lange Adressen gibt es hier nicht. Geh zum Anfang, und such von dort aus.",
        ],
        Refusal::BodyTimeout => [
            "Das Hochladen ist stehen geblieben",
            "Seit einer Minute kam nichts mehr davon an. Bitte versuche es wieder.",
        ],
        Refusal::SpriteUnreachable => [
            "Dein Arbeitsplatz hat nicht geantwortet",
            "Verloren ist nichts. Die Seite versucht es von selbst wieder.",
        ],
        Refusal::SpriteTimeout => [
            "Dein Arbeitsplatz hat zu lange gebraucht",
            "Verloren ist nichts. Die Seite versucht es von selbst wieder.",
        ],
        Refusal::SpriteRefusedUpgrade => [
            "Die Verbindung kam nicht zustande",
            "Der Arbeitsplatz hat keine dauerhafte Verbindung geöffnet.",
        ],
        Refusal::Waking => [
            "Dein Arbeitsplatz wacht auf",
            "Er schläft, solange ihn niemand benutzt. Die Seite öffnet ihn von selbst, in ein paar \
             Sekunden.",
        ],
        Refusal::GivenUp => [
            "Dein Arbeitsplatz antwortet nicht",
            "Verloren ist nichts. Wir versuchen es weiter, und die Seite öffnet ihn von selbst.",
        ],
        Refusal::SiteUnreachable => [
            "Die Seite ist einen Moment weg",
            "Offene Arbeitsplätze arbeiten weiter. Die Seite versucht es von selbst wieder.",
        ],
        Refusal::NotReady => {
            ["Einen Moment noch", "Wir fangen gerade an. Die Seite versucht es von selbst wieder."]
        }
    }
}

pub(super) const TEXT: PageText = PageText {
    refusal,
    to_account: "Zu meinem Konto",
    to_site: "Zu Arcamatrix",
    waiting: "Bitte warten…",
    late: "Seit einer Minute kommt keine Antwort; das ist länger, als es dauern sollte. Wir \
           versuchen es weiter. Wenn es so bleibt, schreib uns, und nenn die Anfrage hier unten.",
    contact: "Kontakt",
    request: "Anfrage",
    too_much: "Dein Browser hat zu viel gesandt",
    too_much_how: "Vermutlich haben sich für diese Adresse zu viele Cookies angesammelt. Lösch sie, \
                   und melde dich wieder an; in deinem Arbeitsplatz geht nichts verloren.",
    clear_cookies: "Cookies löschen",
    moment: "Einen Moment",
    go_on: "Weiter zu deinem Arbeitsplatz",
};
