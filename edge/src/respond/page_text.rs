//! Everything that the edge's pages say, in one language.

use super::refusal::Refusal;

/// A text that is missing in a language does not compile.
pub(super) struct PageText {
    /// Title and sentence.
    pub(super) refusal: fn(Refusal) -> [&'static str; 2],
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
