//! The account page.

use std::time::Duration;

use crate::model::subscription::Standing;
use crate::model::user_agent::{BrowserFamily, OperatingSystem, UserAgent};
use crate::site::language::Language;
use vendors::stripe::payment_method::Card;

words! {
    AccountText {
        title: "Account", "Konto";
        heading: "Your account", "Dein Konto";
        sign_out: "Sign out", "Abmelden";
        workspace: "Workspace", "Arbeitsplatz";
        your_name: "Your name", "Dein Name";
        awake: "Awake this month", "Wach in diesem Monat";
        awake_hint: "Your machine sleeps while nobody uses it and nothing is due.",
            "Deine Maschine schläft, solange sie niemand benutzt und nichts ansteht.";
        email: "E-mail", "E-Mail";
        change_email: "Change", "Ändern";
        closed: "Your workspace is closed for now. Everything in it is kept.",
            "Dein Arbeitsplatz ist vorerst geschlossen. Alles darin bleibt erhalten.";
        closed_unpaid: "It opens again as soon as the payment is repaired.",
            "Er öffnet wieder, sobald die Zahlung in Ordnung ist.";
        closed_paused: "Your subscription is paused.", "Dein Abonnement ruht.";
        closed_by_us: "This has nothing to do with your payment: please",
            "Das hat nichts mit deiner Zahlung zu tun: bitte";
        write_to_us: "write to us", "schreib uns";
        open: "Open your workspace", "Deinen Arbeitsplatz öffnen";
        plan: "Your plan", "Dein Tarif";
        price: "Price", "Preis";
        a_month: "a month", "im Monat";
        paid_with: "Paid with", "Bezahlt mit";
        repair: "Repair the payment", "Zahlung in Ordnung bringen";
        cards: "Cards and receipts", "Karten und Belege";
        keep: "Keep the subscription", "Abonnement behalten";
        cancel: "Cancel the subscription", "Abonnement kündigen";
        next_payment: "Next payment", "Nächste Zahlung";
        open_until: "Cancelled, open until", "Gekündigt, offen bis";
        ending: "The subscription is not renewed, and nothing more is charged. After that day the \
             workspace is deleted with everything in it: take with you before what you want to keep. \
             Until then you can change your mind.",
            "Das Abonnement wird nicht verlängert, und nichts wird mehr abgebucht. Nach diesem Tag \
             wird der Arbeitsplatz mit allem darin gelöscht: Nimm vorher mit, was du behalten willst. \
             Bis dahin kannst du es dir anders überlegen.";
        not_known: "not known yet", "noch nicht bekannt";
        export: "Take everything with you", "Nimm alles mit";
        export_what: "Your assistant's settings, skills, files and conversations in one archive \
             (.tar.gz), made for you when you fetch it. Keys and passwords are left out.",
            "Einstellungen, Fähigkeiten, Dateien und Unterhaltungen deines Assistenten in einem Archiv \
             (.tar.gz), das für dich gemacht wird, wenn du es abholst. Schlüssel und Passwörter \
             sind nicht darin.";
        export_until: "You can begin the download in this browser until",
            "Du kannst den Download in diesem Browser beginnen bis";
        export_broken: "Should it break off, have your browser continue it, within six hours; if \
             something in your workspace has changed meanwhile, it begins anew.",
            "Bricht er ab, lass deinen Browser ihn fortsetzen, innerhalb von sechs Stunden; hat sich \
             in deinem Arbeitsplatz inzwischen etwas geändert, beginnt er neu.";
        export_fetch: "Download the archive", "Archiv herunterladen";
        export_ask: "Prepare an archive", "Archiv vorbereiten";
        skills: "Your skills", "Deine Fähigkeiten";
        skills_hint: "Which of them are ready, and what one still needs, stands in your workspace \
             under Skills. To change them,",
            "Welche bereit sind und was einer noch fehlt, steht in deinem Arbeitsplatz unter \
             Fähigkeiten. Um sie zu ändern,";
        password: "Change your password", "Passwort ändern";
        password_changed: "Your password is changed, and every other browser is signed out.",
            "Dein Passwort ist geändert, und jeder andere Browser ist abgemeldet.";
        present_password: "Present password", "Jetziges Passwort";
        new_password: "New password", "Neues Passwort";
        password_hint: "At least 15 characters. A few unrelated words in a row are easy to keep and \
             hard to guess.",
            "Mindestens 15 Zeichen. Ein paar Wörter, die nichts miteinander zu tun haben, sind \
             leicht zu merken und schwer zu erraten.";
        change_password: "Change the password", "Passwort ändern";
        browsers: "Where you are signed in", "Wo du angemeldet bist";
        this_browser: "this one", "dieser hier";
        signed_in_on: "Signed in on", "Angemeldet am";
        last_seen_on: "last seen on", "zuletzt gesehen am";
        everywhere_hint: "Signing out everywhere ends all of them, this one and your workspace \
             included.",
            "Überall abmelden beendet alle, auch diesen und deinen Arbeitsplatz.";
        everywhere: "Sign out everywhere", "Überall abmelden";
        leave: "Leave at once", "Sofort gehen";
        leave_hint: "Your workspace closes now, and everything about you is deleted. You are asked \
             once more.",
            "Dein Arbeitsplatz schließt jetzt, und alles über dich wird gelöscht. Du wirst noch \
             einmal gefragt.";
        delete: "Delete everything", "Alles löschen";
    }
}

