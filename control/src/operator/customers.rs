//! Customers: added, listed, suspended; their password and their sessions.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use shared::{Generation, Username};
use utoipa::ToSchema;

use super::paging::{Paging, page};
use super::responses::{CustomerView, Customers, Page, Published};
use super::routes::{Waiting, check_written, parse_username, publish, take_away};
use super::schemas::OfWorkspace;
use crate::accounts::SetPasswordError;
use crate::app::{App, SharedApp};
use crate::base::email_address::Email;
use crate::base::language::Language;
use crate::http::error_responses::{AboutOne, ErrorShape, Guarded, Parsed, WithBody};
use crate::http::{Json, Path, Problem, Query};
use crate::routes::Revocation;
use crate::store::{Customer, NewCustomer};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerBody {
    username: String,
    email: String,
    password: Option<String>,
    /// `en` or `de`, of the site and the letters until they choose one; English without it.
    #[schema(example = "de")]
    language: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordBody {
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailBody {
    pub(super) email: String,
}

/// Adds a customer.
#[utoipa::path(
    post,
    path = "/api/customers",
    operation_id = "add_customer",
    tag = "operator",
    security(("admin_key" = [])),
    request_body = CustomerBody,
    responses(
        (status = 201, description = "The customer", body = CustomerView),
        (status = 409, description = "The name is taken", body = ErrorShape),
        (status = 503, description = "Too many passwords are being checked", body = ErrorShape),
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn add(
    State(app): State<SharedApp>,
    Json(body): Json<CustomerBody>,
) -> Result<(StatusCode, Answer<CustomerView>), Problem> {
    let username = parse_username(&body.username)?;
    let email = parse_email(&body.email)?;
    let email = email.as_str();
    let language = body.language.as_deref().map_or(Ok(Language::English), parse_language)?;
    let hash = match body.password {
        Some(password) => Some(app.accounts.hash_new(&username, email, password).await?),
        None => None,
    };
    let customer = NewCustomer { username, email, password_hash: hash.as_deref(), language };
    if !app.store.add_customer(&customer, app.now()).await? {
        let message = format!("The name {username} is taken.");
        return Err(Problem::new(StatusCode::CONFLICT, "taken", message).at_field("username"));
    }
    let customer = existing(&app, &username).await?;
    Ok((StatusCode::CREATED, Answer(view(&app, customer))))
}

/// Who has a workspace.
#[utoipa::path(
    get,
    path = "/api/customers",
    operation_id = "list_customers",
    tag = "operator",
    security(("admin_key" = [])),
    params(Paging),
    responses(
        (status = 200, description = "A page of customers, by name", body = Page<CustomerView>),
        Parsed,
        Guarded
    )
)]
pub(super) async fn list(
    State(app): State<SharedApp>,
    Query(paging): Query<Paging>,
) -> Result<Answer<Customers>, Problem> {
    let limit = paging.limit()?;
    let customers = app.store.customers(&paging.after, limit).await?;
    let customers = customers.into_iter().map(|customer| view(&app, customer)).collect();
    Ok(Answer(page(customers, limit, |customer: &CustomerView| customer.username.to_string())))
}

/// One customer.
#[utoipa::path(
    get,
    path = "/api/customers/{username}",
    operation_id = "show_customer",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    responses(
        (status = 200, description = "The customer", body = CustomerView),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn show(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
) -> Result<Answer<CustomerView>, Problem> {
    let customer = existing(&app, &parse_username(&username)?).await?;
    Ok(Answer(view(&app, customer)))
}

/// Sets a password, and ends every session.
#[utoipa::path(
    post,
    path = "/api/customers/{username}/password",
    operation_id = "set_password",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    request_body = PasswordBody,
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 503, description = "Too many passwords are being checked", body = ErrorShape),
        AboutOne,
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn set_password(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
    Json(body): Json<PasswordBody>,
) -> Result<Answer<Published>, Problem> {
    let username = parse_username(&username)?;
    let ended = match app.accounts.replace_password(&username, body.password).await {
        Err(SetPasswordError::Over) => return Err(no_customer(&username)),
        ended => ended?,
    };
    let generation = Some(ended.generation);
    publish_if_found(&app, &username, generation, waiting).await
}

/// Sets the address at which a customer is written to; the former one is told.
#[utoipa::path(
    post,
    path = "/api/customers/{username}/email",
    operation_id = "set_email",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace),
    request_body = EmailBody,
    responses(
        (status = 200, description = "The customer", body = CustomerView),
        AboutOne,
        Parsed,
        WithBody,
        Guarded
    )
)]
pub(super) async fn set_email(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Json(body): Json<EmailBody>,
) -> Result<Answer<CustomerView>, Problem> {
    let username = parse_username(&username)?;
    let email = parse_email(&body.email)?;
    if existing(&app, &username).await?.email == email.as_str() {
        return Err(Problem::invalid(
            "email",
            format!("This is the address of {username} already."),
        ));
    }
    if !app.accounts.set_email(&username, &email).await? {
        return Err(no_customer(&username));
    }
    Ok(Answer(view(&app, existing(&app, &username).await?)))
}

