//! Everything about a customer deleted at once, because they ask for it.
//!
//! A page of its own, with the password: an open browser is not its owner, and there is no
//! way back.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use shared::Departure;

use super::account::{check_password, signed_in_customer};
use super::csrf::{self, MissingOrigin};
use super::language::{self, Language};
use super::logout::depart;
use super::page::{self, Faults, Frame, Message, see_other, sign_in_first, sign_in_for};
use super::words::deletion::DeletionText;
use crate::app::{App, SharedApp};
use crate::billing::{self, EraseError};
use crate::http::{Form, Problem, RequestContext};
use crate::store::{Actor, Customer};

#[derive(Template)]
#[template(path = "deletion.html")]
struct DeletionPage<'a> {
    frame: Frame,
    text: &'static DeletionText,
    customer: &'a Customer,
    workspace_host: String,
    faults: Faults<'a>,
}

#[derive(Deserialize)]
pub(super) struct Confirmation {
    #[serde(default)]
    current: String,
}

/// `GET /account/delete`
pub(super) async fn show(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(customer) = signed_in_customer(&app, &headers).await? else {
        return Ok(sign_in_for("/account/delete"));
    };
    Ok(render(&app, &customer, language::of(&headers), &[]))
}

/// `POST /account/delete`
pub(super) async fn confirm(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(Confirmation { current }): Form<Confirmation>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(customer) = signed_in_customer(&app, &headers).await? else {
        return Ok(sign_in_first());
    };
    let language = language::answering(context, &headers);
    // On to a page that can be loaded again: nobody can sign in any more.
    let gone = || depart(&app, Departure::Deleted, &customer.username);
    match delete(&app, &customer, current, context, language).await {
        Ok(()) => Ok(gone()),
        // The same form was sent twice, and the other one has deleted all meanwhile.
        Err(_) if app.store.customer(&customer.username).await?.is_none() => Ok(gone()),
        Err(problem) => {
            let problem = page::for_the_form(problem, context)?;
            Ok(render(&app, &customer, language, &[problem]))
        }
    }
}

async fn delete(
    app: &App,
    customer: &Customer,
    current: String,
    context: RequestContext,
    language: Language,
) -> Result<(), Problem> {
    let username = &customer.username;
    check_password(app, username, current, context, language).await?;
    let billing = app.billing.as_deref();
    let begun = billing::erase(&app.store, &app.publisher, billing, customer, app.now()).await;
    begun.map_err(|error| match error {
        EraseError::NoStripe => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "billing_unavailable",
            DeletionText::of(language).no_stripe,
        ),
        EraseError::Store(error) => error.into(),
    })?;
    let about = (&*format!("workspace {username}"), Some(username));
    let act = "has everything deleted at once";
    Ok(app.store.note_act(Actor::Customer(username), about, act, app.now()).await?)
}

/// `GET /account/deleted`
pub(super) async fn goodbye(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if signed_in_customer(&app, &headers).await?.is_some() {
        return Ok(see_other("/account"));
    }
    let language = language::of(&headers);
    let text = DeletionText::of(language);
    let page = Message {
        frame: Frame::speaking(&app, language, "/account/deleted"),
        title: text.goodbye,
        text: text.goodbye_how,
        link: "/",
        link_text: text.to_start,
        request: None,
    };
    Ok(page::answer(StatusCode::OK, &page))
}

fn render(app: &App, customer: &Customer, language: Language, problems: &[Problem]) -> Response {
    let faults = Faults(problems);
    let page = DeletionPage {
        frame: Frame::of_form(app, language, "/account/delete", faults),
        text: DeletionText::of(language),
        customer,
        workspace_host: app.site.workspace_host(&customer.username),
        faults,
    };
    page::answer_again(faults, &page)
}
