//! The sign-in form, and where it leads.

use std::borrow::Cow;

use askama::Template;
use axum::Extension;
use axum::extract::{OriginalUri, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use shared::{Domain, ReturnPath, Username};

use super::account;
use super::account_session::{open_session, signed_in};
use super::csrf::{self, MissingOrigin};
use super::language::{self, Language};
use super::page::{self, Frame, see_other};
use super::query::Query;
use super::response_layer::FormTarget;
use super::words::login::{self, LoginText};
use super::workspace_host::{name_of_address, workspace_at};
use crate::accounts::sign_in::Attempt;
use crate::app::App;
use crate::app::SharedApp;
use crate::base::token::Token;
use crate::http::problem::retry_after;
use crate::http::{Form, Problem, RequestContext};
use crate::model::handover::{
    self, CODE_LIFETIME, Challenge, Destination, SignInRequest, WorkspaceHost, destination,
};
use crate::model::sign_in::Proven;
use crate::store::AccountSession;

/// The query of the page, and the hidden fields of its form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LoginQuery {
    workspace: String,
    /// A domain of the workspace's own.
    at: String,
    challenge: String,
    #[serde(rename = "return")]
    return_path: String,
    to: String,
    /// Of who was signed in already, or of a sign-in that began anew: see [`handover::missed_callback`]. The form does not
    /// carry it on: a person who types a password goes round no loop.
    again: String,
    signed_out: String,
    reset: String,
}

#[derive(Deserialize)]
pub(super) struct Submission {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(flatten)]
    query: LoginQuery,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    frame: Frame,
    text: &'static LoginText,
    username: &'a str,
    request: &'a SignInRequest,
    /// The host of the workspace that is to be opened.
    workspace_host: Option<String>,
    /// Somebody else who is signed in already.
    signed_in_as: Option<String>,
    was_signed_out: bool,
    /// With a mailed link, just now.
    was_reset: bool,
    /// This browser was signed in a moment ago, or began anew for another reason.
    was_not_kept: bool,
    error: Option<Cow<'a, str>>,
}

impl LoginQuery {
    /// What cannot be understood is as if it had not been said; a domain that is not the
    /// workspace's, too.
    async fn read(&self, app: &App) -> Result<SignInRequest, Problem> {
        let workspace = Username::parse(&self.workspace).ok();
        let said = Domain::parse(&self.at).ok();
        let domain = match said.clone() {
            Some(domain) if workspace.is_some() => {
                (workspace_at(app, &domain).await? == workspace).then_some(domain)
            }
            _ => None,
        };
        Ok(SignInRequest {
            workspace,
            // Of a browser at a host that is not the workspace's.
            challenge: Challenge::parse(&self.challenge).filter(|_| said == domain),
            domain,
            return_path: ReturnPath::or_root(&self.return_path),
            to_account: self.to == "account",
            is_second_try: self.again == "1",
        })
    }
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Query(query): Query<LoginQuery>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let here = uri.path_and_query().map_or("/login", PathAndQuery::as_str);
    let request = query.read(&app).await?;
    let was_signed_out = query.signed_out == "1";
    let session = signed_in(&app, &headers).await?;
    let is_welcome = |session: &AccountSession| match &request.workspace {
        Some(workspace) => *workspace == session.username && !was_signed_out,
        None => !was_signed_out,
    };
    if let Some(session) = session.as_ref().filter(|session| is_welcome(session)) {
        return proceed(&app, session, &request, ComesFrom::Elsewhere).await;
    }
    let page = LoginPage {
        username: request.workspace.as_ref().map_or("", Username::as_str),
        was_not_kept: session.is_none() && request.is_second_try,
        signed_in_as: session.map(|session| session.username.to_string()),
        was_signed_out,
        was_reset: query.reset == "1",
        ..blank(&app, &request, language::of(&headers), here)
    };
    Ok(with_target(&app, &request, page::answer(StatusCode::OK, &page)))
}

pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Form(submission): Form<Submission>,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Refuse)?;
    let Submission { username, password, query } = submission;
    let request = query.read(&app).await?;
    let attempt =
        Attempt { username: name_of_address(&app, &username), password, address: context.address };
    match app.sign_in.check(attempt, app.now(), &app.metrics).await {
        Ok(proven) => open(&app, &headers, &proven, &request).await,
        Err(refused) => {
            let problem = Problem::from(refused);
            if problem.status == StatusCode::INTERNAL_SERVER_ERROR || !context.wants_page {
                return Err(problem);
            }
            let language = language::of(&headers);
            let error = Some(login::refusal(language, &problem));
            // The answer has the address of the form alone: what the form asked for goes along.
            let blank = blank(&app, &request, language, &request.page());
            let page = LoginPage { username: &username, error, ..blank };
            let mut response = with_target(&app, &request, page::answer(problem.status, &page));
            if let Some(wait) = problem.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, retry_after(wait));
            }
            Ok(response)
        }
    }
}

/// Opens an account session under a new id, and goes on.
async fn open(
    app: &App,
    headers: &HeaderMap,
    proven: &Proven,
    request: &SignInRequest,
) -> Result<Response, Problem> {
    if let Some(former) = signed_in(app, headers).await? {
        super::account_session::end(app, &former).await?;
    }
    let (session, cookie) = open_session(app, proven, headers).await?;
    let mut response = proceed(app, &session, request, ComesFrom::Form).await?;
    page::add_cookie(&mut response, cookie);
    Ok(response)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComesFrom {
    /// The password was typed a moment ago. Who is back at once without a session has a browser
    /// that keeps no cookies, or two of one name, and is told so.
    Form,
    Elsewhere,
}

/// Where somebody who is signed in goes from the form.
async fn proceed(
    app: &App,
    session: &AccountSession,
    request: &SignInRequest,
    from: ComesFrom,
) -> Result<Response, Problem> {
    let username = &session.username;
    // Somebody else may be signed in than was meant.
    let is_theirs = request.workspace.as_ref() == Some(username);
    let domain = request.domain.clone().filter(|_| is_theirs);
    let host = WorkspaceHost { username: *username, domain };
    Ok(match destination(request, username) {
        Destination::Account(page) if from == ComesFrom::Form => account::after_signing_in(&page),
        Destination::Account(page) => see_other(&page),
        Destination::Workspace(path) => {
            let again = from == ComesFrom::Form;
            see_other(&handover::workspace_login_url(&app.site, &host, &path, again))
        }
        Destination::Callback(challenge, path) => {
            let code = Token::random();
            let (now, challenge) = (app.now(), challenge.at(host.domain.as_ref()));
            app.store
                .add_code(&code.hash(), session, &challenge, &path, now, CODE_LIFETIME)
                .await?;
            let again = request.is_second_try;
            see_other(&handover::callback_url(&app.site, &host, &code, &path, again))
        }
    })
}

/// Browsers apply the policy of the page with the form to where signing in leads.
fn with_target(app: &App, request: &SignInRequest, mut response: Response) -> Response {
    if let Some((username, domain)) = request.workspace.as_ref().zip(request.domain.as_ref()) {
        let origin = app.site.origin_at(username, Some(domain));
        response.extensions_mut().insert(FormTarget(origin));
    }
    response
}

fn blank<'a>(
    app: &App,
    request: &'a SignInRequest,
    language: Language,
    here: &str,
) -> LoginPage<'a> {
    LoginPage {
        frame: Frame::speaking(app, language, here),
        text: LoginText::of(language),
        username: "",
        workspace_host: match &request.domain {
            Some(domain) => Some(domain.to_string()),
            None => request.workspace.as_ref().map(|name| app.site.workspace_host(name)),
        },
        request,
        signed_in_as: None,
        was_signed_out: false,
        was_reset: false,
        was_not_kept: false,
        error: None,
    }
}
