//! What runs in the machines of workspaces that are closed, or open again.
//!
//! Each change is made with the customer locked, as suspensions are: neither sees the
//! other half done.

use shared::{Generation, Route, RouteState, Upstream, Username};
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::pool::{Assigned, Services, ServicesFault};
use crate::model::suspension::Suspensions;
use crate::store::accounts::customers;
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::{Store, StoreError, Write};
use vendors::sprites::SpriteName;

impl Store {
    /// Up to `limit` machines whose services run although their workspace is closed, or do
    /// not although it is open; those that are so for longest first.
    pub async fn services_faults(&self, limit: u32) -> Result<Vec<ServicesFault>, StoreError> {
        const ATTEMPT: &str = "list services that are not as they should be";
        let rows = sqlx::query(
            "SELECT s.name, s.upstream, s.assignment, s.username, s.services, s.services_at,
                 c.suspensions
             FROM sprites AS s
             JOIN customers AS c ON c.username = s.username
             JOIN workspaces AS w ON w.username = s.username
             WHERE s.state = 'assigned' AND w.state IN ('live', 'suspended')
                 AND ((c.suspensions <> '' AND s.services <> 'stopped')
                     OR (c.suspensions = '' AND s.services <> 'running'))
             ORDER BY s.services_at, s.name LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        Ok(self.readable("sprites", "name", &rows, parse))
    }

    /// Notes that the services of a machine are being stopped or started: what they do
    /// from here on is not known. `false` when the workspace needs the opposite meanwhile.
    pub async fn begin_services_change(
        &self,
        fault: &ServicesFault,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let to = if fault.is_open { Services::Starting } else { Services::Stopping };
        let mut write = self.begin().await?;
        let customer = customers::lock_row(&mut write, &fault.username).await?;
        if customer.is_none_or(|customer| customer.suspensions.is_empty() != fault.is_open) {
            return Ok(false);
        }
        let from = [Services::Running, Services::Stopped, Services::Starting, Services::Stopping];
        for from in from.into_iter().filter(|from| *from != to) {
            set(&mut write, fault, from, to, now).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// Notes that the services of a machine have stopped, or run: then the way in is
    /// opened. The generation is that of the route table, where it changed.
    ///
    /// When somebody else decided otherwise meanwhile, they are started once more: that
    /// does no harm, and a stop that came late would.
    pub async fn end_services_change(
        &self,
        fault: &ServicesFault,
        now: Moment,
    ) -> Result<Option<Generation>, StoreError> {
        let mut write = self.begin().await?;
        let customer = customers::lock_row(&mut write, &fault.username).await?;
        let is_open = customer.is_some_and(|customer| customer.suspensions.is_empty());
        if fault.is_open {
            let is_ours =
                set(&mut write, fault, Services::Starting, Services::Running, now).await?;
            if is_ours && is_open {
                open_route(&mut write, &fault.username).await?;
            }
        } else if !set(&mut write, fault, Services::Stopping, Services::Stopped, now).await? {
            set(&mut write, fault, Services::Running, Services::Starting, now).await?;
        }
        write.commit_routes().await
    }
}

async fn open_route(write: &mut Write, username: &Username) -> Result<(), StoreError> {
    let open = |route: Option<&Route>| {
        route.map(|route| match route.state {
            RouteState::Preparing => Route { state: RouteState::Live, ..route.clone() },
            _ => route.clone(),
        })
    };
    write.change_route(username, open).await
}

/// Whether they were `from`, and the machine still is the workspace's.
async fn set(
    write: &mut Write,
    fault: &ServicesFault,
    from: Services,
    to: Services,
    now: Moment,
) -> Result<bool, StoreError> {
    let changed = sqlx::query(
        "UPDATE sprites SET services = $4, services_at = $5
         WHERE name = $1 AND username = $2 AND services = $3 AND state = 'assigned'",
    )
    .bind(fault.machine.name.as_str())
    .bind(fault.username.as_str())
    .bind(from.as_str())
    .bind(to.as_str())
    .bind(millis(now))
    .execute(&mut **write)
    .await
    .attempt("note whether services run")?;
    Ok(changed.rows_affected() > 0)
}

fn parse(row: &AnyRow) -> Result<ServicesFault, sqlx::Error> {
    let suspensions = valid(row, "suspensions", Suspensions::parse)?;
    Ok(ServicesFault {
        machine: Assigned {
            name: valid(row, "name", |text| SpriteName::parse(text))?,
            upstream: valid(row, "upstream", Upstream::parse)?,
            assignment: row.number("assignment")?,
        },
        username: valid(row, "username", Username::parse)?,
        services: valid(row, "services", Services::parse)?,
        since: row.moment("services_at")?,
        is_open: suspensions.is_empty(),
    })
}
