//! The customer's bot on Telegram.

use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bot {
    token: String,
}

/// Where Telegram brings what is written to the bot, and what it shows with it.
#[derive(Clone, Copy)]
pub struct Hook<'a> {
    pub url: &'a str,
    pub secret: &'a str,
    /// Where the gateway is to listen for it.
    pub port: u16,
}

/// The channel of the gateway's configuration.
///
/// Calls come in by the workspace's own address: fetching them would keep the machine awake.
/// Who writes for the first time is let in by the customer.
///
/// # Errors
/// Names the parameter that is not available.
pub(super) fn channel(bot: &Bot, hook: Hook<'_>) -> Result<Value, &'static str> {
    if !is_bot_token(&bot.token) {
        return Err("token");
    }
    Ok(json!({
        "enabled": true,
        "botToken": bot.token,
        "webhookUrl": hook.url,
        "webhookSecret": hook.secret,
        "webhookPort": hook.port,
        "dmPolicy": "pairing",
    }))
}

/// Without a bot. What the operator's template says besides stays.
pub(super) fn no_channel() -> Value {
    let gone = ["botToken", "webhookUrl", "webhookSecret", "webhookPort", "dmPolicy"];
    let mut channel: Map<_, _> =
        gone.map(|key| (key.to_owned(), Value::Null)).into_iter().collect();
    channel.insert("enabled".to_owned(), false.into());
    channel.into()
}

/// `123456:AAE…`: the bot's number and what proves it.
fn is_bot_token(token: &str) -> bool {
    let Some((number, proof)) = token.split_once(':') else { return false };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (3..=20).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && (20..=128).contains(&proof.len())
        && proof.bytes().all(is_plain)
}
