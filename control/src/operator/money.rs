//! What comes in each month, by the subscriptions as Stripe told of them last.
//!
//! What machines cost is not known here: the provider tells of no hours.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::{App, SharedApp};
use crate::http::Problem;
use crate::http::error_responses::Guarded;
use crate::store::StoreError;

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
    /// Every state of a workspace, with how its subscription stands.
    pub workspaces: Vec<CountView>,
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
    let price = app.texts.price;
    let (paying, overdue) = (of(&["active"]), of(&["past_due", "unpaid"]));
    Ok(Money {
        price: price.to_string(),
        paying,
        monthly: price.times(paying).to_string(),
        overdue,
        monthly_overdue: price.times(overdue).to_string(),
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
