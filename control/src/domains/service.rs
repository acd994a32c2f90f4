//! Adds and removes domains. Whoever adds one has it looked at at once; one that is removed is
//! taken away from every edge before that is answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::{Domain, PublicSite, Username};
use tokio::sync::Notify;

use super::DomainsConfig;
use crate::base::clock::{Clock, Moment};
use crate::base::hourly_limit::HourlyLimit;
use crate::model::domain::OwnDomain;
use crate::routes::Publisher;
use crate::store::accounts::domains::DomainAdded;
use crate::store::{Actor, Store, StoreError};

/// Domains that all customers together may add within an hour: each costs looks at DNS, and
/// an order where it is proven.
const ADDED_AN_HOUR: usize = 300;

/// The same for one workspace, so that nobody takes what the others have.
const OWN_ADDED_AN_HOUR: usize = 10;

/// Workspaces whose counts are kept: as many as may add one in three hours.
const COUNTED_MAX: usize = 1_000;

pub struct DomainService {
    pub(super) store: Store,
    pub(super) publisher: Arc<Publisher>,
    pub(super) site: PublicSite,
    pub(super) config: DomainsConfig,
    pub(super) clock: Clock,
    /// Of the reconciler: there is something to look at.
    pub(super) added: Notify,
    adding: HourlyLimit,
    own_adding: Mutex<HashMap<Username, HourlyLimit>>,
}

/// Why a domain is not added.
#[derive(Debug, thiserror::Error)]
pub enum DomainRefused {
    /// It ends in our own.
    #[error("names below our own are given by us")]
    Ours,
    #[error("it belongs to another workspace")]
    Taken,
    #[error("a workspace has at most {0}")]
    TooMany(u64),
    #[error("too many domains were added within this hour")]
    Busy,
    #[error("there is no such workspace")]
    NoWorkspace,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DomainService {
    pub fn new(
        store: Store,
        publisher: Arc<Publisher>,
        site: PublicSite,
        config: DomainsConfig,
        clock: Clock,
    ) -> Self {
        let (added, adding) = (Notify::new(), HourlyLimit::new(ADDED_AN_HOUR));
        let own_adding = Mutex::default();
        Self { store, publisher, site, config, clock, added, adding, own_adding }
    }

    /// What the record of every domain of `username` has to name.
    pub fn target(&self, username: &Username) -> String {
        format!("{username}.{}", self.site.base_domain())
    }

    /// May a workspace have any?
    pub fn most(&self) -> u64 {
        self.config.most
    }

    pub async fn of(&self, username: &Username) -> Result<Vec<OwnDomain>, StoreError> {
        self.store.domains_of(username).await
    }

    /// Those that others have added since, and when that was.
    pub async fn lost(&self, username: &Username) -> Result<Vec<(Domain, Moment)>, StoreError> {
        self.store.lost_domains(username).await
    }

    /// Again with one that is theirs it changes nothing.
    ///
    /// # Errors
    /// [`DomainRefused`]
    pub async fn add(&self, username: &Username, domain: &Domain) -> Result<(), DomainRefused> {
        let now = (self.clock)();
        if !self.site.is_foreign(domain) {
            return Err(DomainRefused::Ours);
        }
        if !self.may_add(username, now) {
            return Err(DomainRefused::Busy);
        }
        match self.store.add_domain(domain, username, self.config.most, now).await? {
            DomainAdded::Added => {
                self.added.notify_one();
                Ok(())
            }
            DomainAdded::Theirs => Ok(()),
            DomainAdded::Taken => Err(DomainRefused::Taken),
            DomainAdded::TooMany => Err(DomainRefused::TooMany(self.config.most)),
            DomainAdded::NoCustomer => Err(DomainRefused::NoWorkspace),
        }
    }

    fn may_add(&self, username: &Username, now: Moment) -> bool {
        let mut own = self.own_adding.lock().unwrap_or_else(PoisonError::into_inner);
        if own.len() >= COUNTED_MAX {
            own.clear();
        }
        let limit = own.entry(*username).or_insert_with(|| HourlyLimit::new(OWN_ADDED_AN_HOUR));
        limit.take(now) && self.adding.take(now)
    }

    /// Forgets its certificate and key, and cuts what is reached by it. An edge that is away
    /// hears of it when it is back. `false` when it is not theirs.
    pub async fn remove_own(
        &self,
        username: &Username,
        domain: &Domain,
    ) -> Result<bool, StoreError> {
        let (by, now) = (Actor::Customer(username), (self.clock)());
        let removed = self.store.remove_domain(domain, username, Some(by), now).await?;
        if !removed && self.store.workspace_at(domain, now).await?.is_some() {
            // It is somebody else's.
            return Ok(false);
        }
        // Also a second time: perhaps not every edge knows.
        self.publisher.withdraw_domain(domain).await;
        Ok(removed)
    }
}
