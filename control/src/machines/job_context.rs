//! What the work at machines needs of the rest of the program.

use std::sync::Arc;
use std::time::Duration;

use shared::{AddressPolicy, PublicSite};

use super::context::Machines;
use crate::base::clock::{Clock, Moment};
use crate::base::key_file::KeyFile;
use crate::base::metrics::Metrics;
use crate::mail::MailRenderer;
use crate::queue::Queue;
use crate::routes::Publisher;
use crate::store::Store;

#[derive(Clone)]
pub struct JobContext {
    pub machines: Arc<Machines>,
    pub store: Store,
    pub queue: Queue,
    pub publisher: Arc<Publisher>,
    pub renderer: MailRenderer,
    pub site: PublicSite,
    pub keys: Arc<KeyFile>,
    /// Which addresses edges take for a machine's.
    pub addresses: AddressPolicy,
    /// How long nobody gets the name of a workspace that has ended.
    pub quarantine: Duration,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
}

impl JobContext {
    pub fn now(&self) -> Moment {
        (self.clock)()
    }
}
