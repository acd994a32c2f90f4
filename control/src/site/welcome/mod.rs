//! The page that Stripe leads to: whether the payment is here, how far the
//! workspace is, and a password for the browser that paid.
//!
//! The address is in histories and on screens: whoever has it sees progress and a
//! masked e-mail address, and no more. The cookie of the sign-up shows the rest.

pub(super) mod events;

use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use shared::ReturnPath;
use shared::Username;
use tracing::warn;

use super::account_session::open_session;
use super::csrf::{self, MissingOrigin};
use super::language::{self, Language};
use super::page::{self, Faults, Frame, Message, see_other};
use super::query::Query;
use super::set_password::refused;
use super::signup_access;
use super::words::set_password::SetPasswordText;
use super::words::welcome::WelcomeText;
use crate::accounts::SetPasswordError;
use crate::accounts::sign_in::{Attempt, SignInError};
use crate::app::{App, SharedApp};
use crate::billing::sync::sync_checkout;
use crate::http::{Form, Problem, RequestContext};
use crate::model::handover::{self, WorkspaceHost};
use crate::model::progress::{Order, Payment, Progress, Stage, Step, StepState};
use vendors::stripe::id::CheckoutSessionId;

/// How long a page waits for Stripe's word on a payment.
const STRIPE_WAIT: Duration = Duration::from_secs(4);

/// Pages that load themselves again must not cost a call each.
const ASK_AGAIN: Duration = Duration::from_secs(2);

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    session_id: String,
    /// Somebody has typed another password than the one that was set.
    #[serde(default)]
    already_set: String,
}

#[derive(Deserialize)]
pub(super) struct FirstPassword {
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    password: String,
}

/// Whether the page loads itself again, as it must where no script does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refresh {
    Always,
    WithoutScript,
    /// Nothing more comes, or somebody may be typing.
    Never,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome<'a> {
    frame: Frame,
    text: &'static WelcomeText,
    password_text: &'static SetPasswordText,
    session_id: &'a str,
    signup: &'a str,
    username: Username,
    host: String,
    progress: &'a Progress,
    is_owner: bool,
    /// Of the stream of events, for the browser that may follow it.
    events: Option<String>,
    refresh: Refresh,
    /// Stripe's page, while it can still be paid.
    pay_at: Option<&'a str>,
    asks_for_password: bool,
    /// What was typed last is not their password: another one was set before.
    says_already_set: bool,
    open_url: String,
    faults: Faults<'a>,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = language::answering(context, &headers);
    match look(&app, &query.session_id).await? {
        Some(order) => Ok(render(&app, &order, &query, &headers, &[])),
        None => Ok(unknown(&app, context, language)),
    }
}

pub(super) async fn set_password(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(form): Form<FirstPassword>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let FirstPassword { session_id, password } = form;
    let language = language::answering(context, &headers);
    let Some(order) = look(&app, &session_id).await? else {
        return Ok(unknown(&app, context, language));
    };
    if !signup_access::is_of_browser(&order, &headers) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "other_browser",
            WelcomeText::of(language).other_browser,
        ));
    }
    let typed = password.clone();
    let proven = match app.accounts.set_first_password(&order.username, password).await {
        Ok(redeemed) => redeemed.proven,
        Err(SetPasswordError::Over) => {
            let username = order.username.to_string();
            let attempt = Attempt { username, password: typed, address: context.address };
            match app.sign_in.check(attempt, app.now(), &app.metrics).await {
                // The form was sent twice.
                Ok(proven) => proven,
                Err(failure) => return already_set(failure, &session_id, context, language),
            }
        }
        Err(refusal) => {
            let problem = page::for_the_form(refused(refusal, language), context)?;
            let query = PageQuery { session_id, ..PageQuery::default() };
            return Ok(render(&app, &order, &query, &headers, &[problem]));
        }
    };
    // The fragment tells the page's script to open the workspace once it is ready.
    let mut response = see_other(&format!("/welcome?session_id={session_id}#opens"));
    let (_, cookie) = open_session(&app, &proven, &headers).await?;
    page::add_cookie(&mut response, cookie);
    Ok(response)
}

/// Set in another tab, most likely: whoever typed another one here must not go on as if theirs
/// had been taken.
fn already_set(
    failure: SignInError,
    session_id: &str,
    context: RequestContext,
    language: Language,
) -> Result<Response, Problem> {
    if let SignInError::Store(_) | SignInError::Password(_) = failure {
        return Err(failure.into());
    }
    if !context.wants_page {
        let text = WelcomeText::of(language).already_set;
        return Err(Problem::new(StatusCode::CONFLICT, "password_is_set", text));
    }
    Ok(see_other(&format!("/welcome?session_id={session_id}&already_set=1")))
}

