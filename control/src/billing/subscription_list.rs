//! Stripe's list of subscriptions equals ours, in both directions: looked at each hour.
//!
//! The hourly look of `reconcile` asks about what is known here. A subscription whose events
//! were all lost, or that somebody made by hand, is known to Stripe alone: only its list shows
//! it. What differs is looked at by itself, by the same code that events lead to; nothing
//! follows from the list.

use std::collections::HashMap;
use std::time::Duration;

use tracing::{info, warn};

use super::sync::{self, SyncError};
use super::{BillingService, incidents, offer};
use crate::base::date::Date;
use crate::model::subscription_list::{Comparison, Findings, Served};
use crate::store::StoreError;
use vendors::stripe::Subscription;
use vendors::stripe::id::SubscriptionId;

/// How often it is read.
const EVERY: Duration = Duration::from_secs(60 * 60);

/// After one that broke off.
const AGAIN: Duration = Duration::from_secs(5 * 60);

/// Two hundred thousand subscriptions, and what a list may cost that does not end.
const PAGES_MAX: u32 = 2_000;

/// So many that differ in one way are looked at in a round; more are a fault of the list, or
/// of the database, and told as one.
const FOLLOWED: usize = 20;

/// Rows of ours that are read at once.
const ROWS: u32 = 1_000;

/// Compares once, when it is time and no other process does.
///
/// # Errors
/// When the database does not answer.
pub async fn compare_when_due(billing: &BillingService) -> Result<(), StoreError> {
    let now = billing.now();
    if !billing.store.claim_subscription_list(EVERY, now).await? {
        return Ok(());
    }
    match compare(billing).await {
        Ok(()) => Ok(()),
        Err(SyncError::Store(error)) => Err(error),
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            warn!("{error}; comparing stripe's list again in {AGAIN:?}");
            billing.store.note_list_unread(&error, now.after(AGAIN)).await
        }
    }
}

/// Reads the whole list, and looks at what differs.
///
/// # Errors
/// When Stripe or the database does not answer; what was found until then is looked at by
/// the next one.
pub async fn compare(billing: &BillingService) -> Result<(), SyncError> {
    let mut comparison = Comparison::new(workspaces(billing).await?, billing.now());
    let mut after = None;
    for page in 0.. {
        if page == PAGES_MAX {
            let what = "it does not end";
            return Err(SyncError::Odd {
                object: "Stripe's list of subscriptions".to_owned(),
                what,
            });
        }
        let read = billing.stripe.client.subscriptions(after.as_ref()).await?;
        for id in &read.unreadable {
            warn!("stripe lists subscription {id:?} in a form that we do not know");
            if let Ok(id) = SubscriptionId::parse(id.as_str()) {
                comparison.see_unreadable(&id);
            }
        }
        for subscription in &read.subscriptions {
            comparison.see(subscription, is_ours(billing, subscription));
        }
        after = read.next;
        if after.is_none() {
            break;
        }
    }
    let (findings, mut compared) = comparison.finish();
    (compared.strangers, compared.lacking) = follow(billing, &findings).await?;
    billing.store.note_subscription_list(&compared).await?;
    Ok(())
}

async fn workspaces(
    billing: &BillingService,
) -> Result<HashMap<SubscriptionId, Served>, StoreError> {
    let (mut all, mut after) = (HashMap::new(), String::new());
    loop {
        let (rows, last) = billing.store.subscriptions_after(&after, ROWS).await?;
        let Some(last) = last else { return Ok(all) };
        after = last;
        all.extend(rows);
    }
}

/// The account may sell more than workspaces.
fn is_ours(billing: &BillingService, subscription: &Subscription) -> bool {
    let offer = &billing.offer;
    let is_at_our_price = subscription
        .price()
        .is_some_and(|price| *price == offer.price || offer.former_prices.contains(price));
    is_at_our_price || subscription.metadata.contains_key(offer::SIGN_UP)
}

/// How many strangers and how many of those that are lacking remain so.
async fn follow(billing: &BillingService, findings: &Findings) -> Result<(u64, u64), SyncError> {
    let Findings { strangers, outliving, lacking } = findings;
    let (mut strange, mut missed) = (count(strangers), count(lacking));
    for id in few(billing, strangers, "paid and served by no workspace").await? {
        strange -= u64::from(is_settled(billing, id).await?);
    }
    for id in few(billing, outliving, "paid for workspaces that have ended").await? {
        put_off(sync::look_again(billing, id).await)?;
    }
    for id in few(billing, lacking, "of open workspaces and not in the list").await? {
        put_off(sync::look_again(billing, id).await)?;
        let workspace = billing.store.workspace_of_subscription(id).await?;
        missed -= u64::from(workspace.is_none_or(|it| it.state.is_over()));
    }
    Ok((strange, missed))
}

fn count(ids: &[SubscriptionId]) -> u64 {
    u64::try_from(ids.len()).unwrap_or(u64::MAX)
}

/// All of `ids`; none, and a person is told, when these are too many.
async fn few<'a>(
    billing: &BillingService,
    ids: &'a [SubscriptionId],
    what: &str,
) -> Result<&'a [SubscriptionId], StoreError> {
    if ids.len() <= FOLLOWED {
        return Ok(ids);
    }
    let now = billing.now();
    let incident = incidents::many_differ(what, ids, &Date::of(now).to_string());
    billing.store.open_incident(&incident, now).await?;
    Ok(&[])
}

/// Opens the workspace that was paid for, as the event would have that was lost; tells a person
/// where there is none to open. `false` when it stays a stranger.
async fn is_settled(billing: &BillingService, id: &SubscriptionId) -> Result<bool, SyncError> {
    let session = billing.stripe.client.checkout_of(id).await?;
    if let Some(session) = &session {
        put_off(sync::sync_checkout(billing, &session.id).await.map(drop))?;
        if !session.is_settled() {
            // A bank takes days, in which the subscription may be active already.
            return Ok(true);
        }
    }
    if billing.store.workspace_of_subscription(id).await?.is_some() {
        info!("subscription {id} was paid and is served now: no event had told of it");
        return Ok(true);
    }
    // A second payment for one sign-up is ended by the look.
    let is_over = billing.stripe.client.subscription(id).await?.status.is_terminal();
    if !is_over {
        billing.store.open_incident(&incidents::stranger(id), billing.now()).await?;
    }
    Ok(is_over)
}

/// One that Stripe will not speak of keeps nobody else waiting.
fn put_off(looked: Result<(), SyncError>) -> Result<(), SyncError> {
    match looked {
        Err(error @ (SyncError::Missing(_) | SyncError::Odd { .. } | SyncError::Held(_))) => {
            warn!("{:#}", anyhow::Error::from(error));
            Ok(())
        }
        looked => looked,
    }
}