/// Ends every session of a customer.
#[utoipa::path(
    post,
    path = "/api/customers/{username}/sign-out-everywhere",
    operation_id = "sign_out_everywhere",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn sign_out_everywhere(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Result<Answer<Published>, Problem> {
    let username = parse_username(&username)?;
    let none = || no_customer(&username);
    take_away(&app, Revocation::SignOut(username), waiting.wait(), none).await
}

/// Closes a workspace, keeping everything in it.
#[utoipa::path(
    post,
    path = "/api/customers/{username}/suspend",
    operation_id = "suspend_customer",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn suspend(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Result<Answer<Published>, Problem> {
    let username = parse_username(&username)?;
    let none = || no_customer(&username);
    take_away(&app, Revocation::Suspend(username), waiting.wait(), none).await
}

/// Lifts a suspension by an operator; the workspace opens unless another reason stands.
#[utoipa::path(
    post,
    path = "/api/customers/{username}/resume",
    operation_id = "resume_customer",
    tag = "operator",
    security(("admin_key" = [])),
    params(OfWorkspace, Waiting),
    responses(
        (status = 200, description = "Done; how each edge fared", body = Published),
        (status = 503, description = "What was taken away is not written yet", body = ErrorShape),
        AboutOne,
        Parsed,
        Guarded
    )
)]
pub(super) async fn resume(
    State(app): State<SharedApp>,
    Path(username): Path<String>,
    Query(waiting): Query<Waiting>,
) -> Result<Answer<Published>, Problem> {
    let username = parse_username(&username)?;
    check_written(&app, &username)?;
    let generation = app.store.set_suspended(&username, false).await?;
    publish_if_found(&app, &username, generation, waiting).await
}

fn parse_email(text: &str) -> Result<Email, Problem> {
    Email::parse(text).map_err(|error| Problem::invalid("email", error.to_string()))
}

fn parse_language(text: &str) -> Result<Language, Problem> {
    text.parse().map_err(|error: String| Problem::invalid("language", error))
}

async fn publish_if_found(
    app: &App,
    username: &Username,
    generation: Option<Generation>,
    waiting: Waiting,
) -> Result<Answer<Published>, Problem> {
    let generation = generation.ok_or_else(|| no_customer(username))?;
    Ok(publish(app, generation, waiting.wait()).await)
}

pub(super) async fn existing(app: &App, username: &Username) -> Result<Customer, Problem> {
    app.store.customer(username).await?.ok_or_else(|| no_customer(username))
}

pub(super) fn view(app: &App, customer: Customer) -> CustomerView {
    let workspace_url = app.site.workspace_url(&customer.username);
    CustomerView::new(customer, workspace_url)
}

fn no_customer(username: &Username) -> Problem {
    Problem::not_found(format!("There is no customer {username}."))
}
