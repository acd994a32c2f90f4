//! What stands around a refusal on its page, and what the other pages say.

/// A text that is missing in a language does not compile.
pub(super) struct PageText {
    pub(super) to_account: &'static str,
    pub(super) to_site: &'static str,
    pub(super) waiting: &'static str,
    /// Of a machine that should have been awake long ago.
    pub(super) late: &'static str,
    pub(super) contact: &'static str,
    /// Before its id.
    pub(super) request: &'static str,
    pub(super) too_much: &'static str,
    pub(super) too_much_how: &'static str,
    pub(super) clear_cookies: &'static str,
    pub(super) moment: &'static str,
    pub(super) go_on: &'static str,
}

pub(super) const ENGLISH: PageText = PageText {
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
