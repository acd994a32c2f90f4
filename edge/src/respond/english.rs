//! The edge's pages in English: what each refusal says, and what stands around it. Programs
//! are told the sentence, too.

use super::page_text::PageText;
use super::refusal::Refusal;

/// Title and sentence.
fn refusal(refusal: Refusal) -> [&'static str; 2] {
    match refusal {
        Refusal::UnknownHost | Refusal::UnknownWorkspace => [
            "There is no workspace here",
            "Check the address. A workspace that was cancelled is gone from here too.",
        ],
        Refusal::Preparing => [
            "Your workspace is being prepared",
            "This takes a few seconds. The page opens it by itself.",
        ],
        Refusal::Suspended => [
            "This workspace is closed for now",
            "Everything in it is kept. Your account page says why, and how it opens again: \
                 a missing payment can be put right there.",
        ],
        Refusal::WorkspaceLocked => [
            "This workspace is locked",
            "Access was closed for now. Write to us if you did not expect that.",
        ],
        Refusal::AccessEnded => [
            "Your access has ended",
            "You were signed out, or the workspace was closed, while this was on its way.",
        ],
        Refusal::ForeignOrigin => [
            "That did not come from this workspace",
            "Only pages of this workspace may connect to it.",
        ],
        Refusal::ServiceWorker => {
            ["Service workers are not served here", "A workspace cannot install a service worker."]
        }
        Refusal::TooManyRequests => {
            ["Too many requests", "Please wait a moment. The page tries again by itself."]
        }
        Refusal::TooManyConnections => [
            "Too many connections",
            "Too many connections are open from your address. Close some and try again.",
        ],
        Refusal::TooManySockets => [
            "Too many open chats",
            "Too many windows of this workspace are open. Close some and try again.",
        ],
        Refusal::BodyTooLarge => {
            ["That is too large", "The upload is larger than a workspace takes."]
        }
        Refusal::LongTarget => [
            "That address is too long",
            "Nothing here has an address of that length. Go to the beginning and look from there.",
        ],
        Refusal::BodyTimeout => {
            ["The upload stopped", "Nothing more of it has come for a minute. Please try again."]
        }
        Refusal::SpriteUnreachable => {
            ["Your workspace did not answer", "Nothing is lost. The page tries again by itself."]
        }
        Refusal::SpriteTimeout => {
            ["Your workspace took too long", "Nothing is lost. The page tries again by itself."]
        }
        Refusal::SpriteRefusedUpgrade => {
            ["The connection was not taken", "The workspace did not open a live connection."]
        }
        Refusal::Waking => [
            "Your workspace is waking up",
            "It sleeps while nobody uses it. The page opens it by itself, within seconds.",
        ],
        Refusal::GivenUp => [
            "Your workspace does not answer",
            "Nothing is lost. We go on trying, and the page opens it by itself.",
        ],
        Refusal::SiteUnreachable => [
            "The site is away for a moment",
            "Open workspaces go on working. The page tries again by itself.",
        ],
        Refusal::NotReady => ["Just a moment", "We are starting. The page tries again by itself."],
    }
}

pub(super) const TEXT: PageText = PageText {
    refusal,
    to_account: "Go to my account",
    to_site: "Go to Arcamatrix",
    waiting: "Waiting…",
    late: "It has not answered for a minute, which is longer than it should take. We go on trying. \
           If it stays like this, write to us and name the request below.",
    contact: "Contact",
    request: "Request",
    too_much: "Your browser sent too much",
    too_much_how: "Most likely too many cookies have piled up for this address. Clear them and sign \
                   in again; nothing in your workspace is lost.",
    clear_cookies: "Clear cookies",
    moment: "One moment",
    go_on: "Continue to your workspace",
};
