//! A domain of the customer's own, on the account page.

use shared::Domain;
use shared::domain::DomainError;

use crate::base::clock::Moment;
use crate::domains::DomainRefused;
use crate::model::domain::DomainStanding;
use crate::site::language::Language;
use crate::site::words::day_and_time;

words! {
    DomainText {
        title: "Your own domain", "Deine eigene Domain";
        lead: "Reach your workspace at a domain of yours as well, such as chat.example.org. You sign \
             in there once more: it is another address for your browser.",
            "Erreiche deinen Arbeitsplatz auch unter einer eigenen Domain, etwa chat.example.org. \
             Dort meldest du dich noch einmal an: Für deinen Browser ist es eine andere Adresse.";
        name: "Domain", "Domain";
        hint: "A name below your domain, not the domain itself: there DNS allows no CNAME.",
            "Ein Name unter deiner Domain, nicht die Domain selbst: Dort erlaubt DNS keinen CNAME.";
        understood: "Understood", "Verstanden";
        add: "Add the domain", "Domain hinzufügen";
        remove: "Remove", "Entfernen";
        record: "Set this record where your domain's DNS is kept:",
            "Setze diesen Eintrag dort, wo das DNS deiner Domain verwaltet wird:";
        proxied: "As it is, without a proxy in front of it. It is looked for every few seconds at \
             first; reload this page to see how it stands.",
            "So wie er ist, ohne einen Proxy davor. Anfangs wird alle paar Sekunden danach gesehen; \
             lade diese Seite neu, um den Stand zu sehen.";
        seen: "Seen last:", "Zuletzt gesehen:";
        waiting: "Waiting for DNS", "Wartet auf DNS";
        fetching: "The certificate is being fetched", "Das Zertifikat wird geholt";
        live: "Live", "Erreichbar";
        failed: "There is no certificate yet. We try again by ourselves.",
            "Es gibt noch kein Zertifikat. Wir versuchen es von selbst wieder.";
        open: "Open", "Öffnen";
    }
}

impl DomainText {
    pub(in crate::site) fn standing(&self, standing: &DomainStanding<'_>) -> &'static str {
        match standing {
            DomainStanding::WaitingForDns { .. } => self.waiting,
            DomainStanding::FetchingCertificate => self.fetching,
            DomainStanding::Live => self.live,
            DomainStanding::Failed { .. } => self.failed,
        }
    }
}

/// What became of a domain that another workspace has added, which is not named.
pub(in crate::site) fn lost(language: Language, domain: &Domain, at: Moment) -> String {
    let at = day_and_time(language, at);
    match language {
        Language::English => format!(
            "{domain} was added to another workspace ({at}): its DNS record did not name yours by \
             then. If the domain is yours, add it again and set the record."
        ),
        Language::German => format!(
            "{domain} wurde einem anderen Arbeitsplatz hinzugefügt ({at}): Der DNS-Eintrag nannte \
             deinen bis dahin nicht. Ist die Domain deine, füge sie wieder hinzu und setze den \
             Eintrag."
        ),
    }
}

/// What is wrong with the text that somebody typed.
pub(in crate::site) fn no_domain(language: Language, error: DomainError) -> &'static str {
    let (english, german) = match error {
        DomainError::Length | DomainError::SingleLabel => (
            "Please type a whole domain, such as chat.example.org.",
            "Bitte gib eine ganze Domain ein, etwa chat.example.org.",
        ),
        DomainError::Wildcard => (
            "A wildcard stands for many domains. Please add the one that you mean.",
            "Ein Platzhalter steht für viele Domains. Bitte füge die eine hinzu, die du meinst.",
        ),
        DomainError::Address => (
            "This is an address. Please type a domain, such as chat.example.org.",
            "Das ist eine Adresse. Bitte gib eine Domain ein, etwa chat.example.org.",
        ),
        DomainError::NotAscii => (
            "Please type the domain in its ASCII form, which begins with xn--. Your DNS provider \
             shows it.",
            "Bitte gib die Domain in ihrer ASCII-Form ein, die mit xn-- beginnt. Dein DNS-Anbieter \
             zeigt sie.",
        ),
        DomainError::Character => (
            "A domain has letters, digits, hyphens and dots, without https:// and without a path.",
            "Eine Domain hat Buchstaben, Ziffern, Bindestriche und Punkte, ohne https:// und ohne \
             Pfad.",
        ),
        DomainError::Reserved => {
            ("No public domain has this ending.", "Keine öffentliche Domain hat diese Endung.")
        }
        DomainError::Suffix => (
            "Domains of many owners end in this. Please type one of your own.",
            "So enden die Domains vieler. Bitte gib eine eigene ein.",
        ),
    };
    in_language(language, english, german)
}

/// Why it was not added. `None` when something of ours failed.
pub(in crate::site) fn refused(language: Language, refused: &DomainRefused) -> Option<String> {
    Some(match refused {
        DomainRefused::Ours => in_language(
            language,
            "This is one of our own names. Your workspace has its own already.",
            "Das ist einer unserer eigenen Namen. Dein Arbeitsplatz hat schon einen.",
        )
        .to_owned(),
        DomainRefused::Taken => in_language(
            language,
            "This domain belongs to another workspace. If it is yours, take its DNS record away \
             first.",
            "Diese Domain gehört zu einem anderen Arbeitsplatz. Ist sie deine, nimm erst ihren \
             DNS-Eintrag weg.",
        )
        .to_owned(),
        DomainRefused::TooMany(most) => match language {
            Language::English => format!("A workspace may have {most}. Remove one first."),
            Language::German => {
                format!("Ein Arbeitsplatz darf {most} haben. Entferne erst eine andere.")
            }
        },
        DomainRefused::Busy => in_language(
            language,
            "Very many domains were added just now. Please try again in an hour.",
            "Gerade wurden sehr viele Domains hinzugefügt. Bitte versuche es in einer Stunde wieder.",
        )
        .to_owned(),
        DomainRefused::NoWorkspace | DomainRefused::Store(_) => return None,
    })
}

fn in_language(language: Language, english: &'static str, german: &'static str) -> &'static str {
    match language {
        Language::English => english,
        Language::German => german,
    }
}
