//! A small edge: the private API over a table in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use shared::wire::{
    Applied, Certificates, CertificatesServed, ChallengeAnswer, Conflict, DomainGrant,
    DomainServed, DomainWithdrawn, DomainsServed, ErrorBody, GenerationState, TableHead, TableLine,
};
use shared::{Change, Checksum, Domain, Generation, Lock, LockKey, Route, RouteState, Username};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::EDGE_TOKEN;

pub struct TestEdge {
    pub name: &'static str,
    pub address: SocketAddr,
    table: Arc<Mutex<Table>>,
    server: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub struct Table {
    pub generation: Generation,
    pub routes: BTreeMap<Username, Route>,
    pub locks: BTreeMap<LockKey, Lock>,
    /// Calls that changed something or tried to: `changes` and `table`.
    pub calls: Vec<&'static str>,
    /// Hosts that somebody asked for as a visitor would, and how they are answered instead.
    pub visits: Vec<String>,
    pub visitors_get: Option<StatusCode>,
    /// What each change is said to have cut.
    pub cuts: u64,
    /// What was handed over last, and why the next is refused.
    pub certificates: Option<Certificates>,
    pub refuses_certificates: Option<&'static str>,
    pub domains: BTreeMap<Domain, DomainGrant>,
    /// What certificate authorities are answered, by token.
    pub challenges: BTreeMap<String, String>,
    pub looks: Door,
    pub changes: Door,
    pub tables: Door,
    pub grants: Door,
    pub withdrawals: Door,
    pub proofs: Door,
}

/// Where calls of one kind can be made to wait before anything is done for them.
#[derive(Default)]
pub struct Door {
    closed: Option<Arc<Semaphore>>,
    /// Calls that found it closed.
    pub waited: u64,
}

impl Door {
    pub fn close(&mut self) {
        self.closed = Some(Arc::new(Semaphore::new(0)));
        self.waited = 0;
    }

    /// Lets in one that waits, or the next that comes; the longest waiting first.
    pub fn let_one_in(&self) {
        self.closed.as_ref().unwrap().add_permits(1);
    }

    pub fn open(&mut self) {
        self.closed.take().unwrap().close();
    }

    fn knock(&mut self) -> Option<Arc<Semaphore>> {
        self.waited += u64::from(self.closed.is_some());
        self.closed.clone()
    }
}

async fn pass(closed: Option<Arc<Semaphore>>) {
    if let Some(turns) = closed
        && let Ok(turn) = turns.acquire().await
    {
        turn.forget();
    }
}

#[derive(Deserialize)]
struct Changes {
    base: Generation,
    generation: Generation,
    checksum: Option<Checksum>,
    changes: Vec<Change>,
}

impl TestEdge {
    pub async fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut edge = Self { name, address, table: Arc::default(), server: None };
        edge.serve(listener);
        edge
    }

    /// Nothing listens at its address any more.
    pub async fn go_away(&mut self) {
        let server = self.server.take().unwrap();
        server.abort();
        let _aborted = server.await;
    }

    pub async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }

    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap()
    }

    /// As an edge with a new disk.
    pub fn lose_everything(&self) {
        let mut table = self.table();
        (table.generation, table.routes) = Default::default();
        table.locks.clear();
    }

    pub fn names(&self) -> Vec<String> {
        self.table().routes.keys().map(ToString::to_string).collect()
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new()
            .route("/v1/generation", get(look))
            .route("/v1/changes", post(change))
            .route("/v1/table", put(replace).get(tell))
            .route("/v1/certificates", put(hand_over).get(handed))
            .route("/v1/challenges/{token}", put(answer).delete(take_back))
            .route("/v1/domains", get(domains))
            .route("/v1/domains/{domain}", put(grant).delete(withdraw))
            .route("/readyz", get(async || StatusCode::OK))
            .route("/", get(visit))
            .with_state(Arc::clone(&self.table));
        self.server = Some(tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        }));
    }
}

impl Table {
    pub fn checksum(&self) -> Checksum {
        let routes = self.routes.values().fold(Checksum::default(), Checksum::with_route);
        self.locks.values().fold(routes, Checksum::with_lock)
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Put(route) => drop(self.routes.insert(route.username, route)),
            Change::Remove(username) => drop(self.routes.remove(&username)),
            Change::Lock(lock) => drop(self.locks.insert(lock.key(), lock)),
            Change::Unlock(key) => drop(self.locks.remove(&key)),
        }
    }

    fn applied(&self) -> Response {
        let applied = Applied {
            generation: self.generation,
            sockets_cut: self.cuts,
            requests_cut: self.cuts / 2,
            durable: true,
        };
        Json(applied).into_response()
    }

    fn conflict(&self) -> Response {
        (StatusCode::CONFLICT, Json(Conflict { generation: self.generation })).into_response()
    }
}

type Shared = Arc<Mutex<Table>>;

