//! Domains of a customer's own: added and removed by forms of the account page.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::domain::DomainError;
use shared::{Domain, Username};

use super::account::{self, Told};
use super::account_session::signed_in;
use super::csrf::{self, MissingOrigin};
use super::language::{self, Language};
use super::page::{self, see_other, sign_in_first};
use super::words::domain;
use crate::app::{App, SharedApp};
use crate::base::typed;
use crate::domains::DomainRefused;
use crate::http::{Form, Problem, RequestContext};

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    domain: String,
}

/// `POST /account/domain`
pub(super) async fn add(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(sign_in_first());
    };
    let language = language::answering(context, &headers);
    match try_to_add(&app, &session.username, &chosen.domain, language).await {
        Ok(()) => Ok(see_other("/account#domain-title")),
        Err(problem) => {
            let problem = page::for_the_form(problem, context)?;
            let told = Told { problems: &[problem], domain: &chosen.domain, ..Told::default() };
            account::render(&app, &session, language, told).await
        }
    }
}

async fn try_to_add(
    app: &App,
    username: &Username,
    typed: &str,
    language: Language,
) -> Result<(), Problem> {
    let service = app.domains.as_ref().ok_or_else(none)?;
    let domain = parse(typed)
        .map_err(|error| Problem::invalid("domain", domain::no_domain(language, error)))?;
    service.add(username, &domain).await.map_err(|refused| {
        match (domain::refused(language, &refused), refused) {
            (Some(why), _) => Problem::invalid("domain", why),
            (None, DomainRefused::Store(error)) => error.into(),
            (None, _) => none(),
        }
    })
}

/// `POST /account/domain/remove`: again, or of one that is not theirs, it changes nothing.
pub(super) async fn remove(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(sign_in_first());
    };
    let service = app.domains.as_ref().ok_or_else(none)?;
    if let Ok(domain) = parse(&chosen.domain) {
        service.remove_own(&session.username, &domain).await?;
    }
    Ok(see_other("/account#domain-title"))
}

/// From whatever keyboard and in whatever script: the rules are those of DNS.
fn parse(typed: &str) -> Result<Domain, DomainError> {
    let plain = typed::plain(typed);
    match url::Host::parse(&plain) {
        Ok(url::Host::Domain(ascii)) if !plain.is_ascii() => Domain::parse_typed(&ascii),
        _ => Domain::parse_typed(&plain),
    }
}

fn none() -> Problem {
    Problem::not_found("Domains of your own cannot be added here.")
}