/// The order of this checkout, after asking Stripe where we have not heard of the
/// payment yet: the customer is often here before the webhook.
async fn look(app: &App, session_id: &str) -> Result<Option<Order>, Problem> {
    if !signup_access::may_be_an_id(session_id) {
        return Ok(None);
    }
    let order = app.store.order_of_checkout(session_id).await?;
    let is_unheard = |order: &Order| {
        let is_open = matches!(order.payment, Payment::Open | Payment::Pending);
        let was_asked = order.looked > order.began;
        is_open && !(was_asked && app.now().since(order.looked) < ASK_AGAIN)
    };
    if !order.as_ref().is_some_and(is_unheard) {
        return Ok(order);
    }
    ask_stripe(app, session_id).await;
    Ok(app.store.order_of_checkout(session_id).await?)
}

/// The database then says what came of it. A Stripe that is away changes nothing: the
/// webhook comes as well, and the page asks again.
async fn ask_stripe(app: &App, session_id: &str) {
    let (Some(billing), Ok(id)) = (&app.billing, CheckoutSessionId::parse(session_id)) else {
        return;
    };
    let answer = tokio::time::timeout(STRIPE_WAIT, sync_checkout(billing, &id)).await;
    match answer {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => warn!("checkout {id}: {:#}", anyhow::Error::from(error)),
        Err(_) => warn!("checkout {id}: Stripe did not answer within {STRIPE_WAIT:?}"),
    }
}

fn render(
    app: &App,
    order: &Order,
    query: &PageQuery,
    headers: &HeaderMap,
    problems: &[Problem],
) -> Response {
    let session_id = &*query.session_id;
    let is_owner = signup_access::is_of_browser(order, headers);
    let language = language::of(headers);
    let progress = Progress::of(order, &app.site, is_owner, language, app.now());
    let has_account = matches!(progress.stage, Stage::Preparing | Stage::Stuck | Stage::Live);
    let asks_for_password = is_owner && has_account && !order.has_password;
    let refresh = match (is_owner, asks_for_password || progress.is_final) {
        (_, true) => Refresh::Never,
        (true, false) => Refresh::WithoutScript,
        (false, false) => Refresh::Always,
    };
    let username = order.username;
    let events = format!("/api/workspaces/{username}/events");
    let checkout_url = order.checkout_url.as_deref();
    let faults = Faults(problems);
    let says_already_set = is_owner && order.has_password && query.already_set == "1";
    let already_set = if says_already_set { "&already_set=1" } else { "" };
    let here = format!("/welcome?session_id={session_id}{already_set}");
    let page = Welcome {
        frame: Frame::speaking(app, language, &here),
        text: WelcomeText::of(language),
        password_text: SetPasswordText::of(language),
        session_id,
        signup: &order.signup,
        username,
        host: app.site.workspace_host(&username),
        progress: &progress,
        is_owner,
        events: Some(events).filter(|_| is_owner),
        refresh,
        pay_at: checkout_url.filter(|_| is_owner && progress.stage == Stage::Unpaid),
        asks_for_password,
        says_already_set,
        open_url: handover::workspace_login_url(
            &app.site,
            &WorkspaceHost::own(username),
            &ReturnPath::or_root("/"),
            false,
        ),
        faults,
    };
    page::answer_again(faults, &page)
}

fn unknown(app: &App, context: RequestContext, language: Language) -> Response {
    let text = WelcomeText::of(language);
    if !context.wants_page {
        return Problem::not_found(text.unknown_how).into_response();
    }
    let page = Message {
        frame: Frame::in_language(app, language),
        title: text.unknown,
        text: text.unknown_how,
        link: "/contact",
        link_text: text.write_to_us,
        request: None,
    };
    page::answer(StatusCode::NOT_FOUND, &page)
}

impl Welcome<'_> {
    /// Until the page loads itself again; what waits for a person takes longer.
    fn refresh_seconds(&self) -> u32 {
        if self.progress.stage == Stage::Stuck { 30 } else { 3 }
    }

    fn may_open(&self) -> bool {
        self.is_owner && self.progress.stage == Stage::Live && self.progress.has_password
    }

    fn says_password_is_set(&self) -> bool {
        self.is_owner
            && self.progress.has_password
            && !self.says_already_set
            && self.progress.stage == Stage::Preparing
    }

    /// Where all is ready, and the way in is by mail.
    fn waits_for_mail(&self) -> bool {
        !self.is_owner && self.progress.stage == Stage::Live
    }

    /// The letter with the way in could not be sent, and there is no other way in yet.
    fn has_no_letter(&self) -> bool {
        let failed = |step: &Step| step.name == "mail" && step.state == StepState::Failed;
        self.progress.stage == Stage::Live
            && !self.progress.has_password
            && self.progress.steps.iter().any(failed)
    }
}
