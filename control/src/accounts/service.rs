//! What the account operations need: the database, the clock, the mail renderer, the
//! publisher and the password hasher. Web handlers get it whole; it knows no handler.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::passwords::Passwords;
use crate::base::clock::{Clock, Moment};
use crate::mail::MailRenderer;
use crate::routes::Publisher;
use crate::store::Store;

/// Requests for a link whose mails are being written at once; each takes milliseconds.
pub(super) const LINK_REQUESTS_AT_ONCE: usize = 16;

/// Cheap to clone: the parts are shared.
#[derive(Clone)]
pub struct Accounts {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) renderer: MailRenderer,
    pub(super) publisher: Arc<Publisher>,
    pub(super) passwords: Arc<Passwords>,
    pub(super) link_requests: Arc<Semaphore>,
}

impl Accounts {
    pub fn new(
        store: Store,
        clock: Clock,
        renderer: MailRenderer,
        publisher: Arc<Publisher>,
        passwords: Arc<Passwords>,
    ) -> Self {
        let link_requests = Arc::new(Semaphore::new(LINK_REQUESTS_AT_ONCE));
        Self { store, clock, renderer, publisher, passwords, link_requests }
    }

    /// Requests for a link whose mails are not all written yet.
    pub fn link_requests_in_flight(&self) -> usize {
        LINK_REQUESTS_AT_ONCE - self.link_requests.available_permits()
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }
}
