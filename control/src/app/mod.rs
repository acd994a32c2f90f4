//! What every handler shares.

pub mod site_config;

use std::sync::Arc;

use shared::{AddressPolicy, PublicSite, Secret};

use crate::accounts::passwords::Passwords;
use crate::accounts::sign_in::SignIn;
use crate::accounts::{Accounts, SessionTimes};
use crate::app::site_config::SiteConfig;
use crate::base::clock::{Clock, Moment};
use crate::base::key_file::KeyFile;
use crate::base::metrics::Metrics;
use crate::billing::{BillingService, Offer, SignUpConfig, StripeBilling, StripeConfig};
use crate::http::sse_connections::SseConnections;
use crate::machines::context::Machines;
use crate::machines::job_context::JobContext;
use crate::mail::MailRenderer;
use crate::queue::Queue;
use crate::routes::Publisher;
use crate::serve::config::Config;
use crate::store::Store;

pub type SharedApp = Arc<App>;

pub struct App {
    pub site: PublicSite,
    pub workspace_origins: String,
    /// What the site says about who runs it.
    pub texts: SiteConfig,
    pub keys: Arc<KeyFile>,
    pub admin_key: Secret<String>,
    pub sessions: SessionTimes,
    pub addresses: AddressPolicy,
    pub store: Store,
    pub publisher: Arc<Publisher>,
    pub queue: Queue,
    /// `None` where nothing is provisioned.
    pub machines: Option<Arc<Machines>>,
    pub sign_in: SignIn,
    pub renderer: MailRenderer,
    pub accounts: Accounts,
    /// Without it nothing is sold.
    pub billing: Option<Arc<BillingService>>,
    pub sign_up: SignUpConfig,
    pub metrics: Arc<Metrics>,
    pub sse: Arc<SseConnections>,
    clock: Clock,
}

impl App {
    /// Starts the publisher; nothing is listened to yet.
    ///
    /// # Errors
    /// When a password cannot be hashed or no client for the edges be made.
    pub fn start(
        config: &Config,
        store: Store,
        machines: Option<Arc<Machines>>,
        clock: Clock,
    ) -> anyhow::Result<SharedApp> {
        let metrics = Metrics::new();
        let publisher = Publisher::start(&config.edges, config.publish, &store, &metrics, &clock)?;
        let publisher = Arc::new(publisher);
        let renderer = MailRenderer::new(&config.site, config.texts.price, config.resend.as_ref());
        let passwords = Arc::new(Passwords::new()?);
        let accounts = Accounts::new(
            store.clone(),
            Arc::clone(&clock),
            renderer.clone(),
            Arc::clone(&publisher),
            Arc::clone(&passwords),
        );
        let billing = |(stripe, config_of_stripe): (StripeBilling, &StripeConfig)| BillingService {
            offer: Offer {
                price: stripe.price.clone(),
                former_prices: config_of_stripe.former_prices.clone(),
                currency: config.texts.price.currency(),
                is_live: stripe.is_live,
            },
            stripe,
            settings: config.sign_up,
            site: config.site.clone(),
            store: store.clone(),
            clock: Arc::clone(&clock),
            renderer: renderer.clone(),
            publisher: Arc::clone(&publisher),
        };
        let stripe = config.stripe.as_ref().map(StripeBilling::new).transpose()?;
        let billing = stripe.zip(config.stripe.as_ref()).map(billing).map(Arc::new);
        Ok(Arc::new(Self {
            site: config.site.clone(),
            workspace_origins: config.workspace_origins.clone(),
            texts: config.texts.clone(),
            keys: config.keys.clone(),
            admin_key: config.admin_key.clone(),
            sessions: config.sessions,
            addresses: config.addresses.clone(),
            queue: Queue::of(&store),
            machines,
            sign_in: SignIn::new(store.reserved(), passwords),
            renderer,
            accounts,
            store,
            publisher,
            billing,
            sign_up: config.sign_up,
            metrics,
            sse: SseConnections::new(),
            clock,
        }))
    }

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
