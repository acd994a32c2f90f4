//! Cloudflare's DNS API, as far as TXT records need it.
//!
//! What it is told it can tell on to the DNS server of a certificate authority's tests
//! (`pebble-challtestsrv`), which then answers for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::ids;

const ZONE: &str = "023e105f4ecef8ad9ca31a8372d0c353";

/// One TXT record, its content without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRecord {
    pub id: String,
    pub name: String,
    pub content: String,
}

#[derive(Debug)]
struct Account {
    token: String,
    /// The one zone that the token sees.
    zone: String,
    records: Mutex<Vec<TextRecord>>,
    /// How many were ever added.
    added: Mutex<usize>,
    dns: OnceLock<SocketAddr>,
}

/// Runs as long as the process.
#[derive(Debug, Clone)]
pub struct Cloudflare {
    pub address: SocketAddr,
    account: Arc<Account>,
}

impl Cloudflare {
    /// With one token, which sees one zone.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(token: &str, zone: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let account = Arc::new(Account {
            token: token.to_owned(),
            zone: zone.to_owned(),
            records: Mutex::default(),
            added: Mutex::default(),
            dns: OnceLock::new(),
        });
        let router = Router::new()
            .route("/client/v4/zones", get(zones))
            .route("/client/v4/zones/{zone}/dns_records", get(list).post(add))
            .route("/client/v4/zones/{zone}/dns_records/{record}", delete(remove))
            .with_state(Arc::clone(&account));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, account })
    }

    /// `dns` is the management address of a `pebble-challtestsrv`; the first one counts.
    pub fn tell_on_to(&self, dns: SocketAddr) {
        self.account.dns.get_or_init(|| dns);
    }

    pub fn records(&self) -> Vec<TextRecord> {
        lock(&self.account.records).clone()
    }

    pub fn added(&self) -> usize {
        *lock(&self.account.added)
    }
}

#[derive(Deserialize)]
struct Filter {
    name: Option<String>,
}

#[derive(Deserialize)]
struct NewRecord {
    r#type: String,
    name: String,
    content: String,
}

type Shared = State<Arc<Account>>;

async fn zones(
    State(account): Shared,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Response {
    if !account.knows(&headers) {
        return refused(StatusCode::FORBIDDEN, 9109, "Invalid access token");
    }
    let is_ours = filter.name.as_ref().is_none_or(|name| *name == account.zone);
    let ours = json!({ "id": ZONE, "name": account.zone, "status": "active" });
    found(&json!(if is_ours { vec![ours] } else { vec![] }))
}

async fn list(
    State(account): Shared,
    headers: HeaderMap,
    Query(filter): Query<Filter>,
) -> Response {
    if !account.knows(&headers) {
        return refused(StatusCode::FORBIDDEN, 9109, "Invalid access token");
    }
    let records = lock(&account.records);
    let wanted =
        records.iter().filter(|it| filter.name.as_ref().is_none_or(|name| *name == it.name));
    found(&wanted.map(shown).collect())
}

async fn add(
    State(account): Shared,
    headers: HeaderMap,
    Path(zone): Path<String>,
    Json(new): Json<NewRecord>,
) -> Response {
    if !account.knows(&headers) {
        return refused(StatusCode::FORBIDDEN, 9109, "Invalid access token");
    }
    let is_inside = new.name == account.zone || new.name.ends_with(&format!(".{}", account.zone));
    if zone != ZONE || new.r#type != "TXT" || !is_inside {
        return refused(StatusCode::BAD_REQUEST, 1004, "DNS Validation Error");
    }
    let content = new.content.trim_matches('"').to_owned();
    let record = {
        let mut records = lock(&account.records);
        if records.iter().any(|it| it.name == new.name && it.content == content) {
            return refused(StatusCode::BAD_REQUEST, 81_058, "An identical record already exists.");
        }
        let record = TextRecord { id: ids::letters("", 32), name: new.name, content };
        records.push(record.clone());
        record
    };
    *lock(&account.added) += 1;
    let told = json!({ "host": format!("{}.", record.name), "value": record.content });
    account.tell("/set-txt", &told).await;
    found(&shown(&record))
}

async fn remove(
    State(account): Shared,
    headers: HeaderMap,
    Path((_zone, id)): Path<(String, String)>,
) -> Response {
    if !account.knows(&headers) {
        return refused(StatusCode::FORBIDDEN, 9109, "Invalid access token");
    }
    let removed = {
        let mut records = lock(&account.records);
        let at = records.iter().position(|record| record.id == id);
        at.map(|at| records.remove(at))
    };
    let Some(removed) = removed else {
        return refused(StatusCode::NOT_FOUND, 81_044, "Record does not exist.");
    };
    account.tell("/clear-txt", &json!({ "host": format!("{}.", removed.name) })).await;
    found(&json!({ "id": removed.id }))
}

impl Account {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let bearer = format!("Bearer {}", self.token);
        headers.get("authorization").is_some_and(|header| header == bearer.as_str())
    }

    async fn tell(&self, path: &str, body: &Value) {
        let Some(dns) = self.dns.get() else { return };
        let told = crate::http::client()
            .build()
            .map(|client| client.post(format!("http://{dns}{path}")).body(body.to_string()).send());
        if let Ok(told) = told {
            // Whoever asks that server notices that it was not told.
            let _ = told.await;
        }
    }
}

fn shown(record: &TextRecord) -> Value {
    let content = format!("\"{}\"", record.content);
    json!({ "id": record.id, "type": "TXT", "name": record.name, "content": content, "ttl": 60 })
}

fn found(result: &Value) -> Response {
    Json(json!({ "success": true, "errors": [], "messages": [], "result": result })).into_response()
}

fn refused(status: StatusCode, code: u32, message: &str) -> Response {
    let errors = json!([{ "code": code, "message": message }]);
    let body = json!({ "success": false, "errors": errors, "messages": [], "result": null });
    (status, Json(body)).into_response()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("no holder panics")
}
