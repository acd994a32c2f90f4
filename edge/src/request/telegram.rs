//! Calls of Telegram's to a workspace. A secret of the machine's assignment stands in them where
//! others have a session; it opens one path.

use shared::identity::{
    TELEGRAM_BODY_MAX_BYTES, TELEGRAM_PATH, TELEGRAM_SECRET_HEADER, is_telegram_secret,
};
use shared::{KeyRing, Route, Session, SessionId};

use crate::head::{Body, Head};
use crate::limits::TELEGRAM_CALL_MAX;

pub(super) fn is_call(head: &Head<'_>, ring: &KeyRing, route: &Route) -> bool {
    head.path() == TELEGRAM_PATH
        && head
            .header(TELEGRAM_SECRET_HEADER)
            .is_some_and(|secret| is_telegram_secret(ring, &route.sprite, route.assignment, secret))
}

pub(super) fn is_too_long(head: &Head<'_>) -> bool {
    matches!(head.body, Body::Length(length) if length > TELEGRAM_BODY_MAX_BYTES as u64)
}

/// What stands in place of a session, so that it ends as all others do.
pub(super) fn stand_in(route: &Route, now: u64) -> Session {
    let expires = now + TELEGRAM_CALL_MAX.as_secs();
    let username = route.username;
    Session { username, id: SessionId::NONE, issued: now, expires, epoch: route.epoch }
}
