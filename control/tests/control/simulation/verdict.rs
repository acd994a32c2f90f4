//! What must be true once a run has come to rest.

use std::fmt;

use control::model::mail::MailState;
use control::model::pool::{PoolSprite, SpriteState};
use control::model::task::Kind;
use control::model::workspace::{Workspace, WorkspaceState};
use control::operator::money;
use control::store::{MailFilter, TaskFilter};
use fakes::stripe::subscription::{Status, Subscription};

use super::Run;

/// What a workspace costs each month, in cents.
const PRICE: u64 = 700;

/// Of a whole run, for who reads it.
#[derive(Debug, Default)]
pub(super) struct Books {
    /// All that Stripe has collected, and what of it went back, in cents.
    pub(super) collected: u64,
    pub(super) refunded: u64,
    pub(super) disputed: u64,
    /// Subscriptions that bring money, and what they bring each month, in cents.
    pub(super) paying: u64,
    pub(super) monthly: u64,
    /// Machines at the provider: a customer's, standing ready, and kept apart.
    pub(super) assigned: usize,
    pub(super) available: usize,
    pub(super) quarantined: usize,
    /// Letters that arrived, and those that were not sent, each told of.
    pub(super) letters: usize,
    pub(super) unsent: usize,
    /// Archives that customers have taken out.
    pub(super) archives: usize,
}

impl fmt::Display for Books {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollars = |cents: u64| format!("${}.{:02}", cents / 100, cents % 100);
        let (collected, refunded) = (dollars(self.collected), dollars(self.refunded));
        let (disputed, monthly) = (dollars(self.disputed), dollars(self.monthly));
        let Self { paying, assigned, available, quarantined, letters, unsent, archives, .. } = self;
        write!(
            out,
            "{collected} collected, {refunded} refunded, {disputed} disputed; {paying} pay {monthly} \
             a month; machines: {assigned} assigned, {available} available, {quarantined} \
             quarantined; {letters} letters, {unsent} not sent; {archives} archives"
        )
    }
}

impl Run {
    /// What is not as it must be.
    pub(super) async fn faults(&self) -> Vec<String> {
        let mut faults = self.machines.provider.faults.clone();
        let workspaces = self.workspaces().await;
        self.compare_subscriptions(&workspaces, &mut faults);
        self.compare_machines(&workspaces, &mut faults).await;
        self.find_open_tasks(&mut faults).await;
        self.find_open_exports(&mut faults).await;
        let list = self.market.shop.store.subscription_list().await.unwrap();
        if list.strangers + list.lacking > 0 || list.error.is_some() {
            faults.push(format!("the list: {list:?}"));
        }
        let (arrived, twice) = self.letters.arrived().await;
        faults.extend(twice);
        let mails = self.mails().await;
        let count = |wanted| mails.iter().filter(|state| **state == wanted).count();
        let sent = count(MailState::Sent);
        // One that was taken without an answer may be given up: it arrived, or did not.
        let given_up = count(MailState::Failed) + count(MailState::Dropped);
        let is_explained = (sent..=sent + given_up).contains(&arrived);
        if !is_explained || mails.contains(&MailState::Waiting) {
            faults.push(format!("{arrived} letters arrived, and here they are {mails:?}"));
        }
        let (books, money) = (self.books().await, money::money(self.market.shop.world.app()).await);
        let money = money.unwrap();
        if (money.paying, money.paying * PRICE) != (books.paying, books.monthly) {
            faults.push(format!("{} pay here, and at Stripe {books:?}", money.paying));
        }
        faults
    }

    pub(super) async fn books(&self) -> Books {
        let (letters, _) = self.letters.arrived().await;
        let unsent = self.mails().await.into_iter().filter(|state| *state != MailState::Sent);
        let mut books = Books {
            letters,
            unsent: unsent.count(),
            archives: self.exports.taken,
            ..Books::default()
        };
        self.market.act(|account, _| {
            for charge in account.charges.values() {
                books.collected += charge.amount;
                books.refunded += charge.amount_refunded;
                if charge.is_disputed {
                    books.disputed += charge.amount - charge.amount_refunded;
                }
            }
            let brings = |it: &&Subscription| it.status == Status::Active && !it.is_paused;
            for subscription in account.subscriptions.values().filter(brings) {
                books.paying += 1;
                books.monthly += subscription.price.unit_amount * subscription.quantity;
            }
        });
        for sprite in self.sprites().await {
            match sprite.state {
                SpriteState::Assigned => books.assigned += 1,
                SpriteState::Available => books.available += 1,
                SpriteState::Quarantined => books.quarantined += 1,
                _ => {}
            }
        }
        books
    }

