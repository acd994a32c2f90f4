//! A customer's own domain from its name to its certificate: what is seen of it, and what is
//! due. Pure.

use std::time::Duration;

use shared::{Domain, Username};

use crate::base::clock::Moment;

/// How often one is looked at whose record is not there yet: its owner waits for it at first,
/// and has given it up later.
const LOOKS: [(Duration, Duration); 3] = [
    (Duration::from_secs(60 * 60), Duration::from_secs(15)),
    (Duration::from_secs(24 * 60 * 60), Duration::from_secs(5 * 60)),
    (Duration::MAX, Duration::from_secs(60 * 60)),
];

/// How often one is looked at that is there. A name that lapses may be another one's soon, and
/// is not to be a way into this workspace then.
const LOOK_AGAIN: Duration = Duration::from_secs(5 * 60);

/// Looks in a row without the record after which it is gone: one may come from a server that
/// is behind.
const MISSED_MAX: u32 = 2;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDomain {
    pub domain: Domain,
    pub username: Username,
    pub added: Moment,
    pub record: DnsRecord,
    pub certificate: DomainCertificate,
}

/// What is known of its record of DNS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsRecord {
    /// Since when it is there.
    pub proven: Option<Moment>,
    pub missed: u32,
    /// What was seen instead.
    pub seen: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainCertificate {
    /// From when until when the one that was issued is good.
    pub good: Option<(Moment, Moment)>,
    pub failures: u32,
    pub error: Option<String>,
    /// None is ordered before this.
    pub next_order: Option<Moment>,
}

/// What one look at DNS brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsLook {
    /// It names the workspace.
    Here,
    /// It does not; what is there, as the customer is told.
    Elsewhere(String),
    /// Nobody answered: what was known goes on.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainStanding<'a> {
    WaitingForDns { saw: Option<&'a str> },
    FetchingCertificate,
    Live,
    Failed { why: &'a str },
}

impl DomainStanding<'_> {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::WaitingForDns { .. } => "waiting_for_dns",
            Self::FetchingCertificate => "fetching_certificate",
            Self::Live => "live",
            Self::Failed { .. } => "failed",
        }
    }

    /// What was seen, or went wrong.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::WaitingForDns { saw } => *saw,
            Self::Failed { why } => Some(why),
            Self::FetchingCertificate | Self::Live => None,
        }
    }
}

impl OwnDomain {
    pub fn standing(&self, now: Moment) -> DomainStanding<'_> {
        let DomainCertificate { good, error, .. } = &self.certificate;
        match error {
            _ if self.record.proven.is_none() => {
                DomainStanding::WaitingForDns { saw: self.record.seen.as_deref() }
            }
            _ if good.is_some_and(|(_, expires)| now < expires) => DomainStanding::Live,
            Some(why) => DomainStanding::Failed { why },
            None => DomainStanding::FetchingCertificate,
        }
    }

    pub fn next_look(&self, now: Moment) -> Moment {
        if self.record.proven.is_some() {
            return now.after(LOOK_AGAIN);
        }
        let age = now.since(self.added);
        let pause = LOOKS.iter().find(|(younger, _)| age < *younger);
        now.after(pause.map_or(LOOKS[2].1, |(_, pause)| *pause))
    }

    /// With a third of its life left, as for our own.
    pub fn is_order_due(&self, now: Moment) -> bool {
        let DomainCertificate { good, next_order, .. } = &self.certificate;
        let is_wanted =
            good.is_none_or(|(starts, expires)| now >= expires.before(expires.since(starts) / 3));
        self.record.proven.is_some() && is_wanted && next_order.is_none_or(|next| now >= next)
    }
}

impl DnsRecord {
    #[must_use]
    pub fn after(self, look: DnsLook, now: Moment) -> Self {
        match look {
            DnsLook::Here => {
                Self { proven: Some(self.proven.unwrap_or(now)), missed: 0, seen: None }
            }
            DnsLook::Elsewhere(seen) => {
                let missed = self.missed.saturating_add(1);
                let proven = self.proven.filter(|_| missed < MISSED_MAX);
                Self { proven, missed, seen: Some(seen) }
            }
            DnsLook::Unknown(why) => Self { seen: Some(why), ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment::from_seconds(1_800_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn domain() -> OwnDomain {
        OwnDomain {
            domain: "chat.example.org".parse().unwrap(),
            username: "ada".parse().unwrap(),
            added: NOW,
            record: DnsRecord::default(),
            certificate: DomainCertificate::default(),
        }
    }

    fn proven() -> OwnDomain {
        OwnDomain { record: DnsRecord::default().after(DnsLook::Here, NOW), ..domain() }
    }

    #[test]
    fn it_waits_for_dns_then_for_the_certificate_and_is_live() {
        let elsewhere = DnsRecord::default().after(DnsLook::Elsewhere("nothing".to_owned()), NOW);
        let waiting = OwnDomain { record: elsewhere, ..domain() };
        assert_eq!(waiting.standing(NOW), DomainStanding::WaitingForDns { saw: Some("nothing") });
        assert!(!waiting.is_order_due(NOW));
        let mut fetching = proven();
        assert_eq!(fetching.standing(NOW), DomainStanding::FetchingCertificate);
        assert!(fetching.is_order_due(NOW));
        fetching.certificate.error = Some("refused".to_owned());
        fetching.certificate.next_order = Some(NOW.after(DAY));
        assert_eq!(fetching.standing(NOW), DomainStanding::Failed { why: "refused" });
        assert!(!fetching.is_order_due(NOW));
        assert!(fetching.is_order_due(NOW.after(DAY)));
        let certificate =
            DomainCertificate { good: Some((NOW, NOW.after(90 * DAY))), ..Default::default() };
        let live = OwnDomain { certificate, ..proven() };
        assert_eq!(live.standing(NOW), DomainStanding::Live);
        assert!(!live.is_order_due(NOW.after(59 * DAY)));
        assert!(live.is_order_due(NOW.after(60 * DAY)));
        assert_eq!(live.standing(NOW.after(90 * DAY)), DomainStanding::FetchingCertificate);
    }

    #[test]
    fn a_record_is_gone_after_two_looks_and_silence_says_nothing() {
        let elsewhere = || DnsLook::Elsewhere("192.0.2.1".to_owned());
        let there = DnsRecord::default().after(DnsLook::Here, NOW);
        let silent = there.clone().after(DnsLook::Unknown("no answer".to_owned()), NOW);
        assert_eq!((silent.proven, silent.missed), (Some(NOW), 0));
        let once = there.after(elsewhere(), NOW);
        assert_eq!(once.proven, Some(NOW));
        assert_eq!(once.clone().after(DnsLook::Here, NOW.after(DAY)).proven, Some(NOW));
        assert_eq!(once.after(elsewhere(), NOW).proven, None);
    }

    #[test]
    fn it_is_looked_for_often_at_first_and_seldom_later() {
        let pause = |age: Duration| {
            let now = NOW.after(age);
            domain().next_look(now).since(now)
        };
        assert_eq!(pause(Duration::ZERO), LOOKS[0].1);
        assert_eq!(pause(DAY / 2), LOOKS[1].1);
        assert_eq!(pause(9 * DAY), LOOKS[2].1);
        assert_eq!(proven().next_look(NOW).since(NOW), LOOK_AGAIN);
    }
}
