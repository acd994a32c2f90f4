//! The layer every call goes through: noted, perhaps struck by a fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::fault::{Action, Moment};
use super::journal::Journal;
use super::line::Line;
use super::lock;
use super::rules::{Rule, Rules, Strike};

/// Largest request a fake reads. Mails with attachments are the largest.
const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;

/// How a vendor words an error of this status.
pub type Refusal = fn(StatusCode) -> Response;

/// A fault for the vendor's own code, under the call's idempotency key.
#[derive(Debug, Clone, Copy)]
pub enum Inside {
    /// Answer this instead of doing the work.
    Status(StatusCode),
    /// Take this long.
    Slow(Duration),
}

#[derive(Debug)]
struct Door {
    rules: Mutex<Rules>,
    journal: Mutex<Journal>,
    refusal: Refusal,
}

/// Puts the door before `router` and adds the calls that arm it.
///
/// Calls under `/_fake` pass untouched and unnoted.
pub fn behind_door(router: Router, refusal: Refusal) -> Router {
    let door = Arc::new(Door { rules: Mutex::default(), journal: Mutex::default(), refusal });
    let admin = Router::new()
        .route("/_fake/faults", get(list).post(arm).delete(clear))
        .route("/_fake/faults/{id}", delete(disarm))
        .route("/_fake/requests", get(requests).delete(forget))
        .with_state(door.clone());
    router.layer(middleware::from_fn_with_state(door, pass)).merge(admin)
}

async fn pass(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/_fake") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let (body, file) = if is_file(&parts.headers) {
        (Bytes::new(), Some(body))
    } else {
        match to_bytes(body, BODY_MAX_BYTES).await {
            Ok(body) => (body, None),
            Err(_) => return (door.refusal)(StatusCode::PAYLOAD_TOO_LARGE),
        }
    };
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let strike = lock(&door.rules).strike(method, path, &body);
    let fault = strike.as_ref().map(|strike| strike.fault.to_string());
    let number = lock(&door.journal).note(&parts.method, &parts.uri, &parts.headers, &body, fault);
    let request = Request::from_parts(parts, file.unwrap_or_else(|| Body::from(body)));
    let answer = match strike {
        None => Some(to_its_end(request, next).await),
        Some(strike) => struck(&door, &strike, request, next).await,
    };
    match answer {
        Some(answer) => {
            lock(&door.journal).answered(number, answer.status().as_u16());
            answer
        }
        // Never written: the line is cut.
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Passed on as it comes, unread: it may be of any size.
fn is_file(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream")
}

/// What was begun is done to its end, also when whoever asked is gone: half of it is of no use.
async fn to_its_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(answer) => answer,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// `None` when the connection was cut.
async fn struck(
    door: &Door,
    strike: &Strike,
    mut request: Request,
    next: Next,
) -> Option<Response> {
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|info| info.0.clone());
    let Strike { fault, headers } = strike;
    match fault.moment {
        Moment::Before => {
            if let Action::Slow(delay) = fault.action {
                tokio::time::sleep(delay).await;
                return Some(to_its_end(request, next).await);
            }
        }
        Moment::Inside => {
            let inside = match fault.action {
                Action::Status(status) => Inside::Status(status),
                Action::Slow(delay) => Inside::Slow(delay),
                Action::Garbage(_) | Action::Reset => unreachable!("no such fault can be read"),
            };
            request.extensions_mut().insert(inside);
            return Some(with_headers(to_its_end(request, next).await, headers));
        }
        Moment::AfterCommit => {
            // The work is done; unless it is only late, the answer is lost.
            let answer = to_its_end(request, next).await;
            if let Action::Slow(delay) = fault.action {
                tokio::time::sleep(delay).await;
                return Some(answer);
            }
        }
    }
    match fault.action {
        Action::Status(status) => Some(with_headers((door.refusal)(status), headers)),
        Action::Garbage(status) => Some(with_headers(garbage(status), headers)),
        Action::Slow(_) => unreachable!("late answers were given above"),
        Action::Reset => {
            line.expect("fakes are served by vendor::server").cut();
            None
        }
    }
}

fn garbage(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let html = format!("<html><head><title>{status}</title></head><body>{reason}</body></html>\n");
    (status, Html(html)).into_response()
}

