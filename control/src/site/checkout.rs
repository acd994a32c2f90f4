//! The form on the landing page: `POST /api/checkout`, and the name it asks about
//! while somebody types.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use cookie::SameSite;
use serde::Serialize;
use shared::Username;
use shared::username::UsernameError;
use tracing::{error, warn};
use utoipa::ToSchema;

use super::cookies;
use super::csrf::{self, MissingOrigin};
use super::home::{self, SignUpForm};
use super::language::{self, Language};
use super::page;
use super::words::field;
use super::words::home::HomeText;
use crate::app::{App, SharedApp};
use crate::base::email_address::Email;
use crate::base::token::Token;
use crate::base::typed;
use crate::billing::BillingService;
use crate::billing::checkout::{self, CheckoutError, CheckoutOutcome};
use crate::http::error_responses::ErrorShape;
use crate::http::{Fields, Path, Problem, RequestContext};
use crate::model::attempts::{Limit, Subject};
use crate::model::sign_up::{SignUpRequest, SignUpState};
use crate::model::skills::Skills;

/// How long a browser is known as the one that began a sign-up.
const BROWSER_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// What somebody may read at the name's field while they type.
#[derive(Serialize, ToSchema)]
pub(super) struct Availability {
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// Where a program sends whoever wants to pay.
#[derive(Serialize, ToSchema)]
pub(super) struct ToPay {
    url: String,
}

/// The fields of the form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "described here, read field by field")]
pub(super) struct SignUpFields {
    #[schema(example = "ada@example.com")]
    email: String,
    /// Chosen by us when it is empty.
    username: Option<String>,
    /// Ids of the catalogue.
    skills: Option<Vec<String>>,
}

/// Whether a name can be had.
#[utoipa::path(
    get,
    path = "/api/usernames/{name}",
    operation_id = "check_name",
    tag = "site",
    params(("name" = String, Path, example = "ada")),
    responses(
        (status = 200, description = "Whether it can be had, and why not", body = Availability),
        (status = 400, description = "The address cannot be read", body = ErrorShape),
        (status = 500, description = "Something of ours failed", body = ErrorShape)
    )
)]
pub(super) async fn check_name(
    State(app): State<SharedApp>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Availability>, Problem> {
    // The page's script asks, in the language of the page.
    let language = language::of(&headers);
    let reason = match parse_username(&name) {
        Err(error) => Some(field::username(language, error)),
        Ok(username) if app.store.is_name_free(&username, app.now()).await? => None,
        Ok(username) if is_reserved_here(&app, &headers, &username).await? => None,
        Ok(_) => Some(HomeText::of(language).taken.to_owned()),
    };
    Ok(Json(Availability { available: reason.is_none(), reason }))
}

/// The name that this browser's own sign-up keeps is not taken from it.
async fn is_reserved_here(
    app: &App,
    headers: &HeaderMap,
    username: &Username,
) -> Result<bool, Problem> {
    let browser = cookies::read(headers, cookies::SIGN_UP).and_then(Token::parse);
    let Some(browser) = browser else { return Ok(false) };
    let signup = app.store.signup_of_browser(&browser.hash()).await?;
    Ok(signup
        .is_some_and(|signup| signup.username == *username && signup.state == SignUpState::Open))
}

/// Reserves a name and leads to where to pay.
#[utoipa::path(
    post,
    path = "/api/checkout",
    operation_id = "begin_checkout",
    tag = "site",
    request_body(content = SignUpFields, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Where to pay; for who asks for JSON", body = ToPay),
        (status = 303, description = "To where to pay; for who asks for a page"),
        (status = 400, description = "The form cannot be read", body = ErrorShape),
        (status = 403, description = "Another origin sent it", body = ErrorShape),
        (status = 413, description = "The form is too large", body = ErrorShape),
        (status = 415, description = "The body is no form", body = ErrorShape),
        (status = 422, description = "A field breaks a rule; the first one is named", body = ErrorShape),
        (status = 429, description = "Too many sign-ups; retry-after says when", body = ErrorShape),
        (status = 500, description = "Something of ours failed", body = ErrorShape),
        (status = 503, description = "The payment page does not answer, or nothing is sold here", body = ErrorShape)
    )
)]
pub(super) async fn submit(
    State(app): State<SharedApp>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    Fields(fields): Fields,
) -> Result<Response, Problem> {
    csrf::check(&headers, app.site.site_url(), MissingOrigin::Allow)?;
    let form = read(fields);
    let language = language::answering(context, &headers);
    let text = HomeText::of(language);
    let request = match check(&form, language) {
        Ok(request) => request,
        Err(problems) => return again(&app, &headers, context, &form, problems).await,
    };
    let Some(billing) = &app.billing else {
        return again(&app, &headers, context, &form, vec![closed(text)]).await;
    };
    let known = cookies::read(&headers, cookies::SIGN_UP).and_then(Token::parse);
    let browser = known.unwrap_or_else(Token::random);
    match begin(&app, billing, context, &request, &browser, text).await {
        Ok(location) => {
            let mut response = lead_to(context, &location, text)?;
            let token = browser.expose();
            let cookie = cookies::set(cookies::SIGN_UP, token, SameSite::Lax, BROWSER_LIFETIME);
            page::add_cookie(&mut response, cookie);
            Ok(response)
        }
        Err(problem) => again(&app, &headers, context, &form, vec![problem]).await,
    }
}

