//! The page that an error is, around what it says.

use crate::site::language::Language;

words! {
    ErrorText {
        nothing_here: "Nothing here", "Hier ist nichts";
        not_ours: "Not one of ours", "Keine von unseren";
        wait: "Please wait a while", "Bitte warte eine Weile";
        failed: "That did not work", "Das hat nicht geklappt";
        refused: "That cannot be done", "Das geht nicht";
        to_start: "To the start page", "Zur Startseite";
    }
}
