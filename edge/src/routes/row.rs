//! Routes and locks as bytes in the store: fixed fields first, texts last.
//!
//! A row is read a million times at start, so it is not JSON. Rows of other releases are read
//! as well: what is new stands behind the rest, and only where it is set. Any other change of
//! this form is a new format number in `store`.

use shared::{Lock, LockKey, Route, RouteState, SessionId, SpriteId, Upstream, Username};

/// Assignment and epoch (8 bytes each, little-endian), state, length of the sprite's name.
const FIXED_BYTES: usize = 8 + 8 + 1 + 1;

/// Between the name and the session in the key of a lock; stands in neither.
const SEPARATOR: char = '/';

/// The bytes are not a row that this program wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {key:?} cannot be read")]
pub(crate) struct BadRow {
    what: &'static str,
    key: String,
}

/// Appends the row of `route`; its key is the name.
pub(crate) fn write_route(route: &Route, row: &mut Vec<u8>) {
    // The name is the key of the row.
    let Route { username: _, upstream, sprite, assignment, state, epoch } = route;
    let sprite = sprite.as_str();
    row.extend_from_slice(&assignment.to_le_bytes());
    row.extend_from_slice(&epoch.to_le_bytes());
    row.push(match state {
        RouteState::Preparing => 0,
        RouteState::Live => 1,
        RouteState::Suspended => 2,
    });
    row.push(u8::try_from(sprite.len()).expect("a sprite's name has at most 63 bytes"));
    row.extend_from_slice(sprite.as_bytes());
    row.extend_from_slice(upstream.as_str().as_bytes());
}

/// # Errors
/// Names the row.
pub(crate) fn read_route(key: &[u8], row: &[u8]) -> Result<Route, BadRow> {
    parse_route(key, row).ok_or_else(|| bad_row("route", key))
}

pub(crate) fn lock_key(key: &LockKey) -> String {
    match &key.session {
        None => key.username.to_string(),
        Some(session) => format!("{}{SEPARATOR}{session}", key.username),
    }
}

/// Eight bytes of unix seconds, little-endian, or none.
pub(crate) fn write_lock(lock: &Lock, row: &mut Vec<u8>) {
    if let Some(until) = lock.until {
        row.extend_from_slice(&until.to_le_bytes());
    }
}

/// # Errors
/// Names the row.
pub(crate) fn read_lock(key: &[u8], row: &[u8]) -> Result<Lock, BadRow> {
    parse_lock(key, row).ok_or_else(|| bad_row("lock", key))
}

fn parse_route(key: &[u8], row: &[u8]) -> Option<Route> {
    let (fixed, texts) = row.split_at_checked(FIXED_BYTES)?;
    let (sprite, upstream) = texts.split_at_checked(usize::from(fixed[17]))?;
    Some(Route {
        username: parse_name(key)?,
        upstream: Upstream::parse(std::str::from_utf8(upstream).ok()?).ok()?,
        sprite: SpriteId::parse(std::str::from_utf8(sprite).ok()?)?,
        assignment: u64::from_le_bytes(fixed[..8].try_into().ok()?),
        epoch: u64::from_le_bytes(fixed[8..16].try_into().ok()?),
        state: match fixed[16] {
            0 => RouteState::Preparing,
            1 => RouteState::Live,
            2 => RouteState::Suspended,
            _ => return None,
        },
    })
}

fn parse_lock(key: &[u8], row: &[u8]) -> Option<Lock> {
    let key = std::str::from_utf8(key).ok()?;
    let (username, session) = match key.split_once(SEPARATOR) {
        None => (key, None),
        Some((username, session)) => (username, Some(SessionId::parse(session)?)),
    };
    let until = match row {
        [] => None,
        row => Some(u64::from_le_bytes(row.try_into().ok()?)),
    };
    Some(Lock { username: Username::parse(username).ok()?, session, until })
}

/// The name that a row of the routes stands under.
pub(crate) fn parse_name(key: &[u8]) -> Option<Username> {
    Username::parse(std::str::from_utf8(key).ok()?).ok()
}

fn bad_row(what: &'static str, key: &[u8]) -> BadRow {
    BadRow { what, key: String::from_utf8_lossy(key).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::samples;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_row_reads_as_what_was_written(route in samples::any_route(), lock in samples::any_lock()) {
            let mut row = Vec::new();
            write_route(&route, &mut row);
            prop_assert_eq!(read_route(route.username.as_bytes(), &row).unwrap(), route);
            row.clear();
            write_lock(&lock, &mut row);
            prop_assert_eq!(read_lock(lock_key(&lock.key()).as_bytes(), &row).unwrap(), lock);
        }

        #[test]
        fn no_bytes_panic(key in prop::collection::vec(any::<u8>(), 0..40), row in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = read_route(&key, &row);
            let _ = read_lock(&key, &row);
            let _ = read_route(b"ada", &row);
        }
    }

    #[test]
    fn a_row_is_what_it_was_in_every_release() {
        let mut row = Vec::new();
        write_route(&samples::route("ada"), &mut row);
        let numbers = b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x06";
        assert_eq!(row, [&numbers[..], b"arca-1", b"https://sprite.example.test"].concat());
    }

    #[test]
    fn a_bad_row_is_named() {
        assert_eq!(
            read_route(b"ada", b"").unwrap_err().to_string(),
            "route \"ada\" cannot be read"
        );
        assert_eq!(
            read_lock(b"ada/1", b"").unwrap_err().to_string(),
            "lock \"ada/1\" cannot be read"
        );
    }
}
