//! The gateway's own page under `/openclaw/`, when `gateway.proxy_ui` is on.
//!
//! Files are read through us without any credential; they need none. On the
//! WebSocket the gateway's token is put into the page's `connect` as the
//! *password*: the page has signed `auth.token`, a signature does not cover
//! `auth.password`. Rights are capped to those of our own page.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use http_body_util::{Either, Empty};
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Request, StatusCode};
use serde_json::Value;
use shared::Secret;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tracing::debug;

use super::dial::dial;
use super::http;
use super::methods::SCOPES_HEADER;
use super::peek::{Frame, peek};
use crate::agent::Agent;
use crate::http::answer::{self, Answer};
use crate::http::websocket::PageSocket;

/// A gateway under load takes seconds; a page that loads longer is reloaded by hand.
const FILE_MAX: Duration = Duration::from_secs(30);

/// Request headers that matter for a file; no other reaches the gateway.
const ASKED: [&str; 6] =
    ["accept", "accept-encoding", "accept-language", "if-modified-since", "if-none-match", "range"];

/// Headers that belong to one connection, not to the answer.
const HOP_BY_HOP: [&str; 7] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// One file of the gateway's page, as the gateway serves it.
pub async fn fetch<B>(agent: &Agent, request: &Request<B>) -> Answer {
    let config = &agent.config;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let public_host = HeaderValue::from_str(config.public_url.authority());
    let mut asked = Request::new(Empty::<Bytes>::new());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = path.parse().expect("it was a path before");
    let headers = asked.headers_mut();
    headers.insert(HOST, public_host.expect("an authority is a header value"));
    headers.insert(
        HeaderName::from_static("x-openclaw-scopes"),
        HeaderValue::from_static(SCOPES_HEADER),
    );
    for name in ASKED {
        if let Some(value) = request.headers().get(name) {
            headers.insert(HeaderName::from_static(name), value.clone());
        }
    }
    match http::fetch(config.gateway.address, asked, FILE_MAX).await {
        Ok(answer) => {
            let mut answer = answer.map(Either::Right);
            for name in HOP_BY_HOP {
                answer.headers_mut().remove(name);
            }
            answer
        }
        Err(error) => {
            debug!(error = &error as &dyn std::error::Error, "no file from the gateway");
            let message = "The assistant is restarting; try again in a moment.";
            answer::error(StatusCode::BAD_GATEWAY, "gateway_unreachable", message)
        }
    }
}

/// Relays until one side ends; the other one hears the same close code.
pub async fn serve(agent: &Agent, page: PageSocket, path: &str) {
    let config = &agent.config;
    let (mut to_page, from_page) = page.split();
    let origin = config.public_url.as_str();
    let gateway = match dial(config.gateway.address, path, Some(origin)).await {
        Ok(gateway) => gateway,
        Err(error) => {
            debug!(
                error = &error as &dyn std::error::Error,
                "no connection for the gateway's page"
            );
            let _ = to_page.send(close(1013, "the assistant is restarting")).await;
            return;
        }
    };
    let (mut to_gateway, from_gateway) = gateway.split();
    let (announce, announced) = tokio::sync::watch::channel(None);
    let token = &config.gateway.token;
    let upwards = relay(from_page, &mut to_gateway, |text| {
        if announce.borrow().is_some() {
            return Some(text);
        }
        let (id, frame) = with_password(&text, token)?;
        announce.send_replace(Some(id));
        Some(frame.into())
    });
    let downwards = relay(from_gateway, &mut to_page, |text| {
        let connect = announced.borrow();
        let is_hello = matches!((peek(&text), &*connect),
            (Frame::Response { id }, Some(connect)) if id == connect.as_str());
        Some(if is_hello { without_credentials(&text).into() } else { text })
    });
    let (page_closes, gateway_closes) = tokio::select! {
        ended = upwards => (None, ended),
        ended = downwards => (ended, None),
        () = agent.stopping.requested() => {
            (Some(close(1012, "the agent restarts")), None)
        }
    };
    let _ = to_gateway.send(gateway_closes.unwrap_or(Message::Close(None))).await;
    let _ = to_page.send(page_closes.unwrap_or(Message::Close(None))).await;
}

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}

/// Returns the close message that the source ended with, if it did so politely.
async fn relay(
    mut from: impl Stream<Item = Result<Message, Error>> + Unpin,
    to: &mut (impl Sink<Message, Error = Error> + Unpin),
    change: impl Fn(Utf8Bytes) -> Option<Utf8Bytes>,
) -> Option<Message> {
    while let Some(Ok(message)) = from.next().await {
        match message {
            Message::Text(text) => to.send(Message::Text(change(text)?)).await.ok()?,
            Message::Close(frame) => return Some(Message::Close(frame)),
            _ => {}
        }
    }
    None
}

/// The page's `connect` with the token in it, and its id; `None` when it is no `connect`.
fn with_password(text: &str, token: &Secret<String>) -> Option<(String, String)> {
    let mut frame: Value = serde_json::from_str(text).ok()?;
    if frame["type"] != "req" || frame["method"] != "connect" {
        return None;
    }
    let id = frame["id"].as_str()?.to_owned();
    let params = frame.get_mut("params")?.as_object_mut()?;
    let auth = params.entry("auth").or_insert_with(|| Value::Object(serde_json::Map::new()));
    auth.as_object_mut()?.insert("password".to_owned(), token.expose().as_str().into());
    Some((id, frame.to_string()))
}

/// A device token would let the page in for ever; it needs none as long as it comes through us.
fn without_credentials(text: &str) -> String {
    let Ok(mut frame) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    if let Some(payload) = frame.get_mut("payload").and_then(Value::as_object_mut) {
        payload.remove("pluginSurfaceUrls");
        if let Some(auth) = payload.get_mut("auth").and_then(Value::as_object_mut) {
            auth.remove("deviceToken");
            auth.remove("recoveryScope");
        }
    }
    frame.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_token_goes_in_as_the_password_and_leaves_the_signature_alone() {
        let token = Secret::new("the-token".to_owned());
        let connect = json!({"type": "req", "id": "1", "method": "connect",
            "params": {"auth": {"deviceToken": "d"}, "device": {"signature": "s"}}});
        let (id, frame) = with_password(&connect.to_string(), &token).unwrap();
        let frame: Value = serde_json::from_str(&frame).unwrap();
        assert_eq!(id, "1");
        assert_eq!(frame["params"]["auth"], json!({"deviceToken": "d", "password": "the-token"}));
        assert_eq!(frame["params"]["device"], connect["params"]["device"]);
        let other = r#"{"type":"req","id":"1","method":"config.get","params":{}}"#;
        assert!(with_password(other, &token).is_none());
    }

    #[test]
    fn credentials_stay_with_the_agent() {
        let hello = json!({"type": "res", "id": "1", "ok": true, "payload": {
            "snapshot": {}, "pluginSurfaceUrls": {"canvas": "SECRET"},
            "auth": {"role": "operator", "deviceToken": "SECRET", "recoveryScope": "SECRET"}}});
        let frame = without_credentials(&hello.to_string());
        assert!(!frame.contains("SECRET") && frame.contains("snapshot"), "{frame}");
    }
}
