//! Which requests of one page wait for an answer, and what may be sent right now.
//!
//! Pure. The page's side asks [`PendingRequests::admit`] before it forwards a
//! request; the gateway's side reports connections, answers and losses. Every
//! request that was admitted is answered exactly once: by the gateway, or, when
//! its connection is lost first, by the agent.

use std::collections::HashSet;

use super::hands::Refused as HandRefused;
use super::methods::{CONNECT, NotAllowed, is_allowed};
use super::params::ParamsRefused;

/// Requests of one page that wait for an answer. The page itself stops at 64.
const PENDING_MAX: usize = 128;

/// What the gateway allows a frame to be before `connect` has succeeded.
const GREETING_MAX_BYTES: usize = 64 << 10;

#[derive(Debug, Default)]
pub struct PendingRequests {
    connection: ConnectionState,
    waiting: HashSet<Box<str>>,
}

#[derive(Debug, Default)]
enum ConnectionState {
    #[default]
    Down,
    /// The gateway waits for `connect`.
    Greeting,
    Connecting {
        id: Box<str>,
    },
    Open,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// Send it; it is counted as waiting.
    Forward,
    /// Send the agent's own `connect` in its place; it is counted as waiting.
    Connect,
    Refuse(RequestRefusal),
    /// The page breaks the rules so that its socket is closed.
    TooBig,
}

/// An error that the agent answers in the gateway's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestRefusal {
    MethodNotAllowed,
    ParamsNotAllowed(ParamsRefused),
    /// There is no connection to the gateway.
    Unavailable,
    /// There is one, and the page has not said `connect`, or that is not answered yet.
    NotConnected,
    AlreadyConnected,
    IdInUse,
    TooMany,
    /// Too many changes within a minute.
    TooFast {
        retry_after_ms: u64,
    },
    /// The method exists, and not with these values.
    Argument(HandRefused),
}

impl RequestRefusal {
    /// A label for metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method",
            Self::ParamsNotAllowed(_) => "params",
            Self::Unavailable => "unavailable",
            Self::NotConnected => "not_connected",
            Self::AlreadyConnected => "connected",
            Self::IdInUse => "id_in_use",
            Self::TooMany => "too_many",
            Self::TooFast { .. } => "too_fast",
            Self::Argument(_) => "argument",
        }
    }
}