/// Where the browser goes from the form.
async fn begin(
    app: &App,
    billing: &BillingService,
    context: RequestContext,
    request: &SignUpRequest,
    browser: &Token,
    text: &'static HomeText,
) -> Result<String, Problem> {
    if let Err(problem) = admit(app, context, text).await {
        app.metrics.checkout("limited");
        return Err(problem);
    }
    let begun = checkout::begin(billing, request, browser).await;
    app.metrics.checkout(match &begun {
        Ok(CheckoutOutcome::ToPay { .. }) => "to_pay",
        Ok(CheckoutOutcome::Paid { .. }) => "paid",
        Err(error) => error.as_str(),
    });
    match begun {
        Ok(CheckoutOutcome::ToPay { url }) => Ok(url),
        Ok(CheckoutOutcome::Paid { checkout }) => {
            Ok(format!("{}/welcome?session_id={checkout}", app.site.site_url()))
        }
        Err(CheckoutError::Taken) => Err(Problem::invalid("username", text.taken)),
        Err(CheckoutError::Email(_)) => Err(Problem::invalid("email", text.no_receipt)),
        Err(CheckoutError::Store(error)) => Err(error.into()),
        Err(error) => {
            warn!("{:#}", anyhow::Error::from(error));
            Err(away(text))
        }
    }
}

/// Each page costs us a call to Stripe, and a name that nobody else can have meanwhile.
async fn admit(app: &App, context: RequestContext, text: &'static HomeText) -> Result<(), Problem> {
    let (subject, limit) =
        (Subject::sign_ups(context.address), Limit::sign_ups(app.sign_up.most_an_hour));
    match app.store.count_within(&subject, limit, app.now()).await? {
        None => Ok(()),
        Some(wait) => {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sign_ups", text.too_many)
                .retry_after(wait))
        }
    }
}

fn read(fields: Vec<(String, String)>) -> SignUpForm {
    let mut form = SignUpForm::default();
    for (name, value) in fields {
        match name.as_str() {
            "email" if form.email.is_empty() => form.email = value,
            "username" if form.username.is_empty() => form.username = value,
            "skills" => form.skills.push(value),
            _ => {}
        }
    }
    form
}

/// # Errors
/// Everything that is wrong, each at its field.
fn check(form: &SignUpForm, language: Language) -> Result<SignUpRequest, Vec<Problem>> {
    let email = Email::parse(&form.email);
    let email = email.map_err(|error| Problem::invalid("email", field::email(language, error)));
    let username = match &*typed::plain(&form.username) {
        "" => Ok(None),
        text => parse_username(text).map(Some),
    };
    let username =
        username.map_err(|error| Problem::invalid("username", field::username(language, error)));
    let skills = Skills::parse(form.skills.iter().map(String::as_str));
    let skills = skills.map_err(|error| Problem::invalid("skills", field::skill(language, &error)));
    match (email, username, skills) {
        (Ok(email), Ok(username), Ok(skills)) => {
            Ok(SignUpRequest { email, username, skills, language })
        }
        (email, username, skills) => {
            Err(email.err().into_iter().chain(username.err()).chain(skills.err()).collect())
        }
    }
}

/// A phone's keyboard begins with a capital; nobody means it.
fn parse_username(text: &str) -> Result<Username, UsernameError> {
    Username::parse_new(&typed::plain(text).to_ascii_lowercase())
}

/// 303 for a browser, the address as JSON for a program.
fn lead_to(
    context: RequestContext,
    url: &str,
    text: &'static HomeText,
) -> Result<Response, Problem> {
    if !context.wants_page {
        return Ok(Json(ToPay { url: url.to_owned() }).into_response());
    }
    let location = HeaderValue::try_from(url).map_err(|_| {
        error!("stripe's page has an address that cannot be sent");
        away(text)
    })?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

async fn again(
    app: &App,
    headers: &HeaderMap,
    context: RequestContext,
    form: &SignUpForm,
    mut problems: Vec<Problem>,
) -> Result<Response, Problem> {
    if context.wants_page {
        return home::page(app, headers, form, &problems).await;
    }
    Err(problems.swap_remove(0))
}

fn away(text: &HomeText) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "payment_unavailable", text.away)
        .retry_after(Duration::from_secs(30))
}

fn closed(text: &HomeText) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "closed", text.closed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(form: &[(&str, &str)]) -> Vec<(String, String)> {
        form.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_fault_is_said_at_its_field() {
        let form = read(fields(&[("email", "ada"), ("username", "a_b"), ("skills", "juggling")]));
        let problems = check(&form, Language::English).unwrap_err();
        let said: Vec<_> = problems
            .iter()
            .map(|problem| (problem.field.as_deref().unwrap(), problem.message.as_ref()))
            .collect();
        assert_eq!(
            said,
            [
                ("email", "An e-mail address looks like ada@example.com."),
                ("username", "A name has only lower-case letters, digits and hyphens."),
                ("skills", "There is no skill called \"juggling\"."),
            ]
        );
    }

    #[test]
    fn a_form_is_read_kindly() {
        let form = read(fields(&[
            ("email", " ada@example.com "),
            ("username", " Ada "),
            ("skills", "github"),
            ("skills", "weather"),
            ("unknown", "x"),
        ]));
        let request = check(&form, Language::English).unwrap();
        assert_eq!(request.username.unwrap().as_str(), "ada");
        assert_eq!(
            (request.email.as_str(), request.skills.to_string().as_str()),
            ("ada@example.com", "weather,github")
        );
        let any = SignUpForm { username: "  ".to_owned(), ..form };
        assert_eq!(check(&any, Language::English).unwrap().username, None, "any name will do");
    }
}
