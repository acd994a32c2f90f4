//! How many failed sign-ins are borne, and what comes after. Pure.
//!
//! Three counters: of an address, of an account from one address, and of an
//! account from everywhere. The first two close for a while; the last only slows
//! down. From a place where the customer has signed in before, only the second one
//! counts: neither a stranger elsewhere nor a neighbour at the same address can lock a
//! customer out. A password that was reset by a mailed link lifts it.
//!
//! Successes are counted with the same means: every session costs the database a
//! row, and every edge a lock when it is signed out.

use std::net::IpAddr;
use std::time::Duration;

use shared::Username;
use shared::address::visitor_block;

use crate::base::clock::Moment;
use crate::base::email_address::Email;
use crate::base::token::sha256_hex;

/// What a counter counts for, as its key in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// Checkout pages asked for from an address.
    pub fn sign_ups(address: IpAddr) -> Self {
        Self(format!("sign-ups {}", visitor_block(address)))
    }

    /// Wrong tokens with which somebody wanted to join as an edge.
    pub fn joins(address: IpAddr) -> Self {
        Self(format!("joins {}", visitor_block(address)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Requests for a password link of this customer.
pub fn resets_of(username: &Username) -> Subject {
    Subject(format!("resets {username}"))
}

/// Requests for password links from where this address is.
pub fn resets_from(address: IpAddr) -> Subject {
    Subject(format!("resets from {}", visitor_block(address)))
}

/// Sign-ins to this account that succeeded, from everywhere.
pub fn successes_of(username: &Username) -> Subject {
    Subject(format!("successes {username}"))
}

/// Letters to new addresses that this customer asked for.
pub fn email_changes_of(username: &Username) -> Subject {
    Subject(format!("email-changes {username}"))
}

/// How failures of one kind of subject are borne.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Counted from the first failure; then everything is forgotten.
    pub window: Duration,
    /// So many are free.
    pub failures: u64,
    pub beyond: Beyond,
}

impl Limit {
    /// A stranger must not reserve every name.
    pub fn sign_ups(most_an_hour: u64) -> Self {
        let window = Duration::from_secs(60 * 60);
        Self { window, failures: most_an_hour, beyond: Beyond::Closed }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// Nothing more until the window is over.
    Closed,
    /// 1, 2, 4 … seconds after the last failure, at most a minute.
    Slower,
}

/// Wrong tokens of edges: an operator mistypes a few. They cannot be guessed; this is against
/// the load.
pub const JOINS: Limit =
    Limit { window: Duration::from_secs(15 * 60), failures: 10, beyond: Beyond::Closed };

/// OWASP's advice against guessing from one place: five in a quarter of an hour.
const ONE_PLACE: Limit =
    Limit { window: Duration::from_secs(15 * 60), failures: 5, beyond: Beyond::Closed };

/// Against guessing one account from many places: twenty an hour, then slower.
const ONE_ACCOUNT: Limit =
    Limit { window: Duration::from_secs(60 * 60), failures: 20, beyond: Beyond::Slower };

/// Successes of one account: a program that signs in each minute, and no loop.
/// Attempts at once from many places may be a few more.
pub const SUCCESSES: Limit =
    Limit { window: Duration::from_secs(60 * 60), failures: 60, beyond: Beyond::Closed };

/// Password links of one account, and letters to an address it wants to have: who misses three
/// letters in an hour looks into the wrong mailbox, and a stranger must not be able to fill it.
pub const RESETS: Limit =
    Limit { window: Duration::from_secs(60 * 60), failures: 3, beyond: Beyond::Closed };

/// Password links asked for from one place, of whatever accounts: an office in a
/// bad hour.
pub const RESETS_OF_A_PLACE: Limit =
    Limit { window: Duration::from_secs(60 * 60), failures: 20, beyond: Beyond::Closed };

/// How long a place is remembered where somebody signed in: longer than a session lasts.
pub const PLACE_LIFETIME: Duration = Duration::from_secs(60 * 86_400);

/// How often that memory is renewed: not with a write for every sign-in.
pub const PLACE_RENEWAL: Duration = Duration::from_secs(86_400);

const SLOWEST: Duration = Duration::from_secs(60);

/// Failures of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptCounter {
    pub failures: u64,
    /// The first failure of the window.
    pub since: Moment,
    pub last: Moment,
}

impl AttemptCounter {
    pub fn after_failure(before: Option<Self>, limit: Limit, now: Moment) -> Self {
        match before {
            Some(counter) if now.since(counter.since) < limit.window => {
                Self { failures: counter.failures + 1, last: now, ..counter }
            }
            _ => Self { failures: 1, since: now, last: now },
        }
    }

    /// How long to wait before the next attempt; `None` when there is no need to.
    pub fn wait(&self, limit: Limit, now: Moment) -> Option<Duration> {
        let window_ends = self.since.after(limit.window);
        if now >= window_ends || self.failures < limit.failures {
            return None;
        }
        let until = match limit.beyond {
            Beyond::Closed => window_ends,
            Beyond::Slower => {
                let doublings = u32::try_from(self.failures - limit.failures).unwrap_or(u32::MAX);
                let delay = Duration::from_secs(1u64.checked_shl(doublings).unwrap_or(u64::MAX));
                self.last.after(delay.min(SLOWEST))
            }
        };
        Some(until.since(now)).filter(|wait| !wait.is_zero())
    }
}

/// The counters of one attempt.
#[derive(Debug, Clone)]
pub struct Counters {
    pub address: Subject,
    /// Of the account from this address; a success clears it.
    pub pair: Option<Subject>,
    pub account: Option<Subject>,
    /// Is there since the account was signed in to from this address.
    pub known_place: Option<Subject>,
}

impl Counters {
    /// `username` is `None` when what was typed cannot be a name at all.
    pub fn of(username: Option<&Username>, address: IpAddr) -> Self {
        let block = visitor_block(address);
        Self {
            address: Subject(format!("address {block}")),
            pair: username.map(|name| Subject(format!("pair {name} {block}"))),
            account: username.map(|name| Subject(format!("account {name}"))),
            known_place: username.map(|name| Subject(format!("known {name} {block}"))),
        }
    }

    /// Where an e-mail address was typed for the name.
    ///
    /// Counted by what was typed, whether somebody has it or not, and with no place known: by the
    /// counters of a name a stranger could tell whose address it is. What an account bears is
    /// borne once more so.
    pub fn of_email(email: &Email, address: IpAddr) -> Self {
        let block = visitor_block(address);
        let digest = sha256_hex(email.canonical());
        Self {
            address: Subject(format!("address {block}")),
            pair: Some(Subject(format!("pair {digest} {block}"))),
            account: Some(Subject(format!("account {digest}"))),
            known_place: None,
        }
    }

    /// What counts for an attempt.
    ///
    /// From a place where the customer has signed in before, only the pair's own counter:
    /// neither a neighbour at the same address nor a stranger elsewhere may lock the
    /// customer out. From any other place the address's and the account's counters as well.
    pub fn limits(&self, is_known_place: bool) -> Vec<(Subject, Limit)> {
        let pair = self.pair.iter().map(|subject| (subject, ONE_PLACE));
        let address = (!is_known_place).then_some((&self.address, ONE_PLACE));
        let account = self.account.iter().filter(|_| !is_known_place);
        let account = account.map(|subject| (subject, ONE_ACCOUNT));
        pair.chain(address)
            .chain(account)
            .map(|(subject, limit)| (subject.clone(), limit))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_seconds(1_000_000 + seconds)
    }

    fn failed(limit: Limit, times: &[u64]) -> AttemptCounter {
        let counter = times.iter().fold(None, |counter, second| {
            Some(AttemptCounter::after_failure(counter, limit, at(*second)))
        });
        counter.unwrap()
    }

    fn check(limit: Limit, failures: &[u64], now: u64, wait: Option<u64>) {
        let seen = failed(limit, failures).wait(limit, at(now));
        assert_eq!(seen, wait.map(Duration::from_secs), "{failures:?} at {now}");
    }

    #[test]
    fn five_failures_close_an_address_until_a_quarter_of_an_hour_after_the_first() {
        check(ONE_PLACE, &[0, 1, 2, 3], 4, None);
        check(ONE_PLACE, &[0, 1, 2, 3, 4], 5, Some(895));
        check(ONE_PLACE, &[0, 1, 2, 3, 4], 899, Some(1));
        check(ONE_PLACE, &[0, 1, 2, 3, 4], 900, None);
        check(ONE_PLACE, &[0, 1, 2, 3, 900], 901, None);
    }

    #[test]
    fn an_account_slows_down_and_never_closes() {
        let twenty: Vec<u64> = (0..20).collect();
        check(ONE_ACCOUNT, &twenty[..19], 19, None);
        check(ONE_ACCOUNT, &twenty, 19, Some(1));
        check(ONE_ACCOUNT, &twenty, 20, None);
        let many: Vec<u64> = (0..200).collect();
        check(ONE_ACCOUNT, &many, 199, Some(60));
        check(ONE_ACCOUNT, &many, 259, None);
    }

    #[test]
    fn a_known_place_has_a_counter_of_its_own() {
        let counters = Counters::of(Some(&"ada".parse().unwrap()), "192.0.2.1".parse().unwrap());
        let of = |is_known| -> Vec<String> {
            let limits = counters.limits(is_known);
            limits.iter().map(|(subject, _)| subject.as_str().to_owned()).collect()
        };
        assert_eq!(of(true), ["pair ada 192.0.2.1"]);
        assert_eq!(of(false), ["pair ada 192.0.2.1", "address 192.0.2.1", "account ada"]);
    }

    #[test]
    fn an_ipv6_customer_is_one_place() {
        let place = |text: &str| Counters::of(None, text.parse().unwrap()).address;
        assert_eq!(place("2001:db8:1:2::1"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:192.0.2.1"), place("192.0.2.1"));
        assert_ne!(place("192.0.2.1"), place("192.0.2.2"));
    }
}
