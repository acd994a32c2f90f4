//! The account page: who you are, your workspace, your password, your sessions.

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::{Departure, ReturnPath, Username};
use url::form_urlencoded::Serializer;

use super::account_session::{end, open_session, signed_in};
use super::billing;
use super::csrf::{self, MissingOrigin};
use super::domain_section::{self, DomainSection};
use super::export::{self, ExportSection};
use super::language::{self, Language};
use super::logout::depart;
use super::page::{self, Faults, Frame, see_other, sign_in_again, sign_in_first};
use super::query::Query;
use super::subscription_summary::SubscriptionSummary;
use super::words::account::{AccountText, awake_for, browser_name, paid_with, sign_out_label};
use super::words::skills::SkillText;
use super::words::{day_and_time, field, login};
use crate::accounts::SetPasswordError;
use crate::accounts::sign_in::{Attempt, SignInError};
use crate::app::{App, SharedApp};
use crate::base::token::TokenHash;
use crate::http::{Form, Problem, RequestContext};
use crate::model::handover;
use crate::model::sign_in::Proven;
use crate::model::suspension::SuspensionReason;
use crate::model::workspace::listing::OpenSession;
use crate::routes::PAGE_WAIT;
use crate::store::{AccountSession, Customer};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame,
    text: &'static AccountText,
    customer: &'a Customer,
    workspace_url: String,
    workspace_host: String,
    price: String,
    /// Of its machine, this month; none where that is not known.
    awake: Option<String>,
    /// Without one, for a workspace that an operator opened.
    plan: Option<SubscriptionSummary>,
    card: Option<String>,
    skills: Vec<SkillText>,
    export: Option<ExportSection>,
    domains: Option<DomainSection>,
    typed_domain: &'a str,
    browsers: Vec<Browser>,
    was_changed: bool,
    faults: Faults<'a>,
}

/// A browser that is signed in, as its owner can tell it from the others.
struct Browser {
    id: String,
    /// `Firefox on Linux`.
    name: String,
    is_this_one: bool,
    since: String,
    last_seen: String,
    /// What is said of the button that signs it out.
    sign_out: String,
}

impl Browser {
    fn of(language: Language, open: &OpenSession, present: &AccountSession) -> Self {
        let name = browser_name(language, open.user_agent);
        // To the minute: two of one day are told apart by it.
        let last_seen = day_and_time(language, open.last_seen);
        Self {
            is_this_one: open.id == present.id,
            id: open.id.as_str().to_owned(),
            since: day_and_time(language, open.created),
            sign_out: sign_out_label(language, &name, &last_seen),
            last_seen,
            name,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct SignOutOne {
    #[serde(default)]
    browser: String,
}

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    changed: String,
    /// From the form, a moment ago.
    #[serde(default)]
    signed_in: String,
    /// The page that was asked for before it.
    #[serde(default, rename = "return")]
    return_path: String,
    /// Who comes back from paying again.
    #[serde(default)]
    session_id: String,
}

#[derive(Deserialize)]
pub(super) struct PasswordChange {
    #[serde(default)]
    current: String,
    #[serde(default)]
    new: String,
}

/// Here it is seen whether the browser keeps its session, then it goes on to `page`.
pub(super) fn after_signing_in(page: &str) -> Response {
    let mut query = Serializer::new(String::new());
    query.append_pair("signed_in", "1");
    if page != "/account" {
        query.append_pair("return", page);
    }
    see_other(&format!("/account?{}", query.finish()))
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(session) = signed_in(&app, &headers).await? else {
        let was_signed_in = query.signed_in == "1";
        return Ok(if was_signed_in { sign_in_again() } else { sign_in_first() });
    };
    let return_path = ReturnPath::or_root(&query.return_path);
    let page = handover::account_page(&return_path);
    if page != "/account" {
        return Ok(see_other(page));
    }
    if !query.session_id.is_empty() {
        billing::come_back(&app, &query.session_id).await;
    }
    let was_changed = query.changed == "password";
    let told = Told { was_changed, ..Told::default() };
    render(&app, &session, language::of(&headers), told).await
}

pub(super) async fn change_password(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(change): Form<PasswordChange>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(sign_in_first());
    };
    let language = language::answering(context, &headers);
    match set_password(&app, &session.username, change, context, language).await {
        Ok(proven) => {
            // Every session is over, this one too; who just proved themselves gets a new one.
            let (_, cookie) = open_session(&app, &proven, &headers).await?;
            let mut response = see_other("/account?changed=password");
            page::add_cookie(&mut response, cookie);
            Ok(response)
        }
        Err(problem) => {
            let problem = page::for_the_form(problem, context)?;
            let told = Told { problems: &[problem], ..Told::default() };
            render(&app, &session, language, told).await
        }
    }
}

pub(super) async fn sign_out_everywhere(
    State(app): State<SharedApp>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(see_other("/login"));
    };
    if let Some(ended) = app.store.sign_out_everywhere(&session.username).await? {
        app.publisher.publish_within(ended.generation, PAGE_WAIT).await;
    }
    Ok(depart(&app, Departure::SignedOut, &session.username))
}

