//! A request of the page for a connection of the agent's own.

use super::hands::Hand;

/// Requests of one page that wait for that connection; a person answers one question at a time.
pub(super) const ORDERS_MAX: usize = 16;

/// A message with a file is larger: of these one waits at a time.
pub(super) const ORDER_LARGE_BYTES: usize = 256 << 10;

/// It has been checked, and goes to the gateway as it is; what its owner says to the assistant
/// once the gateway was asked for its configuration.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: Box<str>,
    pub(super) frame: String,
    pub(super) is_owners: bool,
    /// What makes the page's answer out of the gateway's; `None`: it goes on as it is.
    pub(super) hand: Option<&'static Hand>,
    /// `frame` asks for what has to be known before these are sent.
    pub(super) then: Option<serde_json::Value>,
}
