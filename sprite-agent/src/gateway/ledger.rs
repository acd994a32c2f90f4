//! Which requests of one page are waiting, and what may be sent right now.
//!
//! Pure bookkeeping: the page's side asks [`Ledger::admit`] before it sends,
//! the gateway's side tells it of links, answers and losses.

use std::collections::HashSet;

use super::methods::{CONNECT, is_allowed};

/// Requests of one page that wait for an answer. The page itself stops at 64.
const PENDING_MAX: usize = 128;

/// What the gateway allows a frame to be before `connect` has succeeded.
const GREETING_MAX_BYTES: usize = 64 << 10;

#[derive(Debug, Default)]
pub struct Ledger {
    link: Link,
    pending: HashSet<Box<str>>,
}

#[derive(Debug, Default)]
enum Link {
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
pub enum Verdict {
    /// Send it; it is counted as waiting.
    Forward,
    /// Send our own `connect` in its place; it is counted as waiting.
    Connect,
    Refuse(Refusal),
    /// The page breaks the rules so that its socket is closed.
    TooBig,
}

/// An answer that we give in the gateway's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    MethodNotAllowed,
    Unavailable,
    AlreadyConnected,
    IdInUse,
    TooMany,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Answered {
    /// It answers our `connect`.
    Hello,
    Ordinary,
}

impl Ledger {
    /// May the page's request of `size` bytes be sent?
    pub fn admit(&mut self, id: &str, method: &str, size: usize) -> Verdict {
        use Refusal::{AlreadyConnected, IdInUse, MethodNotAllowed, TooMany, Unavailable};
        let is_connect = method == CONNECT;
        if !matches!(self.link, Link::Open) && size > GREETING_MAX_BYTES {
            return Verdict::TooBig;
        }
        if !is_connect && !is_allowed(method) {
            return Verdict::Refuse(MethodNotAllowed);
        }
        match self.link {
            Link::Down => return Verdict::Refuse(Unavailable),
            Link::Greeting | Link::Connecting { .. } if !is_connect => {
                return Verdict::Refuse(Unavailable);
            }
            Link::Connecting { .. } | Link::Open if is_connect => {
                return Verdict::Refuse(AlreadyConnected);
            }
            _ => {}
        }
        if self.pending.len() >= PENDING_MAX {
            return Verdict::Refuse(TooMany);
        }
        if !self.pending.insert(id.into()) {
            return Verdict::Refuse(IdInUse);
        }
        if is_connect {
            self.link = Link::Connecting { id: id.into() };
            return Verdict::Connect;
        }
        Verdict::Forward
    }

    /// A new link stands and waits for `connect`.
    pub fn linked(&mut self) {
        self.link = Link::Greeting;
    }

    /// The gateway said hello: requests may pass.
    pub fn opened(&mut self) {
        self.link = Link::Open;
    }

    /// A response came in. An id that nobody waits for is `Ordinary` too.
    pub fn answered(&mut self, response: &str) -> Answered {
        self.pending.remove(response);
        match &self.link {
            Link::Connecting { id } if **id == *response => Answered::Hello,
            _ => Answered::Ordinary,
        }
    }

    /// Takes back one request that could not be sent; `false` when it is answered already.
    pub fn withdraw(&mut self, id: &str) -> bool {
        self.pending.remove(id)
    }

    /// The link is gone; returns the requests that will never be answered by it.
    pub fn lost(&mut self) -> Vec<Box<str>> {
        self.link = Link::Down;
        self.pending.drain().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal::{AlreadyConnected, IdInUse, MethodNotAllowed, TooMany, Unavailable};
    use super::Verdict::{Connect, Forward, Refuse, TooBig};
    use super::*;

    fn open() -> Ledger {
        let mut ledger = connecting();
        assert_eq!(ledger.answered("c"), Answered::Hello);
        ledger.opened();
        ledger
    }

    fn greeting() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.linked();
        ledger
    }

    fn connecting() -> Ledger {
        let mut ledger = greeting();
        ledger.admit("c", "connect", 10);
        ledger
    }

    #[test]
    fn what_may_be_sent_depends_on_the_link() {
        let check = |mut ledger: Ledger, method: &str, expected: Verdict| {
            assert_eq!(ledger.admit("1", method, 10), expected, "{method} {ledger:?}");
        };
        for state in [Ledger::default, greeting, connecting, open] {
            check(state(), "config.set", Refuse(MethodNotAllowed));
        }
        check(Ledger::default(), "chat.send", Refuse(Unavailable));
        check(Ledger::default(), "connect", Refuse(Unavailable));
        check(greeting(), "chat.send", Refuse(Unavailable));
        check(greeting(), "connect", Connect);
        check(connecting(), "chat.send", Refuse(Unavailable));
        check(connecting(), "connect", Refuse(AlreadyConnected));
        check(open(), "chat.send", Forward);
        check(open(), "connect", Refuse(AlreadyConnected));
    }

    #[test]
    fn a_loss_names_what_was_waiting_and_a_new_link_starts_afresh() {
        let mut ledger = open();
        ledger.admit("1", "chat.send", 10);
        ledger.admit("2", "chat.history", 10);
        assert_eq!(ledger.answered("1"), Answered::Ordinary);
        assert_eq!(ledger.lost(), ["2".into()]);
        assert!(!ledger.withdraw("2"), "it has been answered");
        assert_eq!(ledger.admit("3", "chat.send", 10), Refuse(Unavailable));
        ledger.linked();
        assert_eq!(ledger.admit("c", "connect", 10), Connect);
    }

    #[test]
    fn waiting_requests_are_bounded_and_told_apart() {
        let mut ledger = open();
        for id in 0..PENDING_MAX {
            assert_eq!(ledger.admit(&id.to_string(), "chat.send", 10), Forward);
        }
        assert_eq!(ledger.admit("x", "chat.send", 10), Refuse(TooMany));
        ledger.answered("0");
        assert_eq!(ledger.admit("1", "chat.send", 10), Refuse(IdInUse));
        assert_eq!(ledger.admit("x", "chat.send", 10), Forward);
    }

    #[test]
    fn big_frames_wait_until_the_gateway_knows_us() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.admit("1", "chat.send", GREETING_MAX_BYTES + 1), TooBig);
        assert_eq!(open().admit("1", "chat.send", GREETING_MAX_BYTES + 1), Forward);
    }
}
