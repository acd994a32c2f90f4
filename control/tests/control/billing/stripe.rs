//! A small Stripe: what it is told about sessions and subscriptions, it says.
//!
//! `fakes::stripe`, which `market` has, keeps Stripe's rules: with it no test can have what
//! Stripe would never say, such as another's price in our session, an unknown status, or a
//! subscription that vanished. Here each field is what the test writes into it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const PRICE: &str = "price_workspace";

/// Paid once a year.
pub(crate) const YEARLY: &str = "price_yearly";

pub(crate) struct Stripe {
    pub(crate) address: SocketAddr,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) sessions: BTreeMap<String, Value>,
    pub(crate) subscriptions: BTreeMap<String, Value>,
    /// Of customers who were given one.
    pub(crate) emails: BTreeMap<String, String>,
    /// By idempotency key.
    keys: BTreeMap<String, String>,
    /// `POST /v1/…`, in order.
    pub(crate) calls: Vec<String>,
    /// Everything is answered with a 500.
    pub(crate) is_down: bool,
    /// Everything is done, and nothing is answered.
    pub(crate) is_silent: bool,
    /// The parameter for which no page is made.
    pub(crate) refuses: Option<&'static str>,
}

type Fields = Form<Vec<(String, String)>>;

impl Stripe {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let books = Arc::<Mutex<Books>>::default();
        let router = Router::new()
            .route("/v1/prices/{id}", get(price))
            .route("/v1/checkout/sessions", post(create))
            .route("/v1/checkout/sessions/{id}", get(session))
            .route("/v1/checkout/sessions/{id}/expire", post(expire))
            .route("/v1/subscriptions/{id}", get(subscription).post(update).delete(cancel))
            .route("/v1/customers/{id}", post(set_email))
            .route("/v1/billing_portal/sessions", post(portal))
            .layer(axum::middleware::from_fn_with_state(Arc::clone(&books), note))
            .with_state(Arc::clone(&books));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, books }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    /// How often something was called whose path begins so.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.books().calls.iter().filter(|seen| seen.starts_with(call)).count()
    }
}

impl Books {
    /// Somebody pays at the page: at once, or by a bank that takes days.
    pub(crate) fn pay(&mut self, session: &str, payment: &str, subscription: &str, status: &str) {
        let session = self.sessions.get_mut(session).unwrap();
        session["status"] = json!("complete");
        session["payment_status"] = json!(payment);
        session["url"] = Value::Null;
        session["customer"] = json!(format!("cus_of_{subscription}"));
        session["subscription"] = json!(subscription);
        let mut body = sample(include_str!("../../stripe-samples/api_subscription_active.json"));
        body["id"] = json!(subscription);
        body["customer"] = session["customer"].clone();
        body["metadata"] = session["metadata"].clone();
        body["status"] = json!(status);
        body["items"]["data"][0]["price"]["id"] = json!(PRICE);
        body["items"]["data"][0]["current_period_end"] = json!(1_802_592_000);
        self.subscriptions.insert(subscription.to_owned(), body);
    }

    pub(crate) fn subscription(&mut self, id: &str) -> &mut Value {
        self.subscriptions.get_mut(id).unwrap()
    }
}

