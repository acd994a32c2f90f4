//! Who is signed in: the token, the epoch and the locks together.

use shared::session::{Session, SessionError};
use shared::{Domain, KeyId, SessionKeys, Username};

use crate::head::Head;
use crate::policy::cookies;

/// Why a request has no session. Counted by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSession {
    NoCookie,
    Token(SessionError),
    /// Issued before the workspace's sessions were all ended.
    OldEpoch,
    /// Signed out.
    Locked,
}

impl NoSession {
    /// Every reason, for those who count them.
    pub const LABELS: [&'static str; 8] = {
        use SessionError::{Expired, ForeignHost, Forged, Malformed, UnknownKey};
        [
            Self::NoCookie.label(),
            Self::OldEpoch.label(),
            Self::Locked.label(),
            Self::Token(Malformed).label(),
            Self::Token(UnknownKey).label(),
            Self::Token(Forged).label(),
            Self::Token(ForeignHost).label(),
            Self::Token(Expired).label(),
        ]
    };

    /// The label under which it is counted.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoCookie => "no_cookie",
            Self::OldEpoch => "old_epoch",
            Self::Locked => "locked",
            Self::Token(SessionError::Malformed) => "malformed",
            Self::Token(SessionError::UnknownKey) => "unknown_key",
            Self::Token(SessionError::Forged) => "forged",
            Self::Token(SessionError::ForeignHost) => "foreign_host",
            Self::Token(SessionError::Expired) => "expired",
        }
    }
}

/// Checks the session cookie of `head`, which came to the workspace `host`, at `domain` where
/// that is one of its customer's own.
///
/// `epoch` is the workspace's present one, `is_locked` asks for one session,
/// `now` is in unix seconds. `last` remembers the token that this connection
/// showed before: its signature need not be computed for every request.
///
/// # Errors
/// The first reason why there is none.
pub fn check_session(
    keys: &SessionKeys,
    last: &mut LastToken,
    head: &Head<'_>,
    (host, domain): (&Username, Option<&Domain>),
    epoch: u64,
    is_locked: impl FnOnce(&Session) -> bool,
    now: u64,
) -> Result<Session, NoSession> {
    let token = cookies::session_token(head.cookies()).ok_or(NoSession::NoCookie)?;
    let session = last.verify(keys, token, (host, domain), now).map_err(NoSession::Token)?;
    if session.epoch < epoch {
        return Err(NoSession::OldEpoch);
    }
    if is_locked(&session) {
        return Err(NoSession::Locked);
    }
    Ok(session)
}

/// The last valid token of one connection. Everything that can change while
/// the connection lives is still checked each time.
#[derive(Default)]
pub struct LastToken(Option<(Box<str>, Option<Domain>, Session)>);

impl LastToken {
    /// The key that signed it.
    pub(super) fn key(&self) -> Option<KeyId> {
        let (token, ..) = self.0.as_ref()?;
        KeyId::parse(token.split('.').nth(1)?).ok()
    }

    fn verify(
        &mut self,
        keys: &SessionKeys,
        token: &str,
        (host, domain): (&Username, Option<&Domain>),
        now: u64,
    ) -> Result<Session, SessionError> {
        if let Some((known, at, session)) = &self.0
            && **known == *token
            && at.as_ref() == domain
            && session.username == *host
            && now < session.expires
        {
            return Ok(*session);
        }
        let session = keys.verify_at(domain, token, host, now)?;
        self.0 = Some((token.into(), domain.cloned(), session));
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::NO_HEADERS;
    use shared::{KeyRing, SessionId};

    fn keys() -> SessionKeys {
        let key = "11".repeat(32);
        let ring = format!("current = \"k1\"\n[keys]\nk1 = \"{key}\"\n");
        SessionKeys::new(&KeyRing::from_toml(&ring).unwrap())
    }

    fn session(name: &str, epoch: u64) -> Session {
        let username = Username::parse(name).unwrap();
        Session { username, id: SessionId::random(), issued: 1, expires: 100, epoch }
    }

    fn seen(
        last: &mut LastToken,
        cookie: &str,
        host: &str,
        epoch: u64,
        locked: bool,
        now: u64,
    ) -> Result<Session, NoSession> {
        let text = format!("GET / HTTP/1.1\r\nHost: a.test\r\nCookie: {cookie}\r\n\r\n");
        let mut slots = NO_HEADERS;
        let head = Head::parse(text.as_bytes(), &mut slots).unwrap();
        let host = Username::parse(host).unwrap();
        check_session(&keys(), last, &head, (&host, None), epoch, |_| locked, now)
    }

    #[test]
    fn a_remembered_token_is_no_session_at_another_host_of_the_workspace() {
        let session = session("ada", 0);
        let text = format!(
            "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: __Host-arca_session={}\r\n\r\n",
            keys().sign(&session)
        );
        let mut slots = NO_HEADERS;
        let head = Head::parse(text.as_bytes(), &mut slots).unwrap();
        let chat = Domain::parse("chat.example.org").unwrap();
        let (mut last, ada) = (LastToken::default(), session.username);
        let mut at =
            |domain| check_session(&keys(), &mut last, &head, (&ada, domain), 0, |_| false, 9);
        assert_eq!(at(None), Ok(session));
        assert_eq!(at(Some(&chat)), Err(NoSession::Token(SessionError::Forged)));
        assert_eq!(at(None), Ok(session));
    }

    #[test]
    fn a_remembered_token_is_still_held_against_host_epoch_lock_and_clock() {
        use SessionError::{Expired, ForeignHost};
        let session = session("ada", 2);
        let cookie = format!("__Host-arca_session={}", keys().sign(&session));
        let mut last = LastToken::default();
        for _ in 0..2 {
            assert_eq!(seen(&mut last, &cookie, "ada", 2, false, 9), Ok(session));
            let foreign = seen(&mut last, &cookie, "grace", 2, false, 9);
            assert_eq!(foreign, Err(NoSession::Token(ForeignHost)));
            assert_eq!(seen(&mut last, &cookie, "ada", 3, false, 9), Err(NoSession::OldEpoch));
            assert_eq!(seen(&mut last, &cookie, "ada", 2, true, 9), Err(NoSession::Locked));
            let late = seen(&mut last, &cookie, "ada", 2, false, 100);
            assert_eq!(late, Err(NoSession::Token(Expired)));
            assert_eq!(seen(&mut last, "x=y", "ada", 2, false, 9), Err(NoSession::NoCookie));
        }
    }
}