/// `Firefox on Linux`, or as much of it as is known.
pub(in crate::site) fn browser_name(language: Language, of: UserAgent) -> String {
    let browser = of.browser.map(family_name);
    let system = of.system.map(|system| system_name(language, system));
    match (language, browser, system) {
        (_, Some(browser), Some(system)) => format!("{browser} {system}"),
        (_, Some(browser), None) => browser.to_owned(),
        (Language::English, None, Some(system)) => format!("A browser {system}"),
        (Language::German, None, Some(system)) => format!("Ein Browser {system}"),
        (Language::English, None, None) => "A browser".to_owned(),
        (Language::German, None, None) => "Ein Browser".to_owned(),
    }
}

const fn family_name(family: BrowserFamily) -> &'static str {
    match family {
        BrowserFamily::Chrome => "Chrome",
        BrowserFamily::DuckDuckGo => "DuckDuckGo",
        BrowserFamily::Edge => "Edge",
        BrowserFamily::Firefox => "Firefox",
        BrowserFamily::Opera => "Opera",
        BrowserFamily::Safari => "Safari",
        BrowserFamily::SamsungInternet => "Samsung Internet",
        BrowserFamily::Vivaldi => "Vivaldi",
    }
}

/// As it stands behind the browser's name.
fn system_name(language: Language, system: OperatingSystem) -> String {
    let (name, is_device) = match system {
        OperatingSystem::Android => ("Android", false),
        OperatingSystem::ChromeOs => ("ChromeOS", false),
        OperatingSystem::IPad => ("iPad", true),
        OperatingSystem::IPhone => ("iPhone", true),
        OperatingSystem::Linux => ("Linux", false),
        OperatingSystem::MacOs => ("macOS", false),
        OperatingSystem::Windows => ("Windows", false),
    };
    match (language, is_device) {
        (Language::English, false) => format!("on {name}"),
        (Language::English, true) => format!("on an {name}"),
        (Language::German, false) => format!("unter {name}"),
        (Language::German, true) => format!("auf einem {name}"),
    }
}

/// What the button beside a browser does, for who does not see beside what it stands.
pub(in crate::site) fn sign_out_label(language: Language, name: &str, last_seen: &str) -> String {
    match language {
        Language::English => format!("Sign out: {name}, last seen on {last_seen}"),
        Language::German => format!("Abmelden: {name}, zuletzt gesehen am {last_seen}"),
    }
}

/// A card, as its owner knows it from others.
pub(in crate::site) fn paid_with(language: Language, card: &Card) -> String {
    let last4 = card.last4();
    match language {
        Language::English => format!("{} ending in {last4}", card.brand().unwrap_or("A card")),
        Language::German => {
            format!("{} mit den Endziffern {last4}", card.brand().unwrap_or("Eine Karte"))
        }
    }
}

