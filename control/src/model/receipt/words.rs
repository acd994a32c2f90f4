//! What a receipt says, in each language: a text that is missing in one of them does not compile.

use crate::base::language::Language;

/// Each that has a machine or a number in it is given it.
pub(super) struct ReceiptText {
    pub(super) closed: &'static str,
    pub(super) every_edge: &'static str,
    pub(super) every_edge_serves: fn(generation: &str) -> String,
    pub(super) stopped: fn(machine: &str) -> String,
    pub(super) stopped_late: &'static str,
    pub(super) provider_said_so: &'static str,
    pub(super) wiped: fn(machine: &str) -> String,
    pub(super) wiped_proof: fn(places: u64, checkpoints: u64, services: u64) -> String,
    pub(super) kept: fn(machine: &str, until: &str) -> String,
    pub(super) kept_why: &'static str,
    pub(super) destroyed: fn(machine: &str) -> String,
    pub(super) destroyed_proof: &'static str,
    pub(super) account: &'static str,
    pub(super) account_proof: &'static str,
}

impl ReceiptText {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }
}

const ENGLISH: ReceiptText = ReceiptText {
    closed: "The way in is closed, and every connection ended",
    every_edge: "every edge that is up has said so",
    every_edge_serves: |generation| format!("every edge that is up serves generation {generation}"),
    stopped: |machine| format!("What ran in the machine {machine} is stopped"),
    stopped_late: "it did not stop in time, and ended with the machine",
    provider_said_so: "the provider has said so",
    wiped: |machine| format!("The disk of the machine {machine} is put back to what it was before"),
    wiped_proof: |places, checkpoints, services| {
        format!(
            "a search that had found marks planted in {places} places found none of them \
             afterwards, and none of the workspace's keys; {checkpoints} checkpoints and {services} \
             services are removed, and the files are those from before"
        )
    },
    kept: |machine, until| {
        format!(
            "The machine {machine} is kept from everybody, and destroyed with its disk by {until}"
        )
    },
    kept_why: "nobody is given it: a search could not prove that its disk is clean, and an \
               operator looks at why",
    destroyed: |machine| {
        format!("The machine {machine} is destroyed, with its disk and its checkpoints")
    },
    destroyed_proof: "the provider was asked twice, and has no such machine",
    account: "The account is deleted: e-mail address, password, sessions and links",
    account_proof: "together with this receipt, in one step of the database",
};

const GERMAN: ReceiptText = ReceiptText {
    closed: "Der Zugang ist geschlossen und jede Verbindung beendet",
    every_edge: "jeder unserer Eingänge, der läuft, hat es bestätigt",
    every_edge_serves: |generation| {
        format!("jeder unserer Eingänge, der läuft, arbeitet mit Stand {generation}")
    },
    stopped: |machine| format!("Was in der Maschine {machine} lief, ist angehalten"),
    stopped_late: "es hielt nicht rechtzeitig an und endete mit der Maschine",
    provider_said_so: "der Anbieter hat es bestätigt",
    wiped: |machine| {
        format!("Die Festplatte der Maschine {machine} ist wieder, wie sie vorher war")
    },
    wiped_proof: |places, checkpoints, services| {
        format!(
            "eine Suche, die Markierungen an {places} Stellen gefunden hatte, fand danach keine \
             davon und keinen Schlüssel des Arbeitsplatzes; {checkpoints} Sicherungspunkte und \
             {services} Dienste sind entfernt, und die Dateien sind die von vorher"
        )
    },
    kept: |machine, until| {
        format!(
            "Die Maschine {machine} ist für alle gesperrt und wird mit ihrer Festplatte zerstört \
             bis {until}"
        )
    },
    kept_why: "niemand bekommt sie: Eine Suche konnte nicht beweisen, dass ihre Festplatte sauber \
               ist, und jemand von uns sieht nach, warum",
    destroyed: |machine| {
        format!(
            "Die Maschine {machine} ist zerstört, mit ihrer Festplatte und ihren Sicherungspunkten"
        )
    },
    destroyed_proof: "der Anbieter wurde zweimal gefragt und hat keine solche Maschine",
    account: "Das Konto ist gelöscht: E-Mail-Adresse, Passwort, Anmeldungen und Links",
    account_proof: "zusammen mit diesem Beleg, in einem Schritt der Datenbank",
};
