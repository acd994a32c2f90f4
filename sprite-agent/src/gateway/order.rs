//! A request of the page for the agent's own connection.

/// Requests of one page that wait for that connection; a person answers one question at a time.
pub(super) const ORDERS_MAX: usize = 16;

/// It has been checked, and goes to the gateway as it is.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: Box<str>,
    pub(super) frame: String,
}
