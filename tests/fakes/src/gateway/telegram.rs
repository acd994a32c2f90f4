//! The channel to Telegram in webhook mode, and the configuration that switches it on.
//!
//! Read off the real gateway: `config.patch` wants the hash of what it changes and writes the
//! file; the listener answers 200 with `x-openclaw-delivery-accepted` once it has the message;
//! who writes for the first time waits until somebody lets them in.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::warn;

use super::Gateway;
use super::frames::CallError;
use super::turn;
use super::turns::Begun;
use crate::ids;

const DURABLE: (&str, &str) = ("x-openclaw-delivery-accepted", "durable");

#[derive(Debug, Clone, PartialEq, Eq)]
struct Channel {
    api_root: String,
    token: String,
    url: String,
    secret: String,
    port: u16,
}

impl Channel {
    /// `None` when it is off, or not whole.
    fn of(config: &Value) -> Option<Self> {
        let channel = &config["channels"]["telegram"];
        let text = |key: &str| channel[key].as_str().map(str::to_owned);
        (channel["enabled"] != false).then_some(())?;
        Some(Self {
            api_root: text("apiRoot").unwrap_or_else(|| "https://api.telegram.org".to_owned()),
            token: text("botToken")?,
            url: text("webhookUrl")?,
            secret: text("webhookSecret")?,
            port: channel["webhookPort"].as_u64().and_then(|port| port.try_into().ok())?,
        })
    }
}

#[derive(Debug)]
pub struct Telegram {
    present: watch::Sender<Option<Channel>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_listening: bool,
    /// Requests of people who wrote and are not let in.
    waiting: Vec<Value>,
    let_in: BTreeSet<u64>,
}

impl Default for Telegram {
    fn default() -> Self {
        Self { present: watch::Sender::new(None), state: Mutex::default() }
    }
}

impl Telegram {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }
}

/// `None` for a method that is none of this.
pub fn answer(gateway: &Gateway, method: &str, params: &Value) -> Option<Result<Value, CallError>> {
    let telegram = &gateway.telegram;
    Some(match method {
        "config.get" => Ok(configuration(gateway)),
        "config.patch" => patch(gateway, params),
        "channels.status" => Ok(status(telegram)),
        "channels.pairing.list" => Ok(json!({"requests": telegram.lock().waiting})),
        "channels.pairing.approve" | "channels.pairing.dismiss" => {
            settle(telegram, method == "channels.pairing.approve", params)
        }
        _ => return None,
    })
}

/// Its file is always what it runs with.
fn configuration(gateway: &Gateway) -> Value {
    let text = read_file(gateway);
    let (hash, mut config) = (hash(&text), serde_json::from_str::<Value>(&text));
    for (key, entry) in gateway.assistant.skill_entries() {
        if let Ok(config) = &mut config {
            config["skills"]["entries"][key] = entry;
        }
    }
    json!({"valid": config.is_ok(), "hash": hash, "configRevisionHash": hash,
        "appliedConfigHash": hash, "config": config.unwrap_or_default()})
}

fn patch(gateway: &Gateway, params: &Value) -> Result<Value, CallError> {
    let text = read_file(gateway);
    if params["baseHash"] != hash(&text) {
        return Err(CallError::invalid_request(
            "config changed since last load; re-run config.get",
        ));
    }
    let invalid = |what: &str| CallError::invalid_request(format!("invalid config: {what}"));
    let change: Value = params["raw"]
        .as_str()
        .and_then(|raw| serde_json::from_str(raw).ok())
        .ok_or_else(|| invalid("raw is not JSON"))?;
    let mut config: Value = serde_json::from_str(&text).map_err(|_| invalid("not JSON"))?;
    merge(&mut config, change);
    let text = serde_json::to_string_pretty(&config).expect("a value is JSON");
    std::fs::write(path(gateway), text).map_err(|error| invalid(&error.to_string()))?;
    gateway.telegram.present.send_replace(Channel::of(&config));
    Ok(json!({"ok": true, "hash": hash(&read_file(gateway)), "config": config}))
}