/// `3 hours`, `45 minutes`: minutes below two hours, rounded down.
pub(in crate::site) fn awake_for(language: Language, awake: Duration) -> String {
    let minutes = awake.as_secs() / 60;
    let (hours, is_short) = (minutes / 60, minutes < 120);
    match language {
        Language::English if minutes == 0 => "less than a minute".to_owned(),
        Language::English if minutes == 1 => "a minute".to_owned(),
        Language::English if is_short => format!("{minutes} minutes"),
        Language::English => format!("{hours} hours"),
        Language::German if minutes == 0 => "weniger als eine Minute".to_owned(),
        Language::German if minutes == 1 => "eine Minute".to_owned(),
        Language::German if is_short => format!("{minutes} Minuten"),
        Language::German => format!("{hours} Stunden"),
    }
}

/// What is the matter with the subscription, where something is. `until` is the end of its grace,
/// or when a closed workspace is deleted.
pub(in crate::site) fn warning(
    language: Language,
    standing: Standing,
    until: Option<&str>,
) -> Option<String> {
    let until = until.unwrap_or_default();
    Some(match (language, standing) {
        (Language::English, Standing::Grace { .. }) => format!(
            "Your last payment did not go through. Your workspace stays open until {until}; \
             repair the payment before then."
        ),
        (Language::German, Standing::Grace { .. }) => format!(
            "Deine letzte Zahlung kam nicht an. Dein Arbeitsplatz bleibt offen bis {until}; bring \
             die Zahlung vorher in Ordnung."
        ),
        (Language::English, Standing::Stopped) => {
            let kept = match until {
                "" => "Everything in it is kept.".to_owned(),
                until => format!("Everything in it is kept until {until}, and then deleted."),
            };
            format!(
                "Your last payment did not go through, and your workspace is closed. {kept} It \
                 opens again as soon as the payment is repaired."
            )
        }
        (Language::German, Standing::Stopped) => {
            let kept = match until {
                "" => "Alles darin bleibt erhalten.".to_owned(),
                until => format!("Alles darin bleibt bis {until} erhalten und wird dann gelöscht."),
            };
            format!(
                "Deine letzte Zahlung kam nicht an, und dein Arbeitsplatz ist geschlossen. {kept} \
                 Er öffnet wieder, sobald die Zahlung in Ordnung ist."
            )
        }
        (Language::English, Standing::Paused) => {
            "Your subscription is paused: nothing is charged, and your workspace is closed. \
             Everything in it is kept. It opens again as soon as the subscription goes on."
                .to_owned()
        }
        (Language::German, Standing::Paused) => {
            "Dein Abonnement ruht: Nichts wird abgebucht, und dein Arbeitsplatz ist geschlossen. \
             Alles darin bleibt erhalten. Er öffnet wieder, sobald das Abonnement weitergeht."
                .to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_its_owner_calls_it() {
        let check = |browser, system, english: &str, german: &str| {
            let said = |language| browser_name(language, UserAgent { browser, system });
            assert_eq!((&*said(Language::English), &*said(Language::German)), (english, german));
        };
        let (firefox, linux) = (Some(BrowserFamily::Firefox), Some(OperatingSystem::Linux));
        check(firefox, linux, "Firefox on Linux", "Firefox unter Linux");
        check(firefox, None, "Firefox", "Firefox");
        check(None, linux, "A browser on Linux", "Ein Browser unter Linux");
        check(None, None, "A browser", "Ein Browser");
        let iphone = Some(OperatingSystem::IPhone);
        let safari = Some(BrowserFamily::Safari);
        check(safari, iphone, "Safari on an iPhone", "Safari auf einem iPhone");
    }

    #[test]
    fn time_awake_is_said_as_people_do() {
        let check = |seconds, english: &str, german: &str| {
            let said = |language| awake_for(language, Duration::from_secs(seconds));
            assert_eq!((&*said(Language::English), &*said(Language::German)), (english, german));
        };
        check(0, "less than a minute", "weniger als eine Minute");
        check(119, "a minute", "eine Minute");
        check(7_199, "119 minutes", "119 Minuten");
        check(7_200, "2 hours", "2 Stunden");
        check(100 * 3_600 + 3_599, "100 hours", "100 Stunden");
    }
}
