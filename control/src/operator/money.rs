//! What comes in each month, by the subscriptions as Stripe told of them last, and what goes out
//! for machines: for how many hours they were awake their agents say, what an hour costs `[costs]`.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::Username;
use utoipa::ToSchema;

use crate::app::{App, SharedApp};
use crate::base::clock::Moment;
use crate::http::Problem;
use crate::http::error_responses::Guarded;
use crate::model::machine_costs::MonthSoFar;
use crate::store::StoreError;

/// Of those who are named.
const LONGEST_AWAKE: u32 = 10;

/// What comes in, and what may not.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// What one workspace pays a month.
    #[schema(example = "$7")]
    pub price: String,
    /// Paid subscriptions, and what they bring a month.
    pub paying: u64,
    pub monthly: String,
    /// Renewals that failed and are forgiven for now, and what they would bring.
    pub overdue: u64,
    pub monthly_overdue: String,
    /// Hours of all customers' machines this month (UTC), as far as their agents have said.
    pub awake_hours: f64,
    /// What customers' machines will have cost in the whole month, if it goes on like that.
    #[schema(example = "$1.45")]
    pub machine_cost: String,
    /// What is left of what comes in; `-` before it when nothing is.
    #[schema(example = "$5.55")]
    pub margin: String,
    /// Customers whose machine will have cost more than they pay.
    pub costing_more_than_paid: u64,
    /// The customers whose machines were awake longest.
    pub longest_awake: Vec<AwakeView>,
    /// Every state of a workspace, with how its subscription stands.
    pub workspaces: Vec<CountView>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AwakeView {
    pub username: String,
    /// Of this month (UTC), so far.
    pub hours: f64,
    /// Of the whole month, if it goes on like that.
    #[schema(example = "$1.45")]
    pub cost: String,
    /// Of what a month brings; `-` before it when nothing is left.
    #[schema(example = "$5.55")]
    pub margin: String,
}

impl AwakeView {
    pub(super) fn new(app: &App, username: Username, awake: Duration, now: Moment) -> Self {
        let price = app.texts.price;
        let cost = app.machine_costs.of_month(price, awake, MonthSoFar::at(now));
        Self {
            username: username.to_string(),
            hours: hours(awake),
            cost: cost.to_string(),
            margin: price.less(cost),
        }
    }

    /// On the workspace's page and on the command line.
    pub fn told(&self) -> String {
        let Self { hours, cost, margin, .. } = self;
        format!("{hours} hours this month: {cost} in the whole of it, {margin} is left")
    }
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CountView {
    pub state: String,
    pub subscription_status: String,
    pub count: u64,
}

/// Revenue a month, and who pays it.
#[utoipa::path(
    get,
    path = "/api/money",
    operation_id = "show_money",
    tag = "operator",
    security(("admin_key" = [])),
    responses((status = 200, description = "What comes in", body = Money), Guarded)
)]
pub(super) async fn show(State(app): State<SharedApp>) -> Result<Answer<Money>, Problem> {
    Ok(Answer(money(&app).await?))
}

/// # Errors
/// When the database does not answer.
pub async fn money(app: &App) -> Result<Money, StoreError> {
    let counts = app.store.count_workspaces().await?;
    let open = counts.iter().filter(|(state, ..)| !state.is_over());
    let of = |wanted: &[&str]| -> u64 {
        open.clone().filter(|(_, status, _)| wanted.contains(&status.as_str())).map(|it| it.2).sum()
    };
    let (now, price) = (app.now(), app.texts.price);
    let month = MonthSoFar::at(now);
    let affordable = app.machine_costs.affordable(price, month);
    let awake = app.store.awake_in_month(now, affordable, LONGEST_AWAKE).await?;
    let machines = app.store.count_sprites().await?.assigned;
    let cost = app.machine_costs.of_all(price, machines, awake.all, month);
    let view = |(username, awake)| AwakeView::new(app, username, awake, now);
    let (paying, overdue) = (of(&["active"]), of(&["past_due", "unpaid"]));
    Ok(Money {
        price: price.to_string(),
        paying,
        monthly: price.times(paying).to_string(),
        overdue,
        monthly_overdue: price.times(overdue).to_string(),
        awake_hours: hours(awake.all),
        machine_cost: cost.to_string(),
        margin: price.times(paying).less(cost),
        costing_more_than_paid: awake.beyond_affordable,
        longest_awake: awake.longest.into_iter().map(view).collect(),
        workspaces: counts
            .into_iter()
            .map(|(state, subscription_status, count)| CountView {
                state: state.as_str().to_owned(),
                subscription_status,
                count,
            })
            .collect(),
    })
}

/// With one decimal: nobody pays for less.
fn hours(awake: Duration) -> f64 {
    (awake.as_secs_f64() / 360.0).round() / 10.0
}