/// RFC 7396.
fn merge(target: &mut Value, change: Value) {
    let Value::Object(change) = change else {
        *target = change;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let object = target.as_object_mut().expect("it is one now");
    for (key, value) in change {
        if value.is_null() {
            object.remove(&key);
        } else {
            merge(object.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn path(gateway: &Gateway) -> std::path::PathBuf {
    gateway.settings.state_dir.join("openclaw.json")
}

fn read_file(gateway: &Gateway) -> String {
    std::fs::read_to_string(path(gateway)).unwrap_or_else(|_| "{}".to_owned())
}

fn hash(text: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(text);
    format!(
        "hmac-sha256:v1:{}",
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    )
}

fn status(telegram: &Telegram) -> Value {
    let present = telegram.present.borrow();
    let Some(_) = &*present else {
        return json!({"channelOrder": [], "channels": {}, "channelAccounts": {}});
    };
    let is_listening = telegram.lock().is_listening;
    json!({"channelOrder": ["telegram"], "channelAccounts": {"telegram": [{
        "accountId": "default", "enabled": true, "configured": true, "mode": "webhook",
        "running": is_listening, "connected": is_listening,
        "lastError": null, "tokenSource": "config", "tokenStatus": "available"}]}})
}

fn settle(telegram: &Telegram, lets_in: bool, params: &Value) -> Result<Value, CallError> {
    let mut state = telegram.lock();
    let at = state.waiting.iter().position(|request| request["requestId"] == params["requestId"]);
    let gone = || CallError::invalid_request("pending DM access request no longer exists");
    let request = state.waiting.remove(at.ok_or_else(gone)?);
    let sender = request["senderId"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default();
    if lets_in {
        state.let_in.insert(sender);
    }
    Ok(json!({"requestId": request["requestId"], "senderId": request["senderId"]}))
}

/// Keeps a listener for the channel as it is configured.
pub async fn run(gateway: Arc<Gateway>) {
    let config = serde_json::from_str(&read_file(&gateway)).unwrap_or_default();
    gateway.telegram.present.send_replace(Channel::of(&config));
    let mut present = gateway.telegram.present.subscribe();
    loop {
        let channel = present.borrow_and_update().clone();
        let changed = present.changed();
        let Some(channel) = channel else {
            gateway.telegram.lock().is_listening = false;
            if changed.await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = changed => if changed.is_err() { return },
            () = serve(&gateway, &channel) => {}
        }
    }
}

async fn serve(gateway: &Arc<Gateway>, channel: &Channel) {
    let address = (Ipv4Addr::LOCALHOST, channel.port);
    let Ok(listener) = TcpListener::bind(address).await else {
        warn!("cannot listen for Telegram on port {}", channel.port);
        return std::future::pending().await;
    };
    let hook = json!({"url": channel.url, "secret_token": channel.secret});
    if let Err(error) = call(channel, "setWebhook", &hook).await {
        warn!("Telegram does not take the address: {error}");
    }
    let router = Router::new()
        .route("/telegram-webhook", post(take))
        .with_state((Arc::clone(gateway), channel.clone()));
    gateway.telegram.lock().is_listening = true;
    if let Err(error) = axum::serve(listener, router).await {
        warn!(%error, "the listener for Telegram ended");
    }
}

async fn take(
    Shared((gateway, channel)): Shared<(Arc<Gateway>, Channel)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let shown = headers.get("x-telegram-bot-api-secret-token").map(|value| value.as_bytes());
    if shown != Some(channel.secret.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, "unauthorized").into_response();
    }
    let Ok(update) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "not JSON").into_response();
    };
    tokio::spawn(reply(gateway, channel, update));
    (StatusCode::OK, [DURABLE], "").into_response()
}

async fn reply(gateway: Arc<Gateway>, channel: Channel, update: Value) {
    let message = &update["message"];
    let sender = message["from"]["id"].as_u64().unwrap_or_default();
    let text = message["text"].as_str().unwrap_or_default();
    let words = if gateway.telegram.lock().let_in.contains(&sender) {
        answer_to(&gateway, text).await
    } else {
        ask_to_be_let_in(&gateway, sender, &message["from"]["first_name"])
    };
    let params = json!({"chat_id": sender, "text": words});
    if let Err(error) = call(&channel, "sendMessage", &params).await {
        warn!("Telegram does not take an answer: {error}");
    }
}

fn ask_to_be_let_in(gateway: &Gateway, sender: u64, name: &Value) -> String {
    let mut state = gateway.telegram.lock();
    let sender = sender.to_string();
    if !state.waiting.iter().any(|request| request["senderId"] == sender.as_str()) {
        state.waiting.push(json!({"requestId": ids::uuid(), "channel": "telegram",
            "accountId": "default", "senderId": sender, "metadata": {"firstName": name}}));
    }
    format!("OpenClaw: access not configured.\n\nYour Telegram user id: {sender}")
}

/// The same as for a message of the page, in the main conversation.
async fn answer_to(gateway: &Arc<Gateway>, text: &str) -> String {
    let (key, run) = ("agent:main:main", ids::uuid());
    let begun = gateway.turns.begin(&gateway.store, key, &run, text, Vec::new(), None);
    let Ok(Begun::Turn(turn)) = begun else { return "Busy.".to_owned() };
    turn::run(Arc::clone(gateway), Arc::clone(&turn), text.to_owned()).await;
    turn.live().text.clone()
}

async fn call(channel: &Channel, method: &str, params: &Value) -> reqwest::Result<()> {
    let url = format!("{}/bot{}/{method}", channel.api_root, channel.token);
    let client = crate::http::client().build()?;
    client.post(url).json(params).send().await?.error_for_status()?;
    Ok(())
}