/// Ends one browser's sessions, here and at the workspace. One that is over already is over.
pub(super) async fn sign_out_one(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Form(chosen): Form<SignOutOne>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Some(session) = signed_in(&app, &headers).await? else {
        return Ok(sign_in_first());
    };
    let id = TokenHash::parse(&chosen.browser).map_err(|_| no_browser())?;
    let own = app.store.open_sessions(&session.username, app.now()).await?;
    if own.iter().any(|open| open.id == id) {
        let username = session.username;
        end(&app, &AccountSession { id, username }).await?;
    }
    Ok(see_other("/account#browsers"))
}

/// The present password is asked for: an open browser is not its owner.
async fn set_password(
    app: &App,
    username: &Username,
    change: PasswordChange,
    context: RequestContext,
    language: Language,
) -> Result<Proven, Problem> {
    check_password(app, username, change.current, context, language).await?;
    match app.accounts.change_password(username, change.new).await {
        Ok(proven) => Ok(proven),
        Err(SetPasswordError::Over) => Err(gone()),
        Err(SetPasswordError::Weak(weakness)) => {
            Err(Problem::invalid("new", field::password(language, weakness)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether `current` is their password; wrong ones are counted as at signing in.
pub(super) async fn check_password(
    app: &App,
    username: &Username,
    current: String,
    context: RequestContext,
    language: Language,
) -> Result<(), Problem> {
    let attempt =
        Attempt { username: username.to_string(), password: current, address: context.address };
    match app.sign_in.check(attempt, app.now(), &app.metrics).await {
        Ok(_) => Ok(()),
        Err(SignInError::Wrong) => {
            Err(Problem::invalid("current", field::wrong_password(language)))
        }
        Err(refused) => {
            let mut problem = Problem::from(refused);
            problem.message = login::refusal(language, &problem).into_owned().into();
            Err(problem)
        }
    }
}

/// Whose account this browser is signed in to.
pub(super) async fn signed_in_customer(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<Customer>, Problem> {
    match signed_in(app, headers).await? {
        Some(session) => existing(app, &session.username).await.map(Some),
        None => Ok(None),
    }
}

async fn existing(app: &App, username: &Username) -> Result<Customer, Problem> {
    let customer = app.store.customer(username).await?;
    customer.ok_or_else(gone)
}

fn gone() -> Problem {
    Problem::not_found("This account does not exist any more.")
        .in_german("Dieses Konto gibt es nicht mehr.")
}

fn no_browser() -> Problem {
    Problem::invalid("browser", "There is no such browser.")
        .in_german("Diesen Browser gibt es nicht.")
}

async fn awake(
    app: &App,
    username: &Username,
    language: Language,
) -> Result<Option<String>, Problem> {
    let time = app.store.awake_time(username).await?;
    let this_month = time.and_then(|time| time.this_month(app.now()));
    Ok(this_month.map(|awake| awake_for(language, awake)))
}

/// What came of the form that was sent.
#[derive(Default)]
pub(super) struct Told<'a> {
    pub(super) was_changed: bool,
    pub(super) problems: &'a [Problem],
    /// As it was typed, where it is to be typed again.
    pub(super) domain: &'a str,
}

pub(super) async fn render(
    app: &App,
    session: &AccountSession,
    language: Language,
    told: Told<'_>,
) -> Result<Response, Problem> {
    let Told { was_changed, problems, domain: typed_domain } = told;
    let faults = Faults(problems);
    let customer = existing(app, &session.username).await?;
    let workspace = app.store.workspace(&session.username).await?;
    let times = &app.sign_up.unpaid;
    let plan = workspace.as_ref().map(|it| SubscriptionSummary::of(it, times, language, app.now()));
    let (card, order) = tokio::join!(
        billing::card(app, workspace.as_ref()),
        app.store.workspace_order(&session.username)
    );
    let skills = order?.map(|order| order.skills).unwrap_or_default();
    let open = app.store.open_sessions(&session.username, app.now()).await?;
    let browsers = open.iter().map(|open| Browser::of(language, open, session));
    let page = AccountPage {
        frame: Frame::of_form(app, language, "/account", faults),
        text: AccountText::of(language),
        workspace_url: app.site.workspace_url(&customer.username),
        workspace_host: app.site.workspace_host(&customer.username),
        customer: &customer,
        price: app.texts.price.in_language(language),
        awake: awake(app, &session.username, language).await?,
        plan,
        card: card.map(|card| paid_with(language, &card)),
        skills: skills.iter().map(|skill| SkillText::of(language, skill)).collect(),
        export: export::section(app, session, language).await?,
        domains: domain_section::section(app, &session.username, language).await?,
        typed_domain,
        browsers: browsers.collect(),
        was_changed,
        faults,
    };
    Ok(page::answer_again(faults, &page))
}
