//! The signed token that says who is signed in to which workspace.
//!
//! `1.<key id>.<username>.<session id>.<issued>.<expires>.<epoch>.<mac>`, so an
//! edge decides without asking anyone. The username is part of what is signed: a
//! token of one workspace shown on another host is no session. At a domain of the customer's
//! own that domain is signed along with it, so that none of the workspace's hosts lets a
//! session of another one in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::keyring::{KeyId, KeyRing};
use crate::mac::MacKey;
use crate::{Domain, Username, hex};

/// Name of the cookie that carries the token on a workspace host.
pub const SESSION_COOKIE: &str = "__Host-arca_session";

/// Longest token that is looked at; the longest we make has about 200 bytes.
const TOKEN_MAX_BYTES: usize = 256;

/// What a token is signed as at the workspace's own host, and before a domain.
const AT_WORKSPACE: &[u8] = b"arcamatrix session 1\0";
const AT_DOMAIN: &[u8] = b"arcamatrix session at a domain 1\0";

/// 128 random bits that name one signed-in browser.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Of a caller who needs no session, such as Telegram with its secret. None is ever given
    /// this number: they are random.
    pub const NONE: Self = Self([0; 16]);

    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(bytes)
    }

    /// `None` unless `text` is 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(Self)
    }
}

impl SessionId {
    /// Its text, where a formatter would cost more than the digits.
    pub(crate) fn digits(&self) -> [u8; 32] {
        hex::id_digits(self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write_id(self.0, formatter)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SessionId({self})")
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, |text| {
            Self::parse(text).ok_or("a session id is 32 lower-case hexadecimal digits")
        })
    }
}

/// One signed-in browser. Times are unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    pub username: Username,
    pub id: SessionId,
    pub issued: u64,
    pub expires: u64,
    /// The workspace's session epoch when this was issued; a raised epoch ends it.
    pub epoch: u64,
}

/// Why a token is no session. The edge counts them by this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("the token is malformed")]
    Malformed,
    #[error("the token names a key that is not in the ring")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Forged,
    #[error("the token belongs to another workspace")]
    ForeignHost,
    #[error("the token has expired")]
    Expired,
}

/// The session keys of a ring: made once, used for every request.
#[derive(Clone)]
pub struct SessionKeys {
    current: KeyId,
    keys: BTreeMap<KeyId, MacKey>,
}

impl SessionKeys {
    pub fn new(ring: &KeyRing) -> Self {
        let derive = |id: &KeyId| ring.derive(id.as_str(), "session", &[]).expect("id of the ring");
        Self {
            current: ring.current().clone(),
            keys: ring.ids().map(|id| (id.clone(), MacKey::new(&derive(id)))).collect(),
        }
    }

    /// For the workspace's own host.
    pub fn sign(&self, session: &Session) -> String {
        self.sign_at(None, session)
    }

    /// For the host `domain`, or the workspace's own.
    pub fn sign_at(&self, domain: Option<&Domain>, session: &Session) -> String {
        let Session { username, id, issued, expires, epoch } = session;
        let mut token = String::with_capacity(TOKEN_MAX_BYTES);
        write!(token, "1.{}.{username}.{id}.{issued}.{expires}.{epoch}", self.current)
            .expect("writing to a string");
        self.keys[&self.current].seal(&purpose(domain), &mut token);
        token
    }

    /// As [`SessionKeys::verify_at`], at the workspace's own host.
    ///
    /// # Errors
    /// The same.
    pub fn verify(&self, token: &str, host: &Username, now: u64) -> Result<Session, SessionError> {
        self.verify_at(None, token, host, now)
    }

