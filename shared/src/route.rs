//! What an edge serves: routes and locks, and the changes that make them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{SessionId, Upstream, Username};

/// The number of a state of the route table. Only ever grows; zero is the empty table.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The provider's name of a VM: one to 63 of `[A-Za-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpriteId(Box<str>);

impl SpriteId {
    /// `None` when `text` breaks the rule.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        fits.then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpriteId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for SpriteId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for SpriteId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, |text| {
            Self::parse(text).ok_or("a sprite id is one to 63 of A-Z, a-z, 0-9, dot, _ and -")
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteState {
    /// Visitors see the progress page.
    Preparing,
    Live,
    /// Visitors see the way to pay; nothing reaches the sprite.
    Suspended,
}

impl RouteState {
    pub const ALL: [Self; 3] = [Self::Preparing, Self::Live, Self::Suspended];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Live => "live",
            Self::Suspended => "suspended",
        }
    }
}

/// Where a workspace is, and which sessions of it count.
///
/// In this order in memory: the name, by which one of a million is found, stands in one cache
/// line with the reference count that whoever finds it raises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[repr(C)]
pub struct Route {
    pub username: Username,
    pub upstream: Upstream,
    pub sprite: SpriteId,
    /// Grows each time a sprite is handed out; part of the identity key.
    pub assignment: u64,
    pub state: RouteState,
    /// Sessions issued under a smaller epoch are over.
    pub epoch: u64,
}

impl Route {
    /// Live, and no session of it is over.
    pub fn new(username: Username, upstream: Upstream, sprite: SpriteId, assignment: u64) -> Self {
        Self { username, upstream, sprite, assignment, state: RouteState::Live, epoch: 0 }
    }

    /// What names one handing-out of one machine: whoever is connected to it is not connected
    /// to another that any of the three tells apart.
    pub fn machine(&self) -> (&Upstream, &SpriteId, u64) {
        // By every field's name: a change of any other one leaves open what is connected.
        let Self { username: _, upstream, sprite, assignment, state: _, epoch: _ } = self;
        (upstream, sprite, *assignment)
    }

    /// Hands every field to `take` as text, for the checksum.
    ///
    /// In this order for ever: sums are stored, and compared with programs of the release
    /// before. A field that is new comes last as `name=value`, and only while it is set.
    pub(crate) fn each_part(&self, take: &mut dyn FnMut(&str)) {
        let Self { username, upstream, sprite, assignment, state, epoch } = self;
        take(username.as_str());
        take(upstream.as_str());
        take(sprite.as_str());
        take(&assignment.to_string());
        take(state.as_str());
        take(&epoch.to_string());
    }
}

/// A pushed refusal: of a workspace, or of one session of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    pub username: Username,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Unix seconds; without it the lock holds until it is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl Lock {
    pub fn key(&self) -> LockKey {
        LockKey { username: self.username, session: self.session }
    }

    /// As [`Route::each_part`].
    pub(crate) fn each_part(&self, take: &mut dyn FnMut(&str)) {
        let Self { username, session, until } = self;
        take(username.as_str());
        take(&session.map_or_else(String::new, |id| id.to_string()));
        take(&until.map_or_else(String::new, |until| until.to_string()));
    }

    /// `now` is in unix seconds.
    pub fn holds_at(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What names a lock: there is one for a workspace and one for each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockKey {
    pub username: Username,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// One step from a generation to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Put(Route),
    Remove(Username),
    Lock(Lock),
    Unlock(LockKey),
}

/// What a change is about. One batch may touch each subject once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Route(Username),
    Lock(LockKey),
}

impl Change {
    pub fn subject(&self) -> Subject {
        match self {
            Self::Put(route) => Subject::Route(route.username),
            Self::Remove(username) => Subject::Route(*username),
            Self::Lock(lock) => Subject::Lock(lock.key()),
            Self::Unlock(key) => Subject::Lock(*key),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn route(name: &str) -> Route {
        let username = Username::parse(&format!("{name}x")).unwrap();
        let upstream = "https://sprite.example.test".parse().unwrap();
        Route::new(username, upstream, SpriteId::parse("arca-1").unwrap(), 1)
    }

    fn check(json: &str, fits: bool) {
        assert_eq!(serde_json::from_str::<Change>(json).is_ok(), fits, "{json}");
    }

    #[test]
    fn changes_are_read_strictly() {
        check(r#"{"remove":"ada"}"#, true);
        check(r#"{"lock":{"username":"ada"}}"#, true);
        check(
            r#"{"unlock":{"username":"ada","session":"00112233445566778899aabbccddeeff"}}"#,
            true,
        );
        check(r#"{"remove":"a_b"}"#, false);
        check(r#"{"remove":7}"#, false);
        check(r#"{"drop":"ada"}"#, false);
        check(r#"{"lock":{"username":"ada","until":-1}}"#, false);
        check(
            r#"{"put":{"username":"ada","upstream":"https://s.test","sprite":"s","assignment":1,"state":"live","epoch":0}}"#,
            true,
        );
        check(
            r#"{"put":{"username":"ada","upstream":"https://s.test","sprite":"s","assignment":1,"state":"up","epoch":0}}"#,
            false,
        );
        check(
            r#"{"put":{"username":"ada","upstream":"https://s.test","sprite":"s","assignment":1,"state":"live","epoch":0,"x":1}}"#,
            false,
        );
    }

    #[test]
    fn a_lock_ends_at_its_time() {
        let lock = Lock { username: "ada".parse().unwrap(), session: None, until: Some(10) };
        assert!(lock.holds_at(9));
        assert!(!lock.holds_at(10));
    }
}
