//! What every handler shares.

pub mod join_config;
pub mod site_config;

use std::sync::Arc;
use std::time::Duration;

use shared::{AddressPolicy, PublicSite};

use crate::accounts::operators::Operators;
use crate::accounts::sign_in::SignIn;
use crate::accounts::{Accounts, SessionTimes};
use crate::app::join_config::JoinConfig;
use crate::app::site_config::SiteConfig;
use crate::base::clock::{Clock, Moment};
use crate::base::key_file::KeyFile;
use crate::base::metrics::Metrics;
use crate::billing::{BillingService, SignUpConfig};
use crate::domains::DomainService;
use crate::http::sse_connections::SseConnections;
use crate::machines::context::Machines;
use crate::machines::job_context::JobContext;
use crate::mail::MailRenderer;
use crate::model::machine_costs::MachineCosts;
use crate::queue::Queue;
use crate::routes::Publisher;
use crate::store::Store;

pub type SharedApp = Arc<App>;

pub struct App {
    pub site: PublicSite,
    pub workspace_origins: String,
    /// What the site says about who runs it.
    pub texts: SiteConfig,
    pub machine_costs: MachineCosts,
    pub keys: Arc<KeyFile>,
    pub operators: Operators,
    pub sessions: SessionTimes,
    pub addresses: AddressPolicy,
    pub store: Store,
    pub publisher: Arc<Publisher>,
    /// Without it no machine joins as an edge.
    pub join: Option<JoinConfig>,
    pub queue: Queue,
    /// `None` where nothing is provisioned.
    pub machines: Option<Arc<Machines>>,
    pub sign_in: SignIn,
    pub renderer: MailRenderer,
    pub accounts: Accounts,
    /// Without it nothing is sold.
    pub billing: Option<Arc<BillingService>>,
    pub sign_up: SignUpConfig,
    /// Without it nobody brings a domain of their own.
    pub domains: Option<Arc<DomainService>>,
    pub metrics: Arc<Metrics>,
    pub sse: Arc<SseConnections>,
    pub clock: Clock,
    pub installed: Installed,
}

/// What the configuration says that nobody needs but whoever asks whether all is well.
#[derive(Debug, Clone, Copy)]
pub struct Installed {
    /// How long somebody who has paid may wait for a workspace.
    pub patience: Duration,
    pub sends_mail: bool,
    pub opens_tickets: bool,
    pub obtains_certificates: bool,
}

impl App {
    /// The site's host, with its port where that is not the scheme's own.
    pub fn site_host(&self) -> &str {
        self.site.site_url().split_once("://").map_or("", |(_, host)| host)
    }

    /// What the work at machines needs; `None` where nothing is provisioned.
    pub fn job_context(&self) -> Option<JobContext> {
        Some(JobContext {
            machines: Arc::clone(self.machines.as_ref()?),
            store: self.store.clone(),
            queue: self.queue.clone(),
            publisher: Arc::clone(&self.publisher),
            renderer: self.renderer.clone(),
            site: self.site.clone(),
            keys: Arc::clone(&self.keys),
            addresses: self.addresses.clone(),
            quarantine: self.sign_up.quarantine,
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.clock),
        })
    }

    pub fn now(&self) -> Moment {
        (self.clock)()
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
