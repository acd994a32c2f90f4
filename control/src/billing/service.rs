//! What selling needs, made at the start and checked there.

use std::sync::Arc;
use std::time::Duration;

use shared::PublicSite;
use shared::process::Complaints;
use tracing::warn;

use super::offer::Offer;
use super::settings::{SignUpConfig, StripeConfig};
use crate::base::amount::Amount;
use crate::base::clock::{Clock, Moment};
use crate::base::concurrency_limit::ConcurrencyLimit;
use crate::base::hourly_limit::HourlyLimit;
use crate::mail::MailRenderer;
use crate::routes::Publisher;
use crate::store::{Actor, JournalFilter, Store, StoreError};
use vendors::stripe::id::{PortalConfigurationId, PriceId};
use vendors::stripe::price::Price;
use vendors::stripe::{Retries, Stripe, StripeError, WebhookSecrets};
use vendors::{Again, BuildError};

/// Deliveries that are read at once: with a body of a megabyte each, what they
/// may take of the memory. One takes milliseconds; the next ones wait.
const DELIVERIES: usize = 32;

/// Deliveries that wait to be read: with the others, what a crowd sends that pays within
/// a second. Beyond them, Stripe is told to send again.
const DELIVERIES_IN_LINE: usize = 224;

/// How long a delivery waits for its turn. Stripe waits ten seconds for all of it, and
/// sends again only much later; its body, and two commits, of two seconds each at most,
/// come after.
const DELIVERY_MAX_WAIT: Duration = Duration::from_secs(3);

/// Workspaces that end within an hour because a look of our own, and no event, found their
/// subscriptions over. Ten times what is to be expected of ten thousand customers of whom one
/// in twenty leaves each month, with half of all events lost for three days.
pub const ENDS_AN_HOUR: usize = 20;

/// How long the start waits for Stripe to say whether the price exists.
const PRICE_DEADLINE: Duration = Duration::from_secs(5);

/// Everything that selling needs, and nothing of the web.
pub struct BillingService {
    pub stripe: StripeBilling,
    pub offer: Offer,
    pub settings: SignUpConfig,
    pub site: PublicSite,
    pub store: Store,
    pub clock: Clock,
    pub renderer: MailRenderer,
    pub publisher: Arc<Publisher>,
    /// How many workspaces reconcilers may end.
    pub ends: HourlyLimit,
}

impl BillingService {
    /// Notes in the journal at which prices is sold from now on, where these are others than
    /// before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn note_price(&self, shown: Amount) -> Result<(), StoreError> {
        let Offer { price, former_prices, .. } = &self.offer;
        let former: Vec<_> = former_prices.iter().map(PriceId::as_str).collect();
        let act = match former.as_slice() {
            [] => format!("sells at {price}, {shown} a month"),
            former => format!("sells at {price}, {shown} a month; before: {}", former.join(", ")),
        };
        let filter = JournalFilter { subject: Some("price"), ..JournalFilter::default() };
        let last = self.store.journal(&filter, 1).await?;
        if last.first().is_some_and(|last| last.act == act) {
            return Ok(());
        }
        let by = Actor::System("configuration");
        self.store.note_act(by, ("price", None), &act, self.now()).await
    }

    pub(super) fn now(&self) -> Moment {
        (self.clock)()
    }
}

/// What is needed to sell: Stripe, and what is sold there.
pub struct StripeBilling {
    pub client: Stripe,
    pub price: PriceId,
    pub is_live: bool,
    pub secrets: WebhookSecrets,
    pub portal: Option<PortalConfigurationId>,
    /// Origins of Stripe's pages, with blanks between them.
    pub pages: String,
    pub deliveries: ConcurrencyLimit,
}

impl StripeBilling {
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn new(config: &StripeConfig) -> Result<Self, BuildError> {
        let pages: Vec<_> = config.pages.iter().map(shared::Upstream::as_str).collect();
        Ok(Self {
            client: Stripe::new(&config.url, &config.secret_key, Retries::default())?,
            price: config.price.clone(),
            is_live: config.is_live,
            secrets: config.secrets.clone(),
            portal: config.portal.clone(),
            pages: pages.join(" "),
            deliveries: ConcurrencyLimit::new(DELIVERIES, DELIVERIES_IN_LINE, DELIVERY_MAX_WAIT),
        })
    }

    /// Asks Stripe for the price, so that a wrong one is noticed before a customer does.
    ///
    /// # Errors
    /// Every complaint, when Stripe says that the key or the price is wrong, or not `shown`, which our
    /// pages name. When it says nothing, that is logged: we must be able to start
    /// without it.
    pub async fn check(&self, shown: Amount) -> Result<(), Complaints> {
        let price = match tokio::time::timeout(PRICE_DEADLINE, self.client.price(&self.price)).await
        {
            Ok(Ok(price)) => price,
            Ok(Err(error)) if is_about_settings(&error) => {
                let key = if error.is_missing() { "stripe.price" } else { "stripe.secret_key" };
                let error = anyhow::Error::from(error);
                return Err(Complaints::found_later(vec![format!("{key}: {error:#}")]));
            }
            Ok(Err(error)) => {
                let error = anyhow::Error::from(error);
                warn!("{error:#}; whether stripe.price exists is not known");
                return Ok(());
            }
            Err(_late) => {
                warn!("stripe is slow; whether stripe.price exists is not known");
                return Ok(());
            }
        };
        let faults = faults(&price, self.is_live, shown);
        if faults.is_empty() {
            return Ok(());
        }
        let line = |fault| format!("stripe.price: {}: {fault}", price.id);
        Err(Complaints::found_later(faults.into_iter().map(line).collect()))
    }
}

/// Every reason why nothing should be sold at this price.
fn faults(price: &Price, is_live: bool, shown: Amount) -> Vec<String> {
    let Price { currency, unit_amount, .. } = price;
    let amount = match *unit_amount {
        None => Some(format!("it is no fixed sum, and site.price says {shown}")),
        Some(amount) if shown.is(amount, currency) => None,
        Some(amount) => {
            Some(format!("its unit_amount is {amount} {currency}, and site.price says {shown}"))
        }
    };
    let rules = [
        (price.livemode != is_live, "it is of the other mode than stripe.secret_key"),
        (!price.active, "it is not active: nobody can buy at it"),
        (!price.is_monthly(), "it is not paid every month, as our pages say"),
    ];
    let broken = rules.into_iter().filter(|(is_broken, _)| *is_broken);
    broken.map(|(_, fault)| fault.to_owned()).chain(amount).collect()
}

/// Stripe understood us, and will not change its mind.
fn is_about_settings(error: &StripeError) -> bool {
    matches!(error, StripeError::Refused(_)) && error.again() == Again::Never
}
