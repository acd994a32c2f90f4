//! Routes, locks and changes for tests.

use proptest::prelude::*;
use shared::{Change, Lock, LockKey, Route, RouteState, SessionId, SpriteId, Username};

pub(crate) fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

pub(crate) fn route(username: &str) -> Route {
    let upstream = "https://sprite.example.test".parse().unwrap();
    let sprite = SpriteId::parse("arca-1").unwrap();
    Route { epoch: 1, ..Route::new(name(username), upstream, sprite, 1) }
}

pub(crate) fn lock(username: &str, session: Option<SessionId>) -> Lock {
    Lock { username: name(username), session, until: None }
}

/// A few names only, so that changes meet.
fn any_name() -> impl Strategy<Value = Username> {
    "user-[0-9a-f]".prop_map(|text| name(&text))
}

fn any_session() -> impl Strategy<Value = SessionId> {
    "[0-3]".prop_map(|digit| SessionId::parse(&digit.repeat(32)).unwrap())
}

fn any_key() -> impl Strategy<Value = LockKey> {
    (any_name(), prop::option::of(any_session()))
        .prop_map(|(username, session)| LockKey { username, session })
}

pub(crate) fn any_route() -> impl Strategy<Value = Route> {
    let state = prop_oneof![
        Just(RouteState::Preparing),
        Just(RouteState::Live),
        Just(RouteState::Suspended)
    ];
    let upstream = "https://[a-z]{1,8}\\.sprites\\.test(:[1-9][0-9]{1,3})?";
    (any_name(), upstream, "[A-Za-z0-9._-]{1,63}", 0u64..3, state, 0u64..3).prop_map(
        |(username, upstream, sprite, assignment, state, epoch)| Route {
            username,
            upstream: upstream.parse().unwrap(),
            sprite: SpriteId::parse(&sprite).unwrap(),
            assignment,
            state,
            epoch,
        },
    )
}

pub(crate) fn any_lock() -> impl Strategy<Value = Lock> {
    (any_key(), prop::option::of(any::<u64>())).prop_map(|(key, until)| Lock {
        username: key.username,
        session: key.session,
        until,
    })
}

pub(crate) fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => any_route().prop_map(Change::Put),
        2 => any_name().prop_map(Change::Remove),
        2 => any_lock().prop_map(Change::Lock),
        1 => any_key().prop_map(Change::Unlock),
    ]
}
