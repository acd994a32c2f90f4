//! Customers' own domains, as an operator sees them and takes one away.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::{Domain, Username};
use utoipa::{IntoParams, ToSchema};

use super::routes::parse_username;
use crate::app::SharedApp;
use crate::base::clock::Moment;
use crate::http::error_responses::{AboutOne, Guarded, Parsed};
use crate::http::{Path, Problem};
use crate::model::domain::OwnDomain;

/// A domain of a customer's own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DomainView {
    #[schema(value_type = String)]
    pub domain: Domain,
    /// `waiting_for_dns`, `fetching_certificate`, `live` or `failed`.
    pub state: String,
    /// What was seen in DNS instead, or why there is no certificate.
    pub why: Option<String>,
    /// When its certificate expires; unix seconds.
    pub expires_at: Option<u64>,
    /// Unix seconds.
    pub added_at: u64,
}

/// A workspace and a domain of its own.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "described here, read as shared::Username and shared::Domain")]
pub(super) struct OfDomain {
    #[param(example = "ada", pattern = "^[a-z0-9][a-z0-9-]{0,30}[a-z0-9]$")]
    username: String,
    #[param(example = "chat.example.org")]
    domain: String,
}

impl DomainView {
    pub(super) fn new(own: &OwnDomain, now: Moment) -> Self {
        let standing = own.standing(now);
        Self {
            domain: own.domain.clone(),
            state: standing.as_str().to_owned(),
            why: standing.why().map(str::to_owned),
            expires_at: own.certificate.good.map(|(_, expires)| expires.seconds()),
            added_at: own.added.seconds(),
        }
    }
}

/// Takes a domain of a customer's own away: its certificate is forgotten, and nobody reaches
/// the workspace by it any more.
#[utoipa::path(
    delete,
    path = "/api/customers/{username}/domains/{domain}",
    operation_id = "remove_domain",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfDomain),
    responses(
        (status = 200, description = "As it was", body = DomainView),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn remove(
    State(app): State<SharedApp>,
    Path((username, domain)): Path<(String, String)>,
) -> Result<Answer<DomainView>, Problem> {
    let username = parse_username(&username)?;
    let domain =
        Domain::parse(&domain).map_err(|error| Problem::invalid("domain", error.to_string()))?;
    let own = app.store.domains_of(&username).await?;
    let Some(own) = own.iter().find(|own| own.domain == domain) else {
        return Err(no_domain(&username, &domain));
    };
    app.store.remove_domain(&domain, &username, None, app.now()).await?;
    app.publisher.withdraw_domain(&domain).await;
    Ok(Answer(DomainView::new(own, app.now())))
}

fn no_domain(username: &Username, domain: &Domain) -> Problem {
    Problem::not_found(format!("The workspace {username} has no domain {domain}."))
}