fn with_headers(mut answer: Response, headers: &BTreeMap<String, String>) -> Response {
    for (name, value) in headers {
        let pair = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
        if let (Ok(name), Ok(value)) = pair {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

async fn list(State(door): State<Arc<Door>>) -> Json<Value> {
    Json(json!({"faults": lock(&door.rules).all()}))
}

async fn arm(State(door): State<Arc<Door>>, body: String) -> Response {
    let rule: Rule = match serde_json::from_str(&body) {
        Ok(rule) => rule,
        Err(error) => return complain(StatusCode::BAD_REQUEST, &error),
    };
    match lock(&door.rules).arm(rule) {
        Ok(armed) => (StatusCode::CREATED, Json(armed)).into_response(),
        Err(error) => complain(StatusCode::CONFLICT, &error),
    }
}

async fn clear(State(door): State<Arc<Door>>) -> StatusCode {
    lock(&door.rules).clear();
    StatusCode::NO_CONTENT
}

async fn disarm(State(door): State<Arc<Door>>, Path(id): Path<u64>) -> StatusCode {
    if lock(&door.rules).disarm(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

async fn requests(State(door): State<Arc<Door>>) -> Json<Value> {
    let journal = lock(&door.journal);
    Json(json!({"requests": journal.entries().collect::<Vec<_>>()}))
}

async fn forget(State(door): State<Arc<Door>>) -> StatusCode {
    lock(&door.journal).forget();
    StatusCode::NO_CONTENT
}

/// An answer to a test that asked for something impossible.
pub(crate) fn complain(status: StatusCode, error: &dyn std::fmt::Display) -> Response {
    (status, Json(json!({"error": error.to_string()}))).into_response()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::Notify;

    use super::*;
    use crate::vendor::server;

    async fn vendor(router: Router) -> SocketAddr {
        let router = behind_door(router, |status| (status, "the vendor's words").into_response());
        let (listener, address) = server::listen(0).await.unwrap();
        tokio::spawn(server::serve(listener, router));
        address
    }

    /// A vendor that counts, and its address.
    async fn counter() -> (Arc<AtomicU32>, String) {
        let count = Arc::new(AtomicU32::new(0));
        let counted = count.clone();
        let work = move || async move { counted.fetch_add(1, Ordering::SeqCst).to_string() };
        let address = vendor(Router::new().route("/work", post(work))).await;
        (count, format!("http://{address}"))
    }

    /// `expected`: the status, `None` for a cut connection; and whether the
    /// work was done.
    async fn check(fault: &str, expected: Option<u16>, done: bool) {
        let (count, url) = counter().await;
        let http = crate::http::client().no_proxy().build().unwrap();
        let rule = json!({"match": {"path": "/work"}, "fault": fault}).to_string();
        let armed = http.post(format!("{url}/_fake/faults")).body(rule).send().await.unwrap();
        assert_eq!(armed.status(), 201, "{fault}");
        let call = || http.post(format!("{url}/work")).send();
        let status = call().await.ok().map(|answer| answer.status().as_u16());
        assert_eq!(status, expected, "{fault}");
        assert_eq!(count.load(Ordering::SeqCst), u32::from(done), "{fault}");
        assert_eq!(call().await.unwrap().status(), 200, "{fault} strikes once");
        let requests = http.get(format!("{url}/_fake/requests")).send().await.unwrap();
        let requests: Value = requests.json().await.unwrap();
        assert_eq!(requests["requests"][0]["status"], json!(expected), "{fault}");
        assert_eq!(requests["requests"].as_array().unwrap().len(), 2, "{fault}");
    }

    #[tokio::test]
    async fn a_fault_strikes_before_the_work_or_after_it() {
        check("status:503", Some(503), false).await;
        check("after-commit:503", Some(503), true).await;
        check("garbage:502", Some(502), false).await;
        check("after-commit:garbage:502", Some(502), true).await;
        check("reset", None, false).await;
        check("after-commit:reset", None, true).await;
        check("slow:1", Some(200), true).await;
        check("after-commit:slow:1", Some(200), true).await;
    }

    #[tokio::test]
    async fn what_was_begun_is_done_though_nobody_waits_for_it() {
        let [begun, done, go_on] = [(); 3].map(|()| Arc::new(Notify::new()));
        let (has_begun, is_done, may_go_on) = (begun.clone(), done.clone(), go_on.clone());
        let work = move || async move {
            has_begun.notify_one();
            may_go_on.notified().await;
            is_done.notify_one();
        };
        let address = vendor(Router::new().route("/work", post(work))).await;
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        let call = b"POST /work HTTP/1.1\r\nhost: vendor\r\ncontent-length: 0\r\n\r\n";
        client.write_all(call).await.unwrap();
        begun.notified().await;
        client.shutdown().await.unwrap();
        // The connection is over, and with it all that hung on it.
        client.read_to_end(&mut Vec::new()).await.unwrap();
        go_on.notify_one();
        let is_done = tokio::time::timeout(Duration::from_secs(60), done.notified()).await;
        is_done.expect("the work was given up with its client");
    }
}