impl From<NotAllowed> for RequestRefusal {
    fn from(refused: NotAllowed) -> Self {
        match refused {
            NotAllowed::Method => Self::MethodNotAllowed,
            NotAllowed::Params(refused) => Self::ParamsNotAllowed(refused),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// It answers the agent's `connect`.
    Hello,
    Ordinary,
    /// Nobody waits for it: it was answered before, or never asked.
    Unasked,
}

impl PendingRequests {
    /// May the page's request of `size` bytes be sent? Its parameters have been checked.
    pub fn admit(&mut self, id: &str, method: &str, size: usize) -> Admission {
        use RequestRefusal::{
            AlreadyConnected, IdInUse, MethodNotAllowed, NotConnected, TooMany, Unavailable,
        };
        let is_connect = method == CONNECT;
        if !matches!(self.connection, ConnectionState::Open) && size > GREETING_MAX_BYTES {
            return Admission::TooBig;
        }
        if !is_connect && !is_allowed(method) {
            return Admission::Refuse(MethodNotAllowed);
        }
        match self.connection {
            ConnectionState::Down => return Admission::Refuse(Unavailable),
            ConnectionState::Greeting | ConnectionState::Connecting { .. } if !is_connect => {
                return Admission::Refuse(NotConnected);
            }
            ConnectionState::Connecting { .. } | ConnectionState::Open if is_connect => {
                return Admission::Refuse(AlreadyConnected);
            }
            _ => {}
        }
        if self.waiting.len() >= PENDING_MAX {
            return Admission::Refuse(TooMany);
        }
        if !self.waiting.insert(id.into()) {
            return Admission::Refuse(IdInUse);
        }
        if is_connect {
            self.connection = ConnectionState::Connecting { id: id.into() };
            return Admission::Connect;
        }
        Admission::Forward
    }

    /// The same for a request of `size` bytes that another connection carries: only while the
    /// page has one, so that the page sees what comes of it.
    pub fn admit_elsewhere(&self, size: usize) -> Admission {
        match self.connection {
            ConnectionState::Open => Admission::Forward,
            _ if size > GREETING_MAX_BYTES => Admission::TooBig,
            ConnectionState::Down => Admission::Refuse(RequestRefusal::Unavailable),
            ConnectionState::Greeting | ConnectionState::Connecting { .. } => {
                Admission::Refuse(RequestRefusal::NotConnected)
            }
        }
    }

    pub fn is_down(&self) -> bool {
        matches!(self.connection, ConnectionState::Down)
    }

    /// A new connection to the gateway stands and waits for `connect`.
    pub fn dialled(&mut self) {
        self.connection = ConnectionState::Greeting;
    }

    /// The gateway said hello: requests may pass.
    pub fn opened(&mut self) {
        self.connection = ConnectionState::Open;
    }

    /// A response came in.
    pub fn answered(&mut self, response: &str) -> Answered {
        if !self.waiting.remove(response) {
            return Answered::Unasked;
        }
        match &self.connection {
            ConnectionState::Connecting { id } if **id == *response => Answered::Hello,
            _ => Answered::Ordinary,
        }
    }

    /// Takes back one request that could not be sent; `false` when it is answered already.
    pub fn withdraw(&mut self, id: &str) -> bool {
        self.waiting.remove(id)
    }

    /// The connection is gone; returns the requests that it will never answer.
    pub fn lost(&mut self) -> Vec<Box<str>> {
        self.connection = ConnectionState::Down;
        self.waiting.drain().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Admission::{Connect, Forward, Refuse, TooBig};
    use super::RequestRefusal::{
        AlreadyConnected, IdInUse, MethodNotAllowed, NotConnected, TooMany, Unavailable,
    };
    use super::*;

    fn open() -> PendingRequests {
        let mut requests = connecting();
        assert_eq!(requests.answered("c"), Answered::Hello);
        requests.opened();
        requests
    }

    fn greeting() -> PendingRequests {
        let mut requests = PendingRequests::default();
        requests.dialled();
        requests
    }

    fn connecting() -> PendingRequests {
        let mut requests = greeting();
        requests.admit("c", "connect", 10);
        requests
    }

    #[test]
    fn what_may_be_sent_depends_on_the_connection() {
        let check = |mut requests: PendingRequests, method: &str, expected: Admission| {
            assert_eq!(requests.admit("1", method, 10), expected, "{method} {requests:?}");
        };
        for state in [PendingRequests::default, greeting, connecting, open] {
            check(state(), "config.set", Refuse(MethodNotAllowed));
        }
        check(PendingRequests::default(), "chat.send", Refuse(Unavailable));
        check(PendingRequests::default(), "connect", Refuse(Unavailable));
        check(greeting(), "chat.send", Refuse(NotConnected));
        check(greeting(), "connect", Connect);
        check(connecting(), "chat.send", Refuse(NotConnected));
        check(connecting(), "connect", Refuse(AlreadyConnected));
        check(open(), "chat.send", Forward);
        check(open(), "connect", Refuse(AlreadyConnected));
    }

    #[test]
    fn a_loss_names_what_was_waiting_and_a_new_connection_starts_afresh() {
        let mut requests = open();
        requests.admit("1", "chat.send", 10);
        requests.admit("2", "chat.history", 10);
        assert_eq!(requests.answered("1"), Answered::Ordinary);
        assert_eq!(requests.answered("1"), Answered::Unasked);
        assert_eq!(requests.answered("c"), Answered::Unasked, "a second hello");
        assert_eq!(requests.lost(), ["2".into()]);
        assert!(!requests.withdraw("2"), "it has been answered");
        assert_eq!(requests.admit("3", "chat.send", 10), Refuse(Unavailable));
        requests.dialled();
        assert_eq!(requests.admit("c", "connect", 10), Connect);
    }

    #[test]
    fn waiting_requests_are_bounded_and_told_apart() {
        let mut requests = open();
        for id in 0..PENDING_MAX {
            assert_eq!(requests.admit(&id.to_string(), "chat.send", 10), Forward);
        }
        assert_eq!(requests.admit("x", "chat.send", 10), Refuse(TooMany));
        requests.answered("0");
        assert_eq!(requests.admit("1", "chat.send", 10), Refuse(IdInUse));
        assert_eq!(requests.admit("x", "chat.send", 10), Forward);
    }

    #[test]
    fn big_frames_wait_until_connect_has_succeeded() {
        let mut requests = PendingRequests::default();
        assert_eq!(requests.admit("1", "chat.send", GREETING_MAX_BYTES + 1), TooBig);
        assert_eq!(open().admit("1", "chat.send", GREETING_MAX_BYTES + 1), Forward);
    }
}