    /// Checks everything that the token alone can say; epoch and locks are the caller's.
    ///
    /// `now` is in unix seconds. A token of another host of the same workspace is forged here.
    ///
    /// # Errors
    /// The first reason found. The signature is checked before anything the
    /// token claims is believed.
    pub fn verify_at(
        &self,
        domain: Option<&Domain>,
        token: &str,
        host: &Username,
        now: u64,
    ) -> Result<Session, SessionError> {
        use SessionError::{Expired, ForeignHost, Forged, Malformed, UnknownKey};
        if token.len() > TOKEN_MAX_BYTES {
            return Err(Malformed);
        }
        let (signed, mac) = token.rsplit_once('.').ok_or(Malformed)?;
        let mut fields = signed.split('.');
        let mut field = || fields.next().ok_or(Malformed);
        if field()? != "1" {
            return Err(Malformed);
        }
        let key = self.keys.get(field()?).ok_or(UnknownKey)?;
        if !key.is_valid(&purpose(domain), signed, mac) {
            return Err(Forged);
        }
        let session = Session {
            username: Username::parse(field()?).map_err(|_| Malformed)?,
            id: SessionId::parse(field()?).ok_or(Malformed)?,
            issued: number(field()?)?,
            expires: number(field()?)?,
            epoch: number(field()?)?,
        };
        if fields.next().is_some() {
            return Err(Malformed);
        }
        if session.username != *host {
            return Err(ForeignHost);
        }
        if now >= session.expires {
            return Err(Expired);
        }
        Ok(session)
    }
}

/// What is signed before a token. No domain has a zero byte.
fn purpose(domain: Option<&Domain>) -> Cow<'static, [u8]> {
    match domain {
        None => AT_WORKSPACE.into(),
        Some(domain) => [AT_DOMAIN, domain.as_str().as_bytes(), b"\0"].concat().into(),
    }
}

fn number(text: &str) -> Result<u64, SessionError> {
    text.parse().map_err(|_| SessionError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;
    use proptest::prelude::*;

    fn ada() -> Username {
        Username::parse("ada").unwrap()
    }

    fn session() -> Session {
        let id = SessionId::parse(&"0a".repeat(16)).unwrap();
        Session { username: ada(), id, issued: 1_000, expires: 2_000, epoch: 3 }
    }

    fn check(token: &str, host: &str, now: u64, expected: Result<Session, SessionError>) {
        let keys = SessionKeys::new(&ring("k1"));
        let host = Username::parse(host).unwrap();
        assert_eq!(keys.verify(token, &host, now), expected, "{token}");
    }

    #[test]
    fn a_token_is_a_session_on_its_own_host_until_it_expires() {
        let token = SessionKeys::new(&ring("k1")).sign(&session());
        check(&token, "ada", 1_000, Ok(session()));
        check(&token, "ada", 1_999, Ok(session()));
        check(&token, "ada", 2_000, Err(SessionError::Expired));
        check(&token, "grace", 1_000, Err(SessionError::ForeignHost));
    }

    #[test]
    fn a_token_of_an_older_key_stays_valid_while_the_key_is_in_the_ring() {
        let token = SessionKeys::new(&ring("k2")).sign(&session());
        check(&token, "ada", 1_000, Ok(session()));
        check(&token.replacen("1.k2.", "1.k9.", 1), "ada", 1_000, Err(SessionError::UnknownKey));
        check(&token.replacen("1.k2.", "1.k1.", 1), "ada", 1_000, Err(SessionError::Forged));
    }

    #[test]
    fn a_token_of_one_host_is_no_session_at_another_of_the_same_workspace() {
        let keys = SessionKeys::new(&ring("k1"));
        let [chat, mail] = ["chat.example.org", "mail.example.org"].map(|it| it.parse().unwrap());
        let hosts = [None, Some(&chat), Some(&mail)];
        for here in hosts {
            let token = keys.sign_at(here, &session());
            for there in hosts {
                let expected =
                    if here == there { Ok(session()) } else { Err(SessionError::Forged) };
                assert_eq!(
                    keys.verify_at(there, &token, &ada(), 1_000),
                    expected,
                    "{here:?} {there:?}"
                );
            }
        }
    }

    #[test]
    fn nonsense_is_malformed_and_never_panics() {
        for token in ["", ".", "1.k1", "2.k1.x", &"1.".repeat(4_000), "....", "1..ada"] {
            let keys = SessionKeys::new(&ring("k1"));
            assert!(keys.verify(token, &ada(), 0).is_err(), "{token}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_character_is_never_accepted(at in 0usize..200, to in "[!-~]") {
            let keys = SessionKeys::new(&ring("k1"));
            let token = keys.sign(&session());
            let at = at % token.len();
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            // The last base64 digit carries two bits that decode to nothing; strict decoding refuses them.
            prop_assert_eq!(keys.verify(&changed, &ada(), 1_500).is_ok(), changed == token);
        }
    }
}
