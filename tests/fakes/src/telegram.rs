//! Telegram's Bot API, as far as a bot in webhook mode uses it.
//!
//! `/bot<TOKEN>/<method>`; what Telegram would deliver is made by [`BotApi::update`], and the
//! address and the secret that a bot has given are told by [`BotApi::webhook`].

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Path, State};
use axum::routing::any;
use axum::{Json, Router, body::Bytes};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::clock;

/// Where Telegram is to bring messages, and what it shows with them.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: String,
    pub secret: String,
}

#[derive(Debug, Default)]
struct Desk {
    webhook: Option<Webhook>,
    /// Texts that the bot has sent.
    sent: Vec<String>,
    updates: u64,
}

/// A Bot API that runs as long as the process.
#[derive(Debug, Clone)]
pub struct BotApi {
    pub address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
}

impl BotApi {
    /// # Errors
    /// No port is free.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let desk = Arc::<Mutex<Desk>>::default();
        let router =
            Router::new().route("/{bot}/{method}", any(call)).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, desk })
    }

    pub fn webhook(&self) -> Option<Webhook> {
        lock(&self.desk).webhook.clone()
    }

    pub fn sent(&self) -> Vec<String> {
        lock(&self.desk).sent.clone()
    }

    /// The body of one message to the bot; each is another one.
    pub fn update(&self, text: &str) -> Value {
        let mut desk = lock(&self.desk);
        desk.updates += 1;
        let person = json!({"id": 1001, "is_bot": false, "first_name": "Ada"});
        json!({"update_id": desk.updates, "message": {
            "message_id": desk.updates, "date": clock::unix_millis() / 1_000, "text": text,
            "from": person, "chat": {"id": 1001, "type": "private", "first_name": "Ada"}}})
    }
}

async fn call(
    State(desk): State<Arc<Mutex<Desk>>>,
    Path((_bot, method)): Path<(String, String)>,
    body: Bytes,
) -> Json<Value> {
    let params: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
    let mut desk = lock(&desk);
    let result = match &*method {
        "getMe" => json!({"id": 42, "is_bot": true, "first_name": "Ada's assistant",
            "username": "ada_bot", "can_join_groups": true}),
        "getWebhookInfo" => {
            let url = desk.webhook.as_ref().map(|webhook| webhook.url.clone());
            json!({"url": url.unwrap_or_default(), "pending_update_count": 0})
        }
        "setWebhook" => {
            desk.webhook = Some(Webhook { url: text("url"), secret: text("secret_token") });
            json!(true)
        }
        "deleteWebhook" => {
            desk.webhook = None;
            json!(true)
        }
        "sendMessage" => {
            desk.sent.push(text("text"));
            json!({"message_id": 100_000 + desk.sent.len(), "date": 1,
                "chat": {"id": 1001, "type": "private"}, "text": text("text")})
        }
        _ => json!(true),
    };
    Json(json!({"ok": true, "result": result}))
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().expect("no holder panics")
}
