//! A small certificate authority that believes every proof. What a real one does with an order
//! is in the stories (`make test-acme`).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{self, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::tls;

pub struct TestAuthority {
    pub directory: String,
    /// By which it is believed, in PEM.
    pub certificate: PathBuf,
    book: Arc<Mutex<Book>>,
}

#[derive(Default)]
pub struct Book {
    /// Where everything is found.
    base: String,
    pub accounts: usize,
    orders: Vec<Order>,
    /// Calls of this kind are carried out, and never answered.
    pub silent_about: Option<&'static str>,
    /// How many were not.
    pub unanswered: u64,
}

struct Order {
    name: String,
    is_proven: bool,
    is_final: bool,
}

type Shared = Arc<Mutex<Book>>;

impl TestAuthority {
    /// `folder` is where its certificate is put.
    pub async fn start(folder: &Path) -> Self {
        let book: Shared = Arc::default();
        let router = Router::new()
            .route("/directory", get(directory))
            .route("/nonce", get(async || StatusCode::OK))
            .route("/account", post(account))
            .route("/order", post(order))
            .route("/order/{number}", post(show))
            .route("/authorization/{number}", post(authorization))
            .route("/challenge/{number}", post(prove))
            .route("/finalize/{number}", post(finalize))
            .route("/certificate/{number}", post(certificate))
            .layer(middleware::from_fn_with_state(Arc::clone(&book), speak))
            .with_state(Arc::clone(&book));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let sealed = tls::seal(address, folder, "authority").await;
        let base = format!("https://{}", sealed.address);
        let directory = format!("{base}/directory");
        book.lock().unwrap().base = base;
        Self { directory, certificate: sealed.certificate, book }
    }

    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }
}

impl Book {
    fn order(&mut self, number: usize) -> &mut Order {
        &mut self.orders[number]
    }

    fn tell(&self, number: usize) -> Json<Value> {
        let Order { is_proven, is_final, .. } = self.orders[number];
        let status = match (is_proven, is_final) {
            (false, _) => "pending",
            (true, false) => "ready",
            (true, true) => "valid",
        };
        let at = |what: &str| format!("{}/{what}/{number}", self.base);
        Json(json!({
            "status": status, "authorizations": [at("authorization")], "finalize": at("finalize"),
            "certificate": is_final.then(|| at("certificate")),
        }))
    }

    fn challenge(&self, number: usize, kind: &str) -> Value {
        json!({
            "type": kind, "url": format!("{}/challenge/{number}", self.base),
            "token": format!("token-{number}"), "status": self.proof(number),
        })
    }

    fn proof(&self, number: usize) -> &'static str {
        if self.orders[number].is_proven { "valid" } else { "pending" }
    }

    /// Of the last order.
    pub fn token(&self) -> String {
        format!("token-{}", self.orders.len() - 1)
    }
}

/// Everything has a nonce, where it is answered at all.
async fn speak(State(book): State<Shared>, request: Request, next: Next) -> Response {
    let kind = request.uri().path().split('/').nth(1).unwrap_or_default().to_owned();
    let mut response = next.run(request).await;
    {
        let mut book = book.lock().unwrap();
        if book.silent_about != Some(&kind) {
            let nonce = HeaderValue::from_static("a-nonce");
            response.headers_mut().insert("replay-nonce", nonce);
            return response;
        }
        book.unanswered += 1;
    }
    std::future::pending().await
}

async fn directory(State(book): State<Shared>) -> Json<Value> {
    let at = |what: &str| format!("{}/{what}", book.lock().unwrap().base);
    Json(json!({
        "newNonce": at("nonce"), "newAccount": at("account"), "newOrder": at("order"),
        "revokeCert": at("revoke"), "keyChange": at("key"),
    }))
}

async fn account(State(book): State<Shared>) -> Response {
    let mut book = book.lock().unwrap();
    book.accounts += 1;
    let location = format!("{}/accounts/{}", book.base, book.accounts);
    (StatusCode::CREATED, [("location", location)], Json(json!({ "status": "valid" })))
        .into_response()
}

async fn order(State(book): State<Shared>, Json(signed): Json<Value>) -> Response {
    let payload = URL_SAFE_NO_PAD.decode(signed["payload"].as_str().unwrap()).unwrap();
    let wanted: Value = serde_json::from_slice(&payload).unwrap();
    let name = wanted["identifiers"][0]["value"].as_str().unwrap().to_owned();
    let mut book = book.lock().unwrap();
    book.orders.push(Order { name, is_proven: false, is_final: false });
    let number = book.orders.len() - 1;
    let location = format!("{}/order/{number}", book.base);
    (StatusCode::CREATED, [("location", location)], book.tell(number)).into_response()
}

type Number = extract::Path<usize>;

async fn show(State(book): State<Shared>, extract::Path(number): Number) -> Json<Value> {
    book.lock().unwrap().tell(number)
}

async fn authorization(State(book): State<Shared>, extract::Path(number): Number) -> Json<Value> {
    let mut book = book.lock().unwrap();
    let identifier = json!({ "type": "dns", "value": book.order(number).name });
    let challenges = ["http-01", "dns-01"].map(|kind| book.challenge(number, kind));
    let status = book.proof(number);
    Json(json!({ "identifier": identifier, "status": status, "challenges": challenges }))
}

async fn prove(State(book): State<Shared>, extract::Path(number): Number) -> Json<Value> {
    let mut book = book.lock().unwrap();
    book.order(number).is_proven = true;
    Json(book.challenge(number, "http-01"))
}

async fn finalize(State(book): State<Shared>, extract::Path(number): Number) -> Json<Value> {
    let mut book = book.lock().unwrap();
    book.order(number).is_final = true;
    book.tell(number)
}

/// Of a key of its own: whoever looks whether the two belong together is a real edge.
async fn certificate(State(book): State<Shared>, extract::Path(number): Number) -> String {
    let name = book.lock().unwrap().order(number).name.clone();
    let parameters = CertificateParams::new(vec![name]).unwrap();
    parameters.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}