    async fn workspaces(&self) -> Vec<Workspace> {
        let mut all = Vec::new();
        let subscriptions =
            self.market.act(|account, _| account.subscriptions.keys().cloned().collect::<Vec<_>>());
        for id in subscriptions {
            let id = vendors::stripe::id::SubscriptionId::parse(id).unwrap();
            all.extend(self.market.shop.store.workspace_of_subscription(&id).await.unwrap());
        }
        all
    }

    /// What became of each letter.
    async fn mails(&self) -> Vec<MailState> {
        let filter = MailFilter::default();
        let mails = self.market.shop.store.mails(&filter, None, 100_000).await.unwrap();
        mails.iter().map(|mail| mail.state).collect()
    }

    async fn sprites(&self) -> Vec<PoolSprite> {
        self.market.shop.store.sprites("", 10_000).await.unwrap()
    }

    /// Each is served as it was paid for.
    fn compare_subscriptions(&self, workspaces: &[Workspace], faults: &mut Vec<String>) {
        let subscriptions = self.market.act(|account, _| account.subscriptions.clone());
        for (id, subscription) in &subscriptions {
            let own = workspaces.iter().find(|it| it.subscription.as_str() == id);
            let state = own.map_or("nobody's", |workspace| workspace.state.as_str());
            let fits = match subscription.status {
                Status::Active | Status::PastDue if subscription.is_paused => {
                    matches!(state, "suspended" | "nobody's")
                }
                Status::Active => state == "live",
                Status::PastDue => matches!(state, "live" | "suspended"),
                Status::Unpaid => state == "suspended",
                Status::Canceled if subscription.cancellation.reason == Some("payment_failed") => {
                    matches!(state, "suspended" | "ended" | "nobody's")
                }
                Status::Canceled => matches!(state, "ended" | "nobody's"),
                Status::Incomplete | Status::IncompleteExpired => state == "nobody's",
            };
            if !fits {
                let (status, paused) = (subscription.status.name(), subscription.is_paused);
                faults.push(format!("{id} is {status}, paused: {paused}, its workspace {state}"));
            }
        }
    }

    /// Every machine has an owner or an end, and every route leads to its workspace's machine.
    async fn compare_machines(&self, workspaces: &[Workspace], faults: &mut Vec<String>) {
        let (store, provider) = (&self.market.shop.store, &self.machines.provider);
        let sprites = self.sprites().await;
        for workspace in workspaces {
            let (username, state) = (&workspace.username, workspace.state);
            let customer = store.customer(username).await.unwrap();
            if customer.is_some() == state.is_over() {
                faults.push(format!("{username} is {state:?}, its customer {customer:?}"));
            }
            let own = sprites.iter().find(|sprite| sprite.username == Some(*username));
            let route = store.route(username).await.unwrap();
            let leads_to = route.as_ref().map(|route| &route.upstream);
            if leads_to != own.and_then(|sprite| sprite.upstream.as_ref()) {
                faults.push(format!("{username} is {state:?}, {route:?} and {own:?}"));
            }
            let is_served = matches!(state, WorkspaceState::Live | WorkspaceState::Suspended);
            let has_data = own.is_some_and(|it| provider.owner(&it.name) == Some(*username));
            if is_served != has_data {
                faults.push(format!("{username} is {state:?}, and its machine {own:?}"));
            }
        }
        for name in provider.names() {
            if !sprites.iter().any(|sprite| sprite.name == *name) {
                faults.push(format!("{name} is nobody's"));
            }
        }
        for sprite in &sprites {
            let (name, state) = (&sprite.name, sprite.state);
            if state == SpriteState::Available && provider.owner(name).is_some() {
                faults.push(format!("{name} stands ready with somebody's data"));
            }
            let is_there = provider.names().any(|it| it == name);
            let is_at_rest = matches!(
                state,
                SpriteState::Available | SpriteState::Assigned | SpriteState::Quarantined
            );
            if !is_at_rest || (!is_there && state != SpriteState::Quarantined) {
                faults.push(format!("{name} is {state:?}, at the provider: {is_there}"));
            }
        }
    }

    async fn find_open_tasks(&self, faults: &mut Vec<String>) {
        for kind in [Kind::Prepare, Kind::Provision, Kind::Recycle, Kind::Stripe] {
            let filter = TaskFilter { kind: Some(kind), ..TaskFilter::default() };
            for task in self.market.shop.store.tasks(&filter, None, 1_000).await.unwrap() {
                let (id, state) = (&task.id, task.state.as_str());
                if !matches!(state, "done" | "cancelled") {
                    faults.push(format!("task {id} is {state}: {:?}", task.last_error));
                }
            }
        }
    }
}
