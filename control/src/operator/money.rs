//! What comes in each month, by the subscriptions as Stripe told of them last, and for how
//! many hours machines were awake, by their agents. What an hour costs, the provider's list says.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::{App, SharedApp};
use crate::http::Problem;
use crate::http::error_responses::Guarded;
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
    /// The customers whose machines were awake longest.
    pub longest_awake: Vec<AwakeView>,
    /// Every state of a workspace, with how its subscription stands.
    pub workspaces: Vec<CountView>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AwakeView {
    pub username: String,
    pub hours: f64,
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
    let (awake, longest) = app.store.awake_in_month(app.now(), LONGEST_AWAKE).await?;
    let price = app.texts.price;
    let (paying, overdue) = (of(&["active"]), of(&["past_due", "unpaid"]));
    Ok(Money {
        price: price.to_string(),
        paying,
        monthly: price.times(paying).to_string(),
        overdue,
        monthly_overdue: price.times(overdue).to_string(),
        awake_hours: hours(awake),
        longest_awake: longest
            .into_iter()
            .map(|(username, seconds)| AwakeView {
                username: username.to_string(),
                hours: hours(seconds),
            })
            .collect(),
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
fn hours(seconds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 seconds")]
    let tenths = (seconds as f64 / 360.0).round();
    tenths / 10.0
}
