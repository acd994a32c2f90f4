//! The way into a workspace: where it leads, closed for a while, closed for good.

use shared::{Generation, Route, RouteState, Username};

use super::{customers, domains, sessions};
use crate::base::clock::Moment;
use crate::model::route_change::{Known, RouteOrder, Standing, first_epoch};
use crate::model::suspension::{SuspensionReason, Suspensions};
use crate::store::billing::usernames;
use crate::store::connection::Attempt as _;
use crate::store::routes::{find_handout, find_route, upsert_handout};
use crate::store::{Store, StoreError, Topic, Write};

impl Store {
    /// Closes a workspace for the operator, or lifts that again: it stays closed while
    /// another reason stands. `None` when there is no such customer.
    pub async fn set_suspended(
        &self,
        username: &Username,
        suspended: bool,
    ) -> Result<Option<Generation>, StoreError> {
        const REASON: SuspensionReason = SuspensionReason::Operator;
        let mut write = self.begin().await?;
        let change = |present: Suspensions| {
            if suspended { present.with(REASON) } else { present.without(REASON) }
        };
        if !change_suspensions(&mut write, username, change).await? {
            return Ok(None);
        }
        write.commit_with_generation().await.map(Some)
    }

    /// Deletes everything about a customer who has paid for nothing.
    pub async fn erase_customer(&self, username: &Username) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        customers::delete(&mut write, username).await?;
        write.remove_route(username).await?;
        write.commit_routes().await.map(drop)
    }

    /// Completes `order` from what is known and puts the route it makes.
    ///
    /// `None`, and nothing is put, where nobody has the name yet and somebody is paying for it.
    pub async fn put_route(
        &self,
        order: RouteOrder,
        now: Moment,
    ) -> Result<Option<(Route, Generation)>, StoreError> {
        let mut write = self.begin().await?;
        if find_route(&mut write, &order.username).await?.is_none()
            && customers::find(&mut write, &order.username).await?.is_none()
            && usernames::is_spoken_for(&mut write, &order.username, now).await?
        {
            return Ok(None);
        }
        let route = put_order(&mut write, &order, now).await?;
        Ok(Some((route, write.commit_with_generation().await?)))
    }
}

/// Completes `order` from what is known and puts the route it makes.
pub(in crate::store) async fn put_order(
    write: &mut Write,
    order: &RouteOrder,
    now: Moment,
) -> Result<Route, StoreError> {
    let customer = customers::lock_row(write, &order.username).await?.map(|customer| Standing {
        epoch: customer.epoch,
        suspended: !customer.suspensions.is_empty(),
    });
    let mut known = known(write, order, now).await?;
    known.customer = customer;
    let route = order.clone().complete(&known);
    if known.existing.as_ref() == Some(&route) && known.is_handed_out(&route) {
        return Ok(route);
    }
    // Asked again with the table locked: two who hand out one sprite at once need two numbers.
    write.lock_table().await?;
    let mut known = self::known(write, order, now).await?;
    known.customer = customer;
    let route = order.clone().complete(&known);
    upsert_handout(write, &route).await?;
    write.change_route(&order.username, |_| Some(route.clone())).await?;
    Ok(route)
}

async fn known(write: &mut Write, order: &RouteOrder, now: Moment) -> Result<Known, StoreError> {
    let existing = find_route(write, &order.username).await?;
    let sprite = order.sprite_or_default(existing.as_ref());
    let handout = find_handout(write, &sprite).await?;
    Ok(Known { existing, handout, customer: None, first_epoch: first_epoch(now) })
}

/// The route leads in while no reason is left; `false` when there is no such customer.
pub async fn change_suspensions(
    write: &mut Write,
    username: &Username,
    change: impl FnOnce(Suspensions) -> Suspensions,
) -> Result<bool, StoreError> {
    let Some(customer) = customers::lock_row(write, username).await? else { return Ok(false) };
    let suspensions = change(customer.suspensions.clone());
    if suspensions != customer.suspensions {
        customers::set_suspensions(write, username, &suspensions).await?;
        // What runs in its machine follows, and is started before the way in is open.
        write.announce(Topic::TasksChanged).await?;
    }
    let opened =
        if has_stopped(write, username).await? { RouteState::Preparing } else { RouteState::Live };
    let change = |route: Option<&Route>| {
        route.map(|route| {
            let state = match (suspensions.is_empty(), route.state) {
                (false, _) => RouteState::Suspended,
                (true, RouteState::Suspended) => opened,
                (true, state) => state,
            };
            Route { state, ..route.clone() }
        })
    };
    write.change_route(username, change).await?;
    Ok(true)
}

/// Whether what runs in the workspace's machine was stopped, or is about to be.
async fn has_stopped(write: &mut Write, username: &Username) -> Result<bool, StoreError> {
    let found = sqlx::query(
        "SELECT name FROM sprites
         WHERE username = $1 AND state = 'assigned' AND services <> 'running'",
    )
    .bind(username.as_str())
    .fetch_optional(&mut **write)
    .await
    .attempt("look whether services run")?;
    Ok(found.is_some())
}

/// For good: every session is over, and no route leads to the workspace any more.
pub async fn close(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    let ended = |present: Suspensions| present.with(SuspensionReason::Ended);
    change_suspensions(write, username, ended).await?;
    customers::raise_epoch(write, username).await?;
    sessions::end_all(write, username).await?;
    domains::forget(write, username).await?;
    write.remove_route(username).await
}
