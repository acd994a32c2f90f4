//! Orders, as far as a browser may see them.

use axum::http::HeaderMap;
use shared::Username;

use super::account_session::signed_in;
use super::cookies;
use crate::app::App;
use crate::base::token::Token;
use crate::http::Problem;
use crate::model::progress::Order;

/// Longer than any id of ours or of Stripe's.
const ID_MAX_BYTES: usize = 255;

/// The order with this id, for the browser that began it.
pub(super) async fn of_signup(
    app: &App,
    id: &str,
    headers: &HeaderMap,
) -> Result<Option<Order>, Problem> {
    if !may_be_an_id(id) {
        return Ok(None);
    }
    let order = app.store.order_of_signup(id).await?;
    Ok(order.filter(|order| is_of_browser(order, headers)))
}

/// The order for this name, for the browser that began it or is signed in to it.
pub(super) async fn of_username(
    app: &App,
    username: &Username,
    headers: &HeaderMap,
) -> Result<Option<Order>, Problem> {
    if let Some(browser) = cookies::read(headers, cookies::SIGN_UP).and_then(Token::parse)
        && let Some(order) = app.store.order_of_browser(username, &browser.hash()).await?
    {
        return Ok(Some(order));
    }
    match signed_in(app, headers).await? {
        Some(session) if session.username == *username => {
            Ok(app.store.order_of_username(username).await?)
        }
        _ => Ok(None),
    }
}

/// Whether the browser that sent these headers began the order.
pub(super) fn is_of_browser(order: &Order, headers: &HeaderMap) -> bool {
    let browser = cookies::read(headers, cookies::SIGN_UP).and_then(Token::parse);
    browser.is_some_and(|browser| browser.hash() == order.browser)
}

pub(super) fn may_be_an_id(text: &str) -> bool {
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    (1..=ID_MAX_BYTES).contains(&text.len()) && is_plain
}