async fn look(State(table): State<Shared>, headers: HeaderMap) -> Response {
    if !is_control(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let door = table.lock().unwrap().looks.knock();
    pass(door).await;
    let table = table.lock().unwrap();
    Json(GenerationState {
        generation: table.generation,
        routes: table.routes.len() as u64,
        locks: table.locks.len() as u64,
        checksum: table.checksum(),
    })
    .into_response()
}

async fn domains(State(table): State<Shared>) -> Json<DomainsServed> {
    let table = table.lock().unwrap();
    let served = table.domains.iter().map(|(domain, grant)| DomainServed {
        domain: domain.clone(),
        username: grant.username,
        fingerprint: grant.fingerprint(),
    });
    Json(DomainsServed { domains: served.collect() })
}

async fn grant(
    State(table): State<Shared>,
    Path(domain): Path<Domain>,
    Json(grant): Json<DomainGrant>,
) -> Json<DomainServed> {
    let (username, fingerprint) = (grant.username, grant.fingerprint());
    let door = table.lock().unwrap().grants.knock();
    pass(door).await;
    table.lock().unwrap().domains.insert(domain.clone(), grant);
    Json(DomainServed { domain, username, fingerprint })
}

async fn withdraw(
    State(table): State<Shared>,
    Path(domain): Path<Domain>,
) -> Json<DomainWithdrawn> {
    let door = table.lock().unwrap().withdrawals.knock();
    pass(door).await;
    table.lock().unwrap().domains.remove(&domain);
    Json(DomainWithdrawn::default())
}

async fn answer(
    State(table): State<Shared>,
    Path(token): Path<String>,
    Json(ChallengeAnswer { answer }): Json<ChallengeAnswer>,
) -> StatusCode {
    let door = table.lock().unwrap().proofs.knock();
    pass(door).await;
    table.lock().unwrap().challenges.insert(token, answer);
    StatusCode::NO_CONTENT
}

async fn take_back(State(table): State<Shared>, Path(token): Path<String>) -> StatusCode {
    table.lock().unwrap().challenges.remove(&token);
    StatusCode::NO_CONTENT
}

async fn handed(State(table): State<Shared>, headers: HeaderMap) -> Response {
    if !is_control(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let certificates = table.lock().unwrap().certificates.clone();
    let fingerprint = certificates.map_or_else(String::new, |it| it.fingerprint());
    Json(CertificatesServed { wanted: true, fingerprint }).into_response()
}

async fn hand_over(
    State(table): State<Shared>,
    headers: HeaderMap,
    Json(certificates): Json<Certificates>,
) -> Response {
    if !is_control(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let mut table = table.lock().unwrap();
    if let Some(why) = table.refuses_certificates {
        return refused(why);
    }
    let fingerprint = certificates.fingerprint();
    table.certificates = Some(certificates);
    Json(CertificatesServed { wanted: true, fingerprint }).into_response()
}

/// As an edge answers somebody without a session.
async fn visit(State(table): State<Shared>, headers: HeaderMap) -> StatusCode {
    let host = headers["host"].to_str().unwrap();
    let name = host.split('.').next().unwrap();
    let mut table = table.lock().unwrap();
    if name == "arca" {
        return StatusCode::OK;
    }
    table.visits.push(host.to_owned());
    if let Some(status) = table.visitors_get {
        return status;
    }
    let route = name.parse().ok().and_then(|name: Username| table.routes.get(&name));
    match route.map(|route| route.state) {
        Some(RouteState::Live) => StatusCode::SEE_OTHER,
        Some(RouteState::Suspended) => StatusCode::FORBIDDEN,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
        None => StatusCode::NOT_FOUND,
    }
}

async fn change(State(table): State<Shared>, headers: HeaderMap, body: Json<Changes>) -> Response {
    if !is_control(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Json(Changes { base, generation, checksum, changes }) = body;
    let door = table.lock().unwrap().changes.knock();
    pass(door).await;
    let mut table = table.lock().unwrap();
    table.calls.push("changes");
    if base != table.generation {
        return table.conflict();
    }
    let before = (table.routes.clone(), table.locks.clone());
    changes.into_iter().for_each(|change| table.apply(change));
    if checksum.is_some_and(|checksum| checksum != table.checksum()) {
        (table.routes, table.locks) = before;
        return refused("the table after it has another checksum");
    }
    table.generation = generation;
    table.applied()
}

async fn tell(State(table): State<Shared>, headers: HeaderMap) -> Response {
    if !is_control(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let door = table.lock().unwrap().looks.knock();
    pass(door).await;
    let table = table.lock().unwrap();
    let head = TableHead {
        generation: table.generation,
        routes: table.routes.len() as u64,
        locks: table.locks.len() as u64,
        checksum: table.checksum(),
    };
    let mut text = serde_json::to_string(&head).unwrap() + "\n";
    let routes = table.routes.values().cloned().map(TableLine::Route);
    for line in routes.chain(table.locks.values().cloned().map(TableLine::Lock)) {
        text += &(serde_json::to_string(&line).unwrap() + "\n");
    }
    text.into_response()
}

async fn replace(State(table): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_control(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let text = std::str::from_utf8(&body).unwrap();
    let mut lines = text.lines();
    let head: TableHead = serde_json::from_str(lines.next().unwrap()).unwrap();
    let mut new = Table::default();
    for line in lines {
        match serde_json::from_str(line).unwrap() {
            TableLine::Route(route) => new.apply(Change::Put(route)),
            TableLine::Lock(lock) => new.apply(Change::Lock(lock)),
        }
    }
    let door = table.lock().unwrap().tables.knock();
    pass(door).await;
    let mut table = table.lock().unwrap();
    table.calls.push("table");
    if head.generation < table.generation {
        return table.conflict();
    }
    let counts = (new.routes.len() as u64, new.locks.len() as u64);
    if (head.routes, head.locks) != counts || head.checksum != new.checksum() {
        return refused("the table is not what its head says");
    }
    table.generation = head.generation;
    (table.routes, table.locks) = (new.routes, new.locks);
    table.applied()
}

fn is_control(headers: &HeaderMap) -> bool {
    let bearer = format!("Bearer {EDGE_TOKEN}");
    headers.get("authorization").is_some_and(|header| header == bearer.as_str())
}

fn refused(why: &str) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Json(ErrorBody::new("refused", why))).into_response()
}
