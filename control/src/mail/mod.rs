//! Letters to customers: written once, kept, sent once.
//!
//! `words` has their texts in each language, `content` says what each letter is made of,
//! `rendering` makes HTML and text of it.
//! The result is stored with the task that sends it, in the transaction of what
//! it tells of; `job` carries it to Resend, and `outcome` decides what comes
//! after an error. A retry sends the same bytes under the same key.

mod config;
mod content;
mod job;
mod messages;
mod outcome;
mod renderer;
mod rendering;
mod words;

use std::sync::Arc;

use self::job::MailJob;
use crate::base::metrics::Metrics;
use crate::queue::Job;
use crate::store::Store;

pub use config::ResendConfig;
pub use messages::{ORDER_PATIENCE, Welcome, enqueue_welcome};
pub use renderer::MailRenderer;

/// What sends letters; without `resend` they are kept, and sent by nobody.
///
/// # Errors
/// When a client of Resend cannot be made.
pub fn jobs(
    store: &Store,
    metrics: &Arc<Metrics>,
    resend: Option<&ResendConfig>,
) -> anyhow::Result<Vec<Arc<dyn Job>>> {
    Ok(vec![Arc::new(MailJob::new(store, metrics, resend)?)])
}