pub(crate) fn sample(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

type Shared = State<Arc<Mutex<Books>>>;

async fn note(
    State(books): Shared,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let (is_down, is_silent) = {
        let mut books = books.lock().unwrap();
        let call = format!("{} {}", request.method(), request.uri().path());
        books.calls.push(call);
        (books.is_down, books.is_silent)
    };
    if is_down {
        let error = json!({ "error": { "type": "api_error", "message": "out of order" } });
        // Told not to try again, so that no test waits for it.
        let no = [("stripe-should-retry", "false")];
        return (StatusCode::INTERNAL_SERVER_ERROR, no, Json(error)).into_response();
    }
    let answer = next.run(request).await;
    if is_silent {
        std::future::pending::<()>().await;
    }
    answer
}

async fn set_email(State(books): Shared, Path(id): Path<String>, Form(fields): Fields) -> Response {
    let email = &fields.iter().find(|(name, _)| name == "email").unwrap().1;
    books.lock().unwrap().emails.insert(id.clone(), email.clone());
    Json(json!({ "id": id, "object": "customer", "email": email })).into_response()
}

async fn price(Path(id): Path<String>) -> Response {
    if id != PRICE && id != YEARLY {
        return missing();
    }
    let interval = if id == YEARLY { "year" } else { "month" };
    let price = json!({
        "id": id,
        "active": true,
        "livemode": false,
        "currency": "usd",
        "unit_amount": 700,
        "recurring": { "interval": interval, "interval_count": 1 },
    });
    Json(price).into_response()
}

async fn create(State(books): Shared, headers: HeaderMap, Form(fields): Fields) -> Response {
    let mut books = books.lock().unwrap();
    if let Some(param) = books.refuses {
        let error = json!({ "error": { "type": "invalid_request_error", "param": param,
            "message": "No." } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    if let Some(id) = books.keys.get(&key) {
        return Json(books.sessions[id].clone()).into_response();
    }
    let field = |name: &str| {
        let found = fields.iter().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("{name} is missing")).1.clone()
    };
    let id = format!("cs_test_{}", books.sessions.len() + 1);
    let mut body = sample(include_str!("../../stripe-samples/api_checkout_session_open.json"));
    body["id"] = json!(id);
    body["url"] = json!(format!("http://stripe.test/pay/{id}#fid"));
    body["client_reference_id"] = json!(field("client_reference_id"));
    body["metadata"] = json!({ "signup_id": field("subscription_data[metadata][signup_id]") });
    body["customer_email"] = json!(field("customer_email"));
    body["expires_at"] = json!(field("expires_at").parse::<u64>().unwrap());
    assert_eq!(field("line_items[0][price]"), PRICE);
    books.keys.insert(key, id.clone());
    books.sessions.insert(id, body.clone());
    Json(body).into_response()
}

async fn session(
    State(books): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let books = books.lock().unwrap();
    let Some(session) = books.sessions.get(&id) else { return missing() };
    let mut body = session.clone();
    if query.is_some_and(|query| query.contains("subscription"))
        && let Some(id) = body["subscription"].as_str()
    {
        body["subscription"] = books.subscriptions[id].clone();
        body["customer"] = json!({ "id": body["customer"], "object": "customer", "email": null });
    }
    Json(body).into_response()
}

async fn expire(State(books): Shared, Path(id): Path<String>) -> Response {
    let mut books = books.lock().unwrap();
    let Some(session) = books.sessions.get_mut(&id) else { return missing() };
    if session["status"] != "open" {
        let error = json!({ "error": { "type": "invalid_request_error",
            "message": "Only Checkout Sessions with a status in [\"open\"] can be expired." } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    }
    session["status"] = json!("expired");
    session["url"] = Value::Null;
    Json(session.clone()).into_response()
}

async fn subscription(State(books): Shared, Path(id): Path<String>) -> Response {
    match books.lock().unwrap().subscriptions.get(&id) {
        Some(subscription) => Json(subscription.clone()).into_response(),
        None => missing(),
    }
}

async fn update(State(books): Shared, Path(id): Path<String>, Form(fields): Fields) -> Response {
    let mut books = books.lock().unwrap();
    let Some(subscription) = books.subscriptions.get_mut(&id) else { return missing() };
    for (name, value) in fields {
        match name.as_str() {
            "cancel_at_period_end" => subscription[name] = json!(value == "true"),
            "cancel_at" if value.is_empty() => subscription[name] = Value::Null,
            other => panic!("{other} is not expected"),
        }
    }
    Json(subscription.clone()).into_response()
}

async fn cancel(State(books): Shared, Path(id): Path<String>) -> Response {
    let mut books = books.lock().unwrap();
    match books.subscriptions.get_mut(&id) {
        Some(subscription) if subscription["status"] != "canceled" => {
            subscription["status"] = json!("canceled");
            Json(subscription.clone()).into_response()
        }
        _ => missing(),
    }
}

async fn portal(Form(fields): Fields) -> Response {
    let flow = fields.iter().find(|(name, _)| name == "flow_data[type]");
    let flow = flow.map_or("front", |(_, flow)| flow.as_str());
    Json(json!({ "id": "bps_1", "url": format!("http://stripe.test/portal/{flow}") }))
        .into_response()
}

fn missing() -> Response {
    let error = json!({ "error": { "type": "invalid_request_error", "code": "resource_missing",
        "message": "No such object" } });
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}
