//! Speaks an edge's private API.

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use reqwest::{Body, Client, ClientBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use shared::wire::{
    Applied, Certificates, CertificatesServed, ChallengeAnswer, ChangesRequest, Conflict,
    DomainGrant, DomainServed, DomainWithdrawn, DomainsServed, ErrorBody, GenerationState,
    TableHead, TableLine,
};
use shared::{Domain, Generation, Lock, Route, Secret, Upstream};
use tokio::time::timeout;

use super::EdgeConfig;
use crate::store::{Snapshot, StoreError};

/// An edge on a private network answers in a millisecond; one that does not is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A batch of a thousand changes takes an edge some tens of milliseconds.
const CHANGES_TIMEOUT: Duration = Duration::from_secs(10);

/// A visitor who waits longer takes the workspace for broken.
const VISIT_TIMEOUT: Duration = Duration::from_secs(5);

/// An edge closes a connection of its private API after 30 s without a request: a change must
/// not set out on one that is about to be closed.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// A million routes are 300 MB, which must also fit through a slow disk.
const TABLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Longest answer that is read: it names at most the entries of one batch.
const ANSWER_MAX_BYTES: usize = 1 << 20;

/// How much of an edge's complaint goes into our log and the operator's view.
const MESSAGE_MAX_CHARS: usize = 500;

/// What an edge serves.
#[derive(Debug)]
pub struct EdgeTable {
    pub generation: Generation,
    pub routes: Vec<Route>,
    pub locks: Vec<Lock>,
}

pub(super) struct EdgeClient {
    http: Client,
    visitor: Client,
    url: String,
    is_confidential: bool,
    visitors: Option<Upstream>,
    token: Secret<String>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum EdgeError {
    #[error("it cannot be reached: {}", root_cause(.0))]
    Unreachable(reqwest::Error),
    /// 409: it has another generation than the call was made for.
    #[error("it is at generation {}", .0.0)]
    Conflict(Generation),
    /// 422: it has other content than we thought, or takes an entry for wrong.
    #[error("it refused the change: {0}")]
    Refused(String),
    #[error("its url is neither https nor of this machine: no private key is sent there")]
    NotConfidential,
    #[error("it answered {status}: {message}")]
    Status { status: StatusCode, message: String },
    #[error("its answer cannot be read: {0}")]
    Answer(String),
    #[error("the table cannot be read")]
    Table(#[from] StoreError),
}

impl EdgeError {
    /// It is of a release that does not know the call.
    pub(super) fn is_unknown_call(&self) -> bool {
        matches!(self, Self::Status { status: StatusCode::NOT_FOUND, .. })
    }
}

impl EdgeClient {
    pub(super) fn new(edge: &EdgeConfig) -> Result<Self, reqwest::Error> {
        let http = match &edge.certificates {
            Some(certificates) => builder().tls_certs_only(certificates.iter().cloned()).build()?,
            None => builder().build()?,
        };
        // Visitors are shown another certificate.
        let visitor = builder().build()?;
        let visitors = edge.visitors.clone();
        let (url, token) = (edge.url.as_str().to_owned(), edge.token.clone());
        Ok(Self { http, visitor, url, is_confidential: edge.is_confidential(), visitors, token })
    }

    /// The status with which a visitor of `host` is answered; `None` where nobody said
    /// where visitors reach this edge.
    pub(super) async fn visit(&self, host: &str) -> Option<Result<u16, String>> {
        let edge = self.visitors.as_ref()?;
        let answer = if edge.is_tls() {
            visit_over_tls(edge, host).await
        } else {
            self.visit_plain(edge, host).await
        };
        Some(answer)
    }

    async fn visit_plain(&self, edge: &Upstream, host: &str) -> Result<u16, String> {
        let request = self.visitor.get(format!("{edge}/")).header("host", host);
        status(request.timeout(VISIT_TIMEOUT).send().await)
    }

    pub(super) async fn look(&self) -> Result<GenerationState, EdgeError> {
        let request = self.http.get(format!("{}/v1/generation", self.url));
        read(self.send(request.timeout(CHANGES_TIMEOUT)).await?).await
    }

    pub(super) async fn send_changes(&self, body: &ChangesRequest) -> Result<Applied, EdgeError> {
        let request = self.http.post(format!("{}/v1/changes", self.url)).json(body);
        read(self.send(request.timeout(CHANGES_TIMEOUT)).await?).await
    }

    pub(super) async fn send_table(&self, table: Snapshot) -> Result<Applied, EdgeError> {
        let request = self
            .http
            .put(format!("{}/v1/table", self.url))
            .header("content-type", "application/x-ndjson")
            .body(Body::wrap_stream(lines(table)));
        read(self.send(request.timeout(TABLE_TIMEOUT)).await?).await
    }

    pub(super) async fn look_at_certificates(&self) -> Result<CertificatesServed, EdgeError> {
        let request = self.http.get(format!("{}/v1/certificates", self.url));
        read(self.send(request.timeout(CHANGES_TIMEOUT)).await?).await
    }

    pub(super) async fn send_certificates(
        &self,
        certificates: &Certificates,
    ) -> Result<CertificatesServed, EdgeError> {
        if !self.is_confidential {
            return Err(EdgeError::NotConfidential);
        }
        let request = self.http.put(format!("{}/v1/certificates", self.url)).json(certificates);
        read(self.send(request.timeout(CHANGES_TIMEOUT)).await?).await
    }

    pub(super) async fn look_at_domains(&self) -> Result<DomainsServed, EdgeError> {
        let request = self.http.get(format!("{}/v1/domains", self.url));
        let response = self.send(request.timeout(CHANGES_TIMEOUT)).await?;
        if response.status() != StatusCode::OK {
            return read(response).await;
        }
        // Far more than an answer to anything else, and as bounded as what an edge serves.
        response.json().await.map_err(|error| EdgeError::Answer(error.to_string()))
    }

    pub(super) async fn grant_domain(
        &self,
        domain: &Domain,
        grant: &DomainGrant,
    ) -> Result<DomainServed, EdgeError> {
        if !self.is_confidential {
            return Err(EdgeError::NotConfidential);
        }
        let request = self.http.put(format!("{}/v1/domains/{domain}", self.url)).json(grant);
        read(self.send(request.timeout(CHANGES_TIMEOUT)).await?).await
    }

    pub(super) async fn withdraw_domain(
        &self,
        domain: &Domain,
    ) -> Result<DomainWithdrawn, EdgeError> {
        let request = self.http.delete(format!("{}/v1/domains/{domain}", self.url));
        read(self.send(request.timeout(CHANGES_TIMEOUT)).await?).await
    }

    /// What it answers a certificate authority that asks for `token`; nothing any more when
    /// `answer` is `None`.
    pub(super) async fn answer_challenge(
        &self,
        token: &str,
        answer: Option<&str>,
    ) -> Result<(), EdgeError> {
        let url = format!("{}/v1/challenges/{token}", self.url);
        let request = match answer {
            Some(answer) => self.http.put(url).json(&ChallengeAnswer { answer: answer.to_owned() }),
            None => self.http.delete(url),
        };
        let response = self.send(request.timeout(CHANGES_TIMEOUT)).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let message = message_of(&read_bounded(response).await?);
        Err(EdgeError::Status { status, message })
    }

    /// Everything that it serves.
    pub(super) async fn read_table(&self) -> Result<EdgeTable, EdgeError> {
        let request = self.http.get(format!("{}/v1/table", self.url));
        let response = self.send(request.timeout(TABLE_TIMEOUT)).await?;
        if response.status() != StatusCode::OK {
            return Err(read::<GenerationState>(response)
                .await
                .err()
                .unwrap_or_else(|| EdgeError::Answer("it is no table".to_owned())));
        }
        let text = response.text().await.map_err(EdgeError::Unreachable)?;
        parse_table(&text).map_err(|error| EdgeError::Answer(error.to_string()))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, EdgeError> {
        let response = request.bearer_auth(self.token.expose()).send().await;
        response.map_err(|error| EdgeError::Unreachable(error.without_url()))
    }
}

fn parse_table(text: &str) -> serde_json::Result<EdgeTable> {
    let mut lines = text.lines();
    let head: TableHead = serde_json::from_str(lines.next().unwrap_or_default())?;
    let mut table =
        EdgeTable { generation: head.generation, routes: Vec::new(), locks: Vec::new() };
    for line in lines {
        match serde_json::from_str(line)? {
            TableLine::Route(route) => table.routes.push(route),
            TableLine::Lock(lock) => table.locks.push(lock),
        }
    }
    let counts = (table.routes.len() as u64, table.locks.len() as u64);
    if counts == (head.routes, head.locks) {
        return Ok(table);
    }
    Err(serde::de::Error::custom("the table broke off"))
}

fn builder() -> ClientBuilder {
    vendors::http_client()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_MAX)
        .redirect(reqwest::redirect::Policy::none())
        // A private network is not reached through somebody's proxy.
        .no_proxy()
        .user_agent("arcamatrix-control")
}

/// By the workspace's own name, at this edge's address: a visitor checks that the
/// certificate is for it, and would see it when that has expired.
async fn visit_over_tls(edge: &Upstream, host: &str) -> Result<u16, String> {
    let name = host.split(':').next().unwrap_or(host);
    let looking = tokio::net::lookup_host((edge.host_name(), edge.port()));
    let found = timeout(CONNECT_TIMEOUT, looking).await.map_err(|_| "its name has no address")?;
    let address = found.ok().and_then(|mut addresses| addresses.next());
    let address = address.ok_or("its name has no address")?;
    let client = builder().resolve(name, address).build().map_err(|error| root_cause(&error))?;
    let request = client.get(format!("https://{name}:{}/", edge.port())).header("host", host);
    status(request.timeout(VISIT_TIMEOUT).send().await)
}

fn status(answer: Result<Response, reqwest::Error>) -> Result<u16, String> {
    let answer = answer.map_err(|error| root_cause(&error.without_url()));
    answer.map(|response| response.status().as_u16())
}

/// The table as NDJSON: the head, then a piece of lines at a time.
fn lines(table: Snapshot) -> impl Stream<Item = Result<Bytes, StoreError>> {
    enum State {
        Head(Snapshot),
        Rest(Snapshot),
    }
    stream::try_unfold(State::Head(table), |state| async {
        match state {
            State::Head(table) => {
                let head: TableHead = table.head();
                Ok(Some((to_lines(&[head]), State::Rest(table))))
            }
            State::Rest(mut table) => {
                let piece: Option<Vec<TableLine>> = table.next().await?;
                Ok(piece.map(|piece| (to_lines(&piece), State::Rest(table))))
            }
        }
    })
}

fn to_lines<T: serde::Serialize>(values: &[T]) -> Bytes {
    let mut text = Vec::with_capacity(values.len() * 256);
    for value in values {
        serde_json::to_writer(&mut text, value).expect("routes and locks are plain data");
        text.push(b'\n');
    }
    text.into()
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, EdgeError> {
    let status = response.status();
    let body = read_bounded(response).await?;
    match status {
        StatusCode::OK => {
            serde_json::from_slice(&body).map_err(|error| EdgeError::Answer(error.to_string()))
        }
        StatusCode::CONFLICT => match serde_json::from_slice::<Conflict>(&body) {
            Ok(conflict) => Err(EdgeError::Conflict(conflict.generation)),
            Err(error) => Err(EdgeError::Answer(error.to_string())),
        },
        StatusCode::UNPROCESSABLE_ENTITY => Err(EdgeError::Refused(message_of(&body))),
        status => Err(EdgeError::Status { status, message: message_of(&body) }),
    }
}

async fn read_bounded(mut response: Response) -> Result<Vec<u8>, EdgeError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(EdgeError::Unreachable)? {
        if body.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(EdgeError::Answer(format!("more than {ANSWER_MAX_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn message_of(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error }) if error.entries.is_empty() => error.message,
        Ok(ErrorBody { error }) => format!("{}: {}", error.message, error.entries.join("; ")),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    text.chars().take(MESSAGE_MAX_CHARS).collect()
}

/// "connection refused" says more than "error sending request".
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
