//! A server that records every request and answers as it was told.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use shared::{Secret, Upstream};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::form_urlencoded;

pub(crate) struct Sink {
    pub(crate) url: Upstream,
    state: Arc<Mutex<State>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    answers: VecDeque<Answer>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) enum Answer {
    Say {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// The connection ends after the request was read.
    HangUp,
}

impl Answer {
    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self::Say { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, body.to_string())
    }

    pub(crate) fn header(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Say { status, mut headers, body } => {
                headers.push((name, value.to_owned()));
                Self::Say { status, headers, body }
            }
            Self::HangUp => Self::HangUp,
        }
    }
}

impl Sink {
    /// Answers in this order; a request too many is answered with 599.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = answers.into_iter().collect();
        let state = Arc::new(Mutex::new(State { seen: Vec::new(), answers }));
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Self { url: Upstream::parse(&url).unwrap(), state, server }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// `POST /path` of every request, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as a form: decoded, in order.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        decode(&self.body)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn query(&self, key: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn decode(form: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(form).into_owned().collect()
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let state = Arc::clone(&state);
        let service = service_fn(move |request| answer(request, Arc::clone(&state)));
        let connection = hyper::server::conn::http1::Builder::new();
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let seen = Seen {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: decode(head.uri.query().unwrap_or_default().as_bytes()),
        headers: head.headers,
        body: body.collect().await.map_err(io::Error::other)?.to_bytes(),
    };
    let answer = {
        let mut state = state.lock().unwrap();
        state.seen.push(seen);
        state.answers.pop_front().unwrap_or_else(|| Answer::text(599, "nothing more was expected"))
    };
    match answer {
        Answer::HangUp => Err(io::Error::other("hung up, as told")),
        Answer::Say { status, headers, body } => Ok(respond(status, headers, body)),
    }
}

fn respond(
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status.try_into().unwrap();
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).unwrap();
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
    response
}
