//! Makes what the handlers share out of the configuration.

use std::sync::Arc;

use crate::accounts::Accounts;
use crate::accounts::operators::Operators;
use crate::accounts::passwords::Passwords;
use crate::accounts::sign_in::SignIn;
use crate::app::{App, Installed, SharedApp};
use crate::base::clock::Clock;
use crate::base::hourly_limit::HourlyLimit;
use crate::base::metrics::Metrics;
use crate::billing::{BillingService, ENDS_AN_HOUR, Offer, StripeBilling, StripeConfig};
use crate::domains::DomainService;
use crate::http::sse_connections::SseConnections;
use crate::machines::context::Machines;
use crate::mail::MailRenderer;
use crate::queue::Queue;
use crate::routes::Publisher;
use crate::serve::config::Config;
use crate::store::Store;

/// Starts the publisher; nothing is listened to yet.
///
/// # Errors
/// When a password cannot be hashed or no client for the edges be made.
pub(super) async fn assemble(
    config: &Config,
    store: Store,
    machines: Option<Arc<Machines>>,
    clock: Clock,
) -> anyhow::Result<SharedApp> {
    let metrics = Metrics::new();
    let publisher =
        Publisher::start(&config.edges, config.publish, &store, &config.keys, &metrics, &clock);
    let publisher = Arc::new(publisher.await?);
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
        ends: HourlyLimit::new(ENDS_AN_HOUR),
    };
    let stripe = config.stripe.as_ref().map(StripeBilling::new).transpose()?;
    let billing = stripe.zip(config.stripe.as_ref()).map(billing).map(Arc::new);
    let is_open = config.certificates.is_some() && config.domains.most > 0;
    let domains = is_open.then(|| {
        Arc::new(DomainService::new(
            store.clone(),
            Arc::clone(&publisher),
            config.site.clone(),
            config.domains,
            Arc::clone(&clock),
        ))
    });
    Ok(Arc::new(App {
        site: config.site.clone(),
        workspace_origins: config.workspace_origins.clone(),
        texts: config.texts.clone(),
        machine_costs: config.machine_costs,
        keys: config.keys.clone(),
        operators: Operators::new(config.admin_key.clone(), config.operators.clone()),
        sessions: config.sessions,
        addresses: config.addresses.clone(),
        queue: Queue::of(&store),
        machines,
        sign_in: SignIn::new(store.reserved(), passwords),
        renderer,
        accounts,
        domains,
        store,
        publisher,
        join: config.join.clone(),
        billing,
        sign_up: config.sign_up,
        metrics,
        sse: SseConnections::new(),
        clock,
        installed: Installed {
            patience: config.tasks.patience,
            sends_mail: config.resend.is_some(),
            opens_tickets: config.linear.is_some(),
            obtains_certificates: config.certificates.is_some(),
        },
    }))
}
