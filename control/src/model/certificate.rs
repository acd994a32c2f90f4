//! The certificate that visitors are shown: when it is renewed. Pure.

use std::time::Duration;

use crate::base::clock::Moment;

/// The longest wait after attempts that brought none.
pub const WAIT_MAX: Duration = Duration::from_secs(6 * 60 * 60);

/// One that was issued. Its key is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// That it was ordered for, in this order.
    pub names: Vec<String>,
    /// In PEM, the certificate itself first.
    pub chain: String,
    pub sealed_key: String,
    pub starts: Moment,
    pub expires: Moment,
}

/// How the present certificate stands, and the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateState {
    pub issued: Option<IssuedCertificate>,
    /// Attempts in a row that brought no certificate, and since when.
    pub failures: u32,
    pub failing_since: Option<Moment>,
    /// Why the last one did not.
    pub error: Option<String>,
    /// None is begun before this: somebody is at it, or the last one failed.
    pub next_attempt: Option<Moment>,
}

impl IssuedCertificate {
    pub fn life(&self) -> Duration {
        self.expires.since(self.starts)
    }

    /// With a third of its life left: sixty days of ninety are over then, and thirty remain
    /// for whatever goes wrong.
    pub fn renewal(&self) -> Moment {
        self.expires.before(self.life() / 3)
    }
}

impl CertificateState {
    /// Should one for `names` be ordered now?
    pub fn is_due(&self, names: &[String], now: Moment) -> bool {
        let is_wanted = match &self.issued {
            None => true,
            Some(issued) => issued.names != names || now >= issued.renewal(),
        };
        // One that is further off was noted by a clock that was ahead.
        let is_time = |next: Moment| now >= next || next > now.after(WAIT_MAX);
        is_wanted && self.next_attempt.is_none_or(is_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const START: Moment = Moment::from_seconds(1_800_000_000);

    fn names() -> Vec<String> {
        vec!["arca.test".to_owned(), "*.arca.test".to_owned()]
    }

    fn state() -> CertificateState {
        let issued = IssuedCertificate {
            names: names(),
            chain: String::new(),
            sealed_key: String::new(),
            starts: START,
            expires: START.after(90 * DAY),
        };
        CertificateState { issued: Some(issued), ..CertificateState::default() }
    }

    #[test]
    fn one_is_ordered_when_there_is_none_or_a_third_is_left_or_other_names_are_wanted() {
        assert!(CertificateState::default().is_due(&names(), START));
        let present = state();
        assert!(!present.is_due(&names(), START.after(60 * DAY).before(DAY)));
        assert!(present.is_due(&names(), START.after(60 * DAY)));
        assert!(present.is_due(&names()[..1], START));
    }

    #[test]
    fn nobody_tries_before_the_next_attempt() {
        let later = START.after(70 * DAY);
        let waiting = CertificateState { next_attempt: Some(later.after(WAIT_MAX)), ..state() };
        assert!(!waiting.is_due(&names(), later));
        assert!(waiting.is_due(&names(), later.after(WAIT_MAX)));
        assert!(waiting.is_due(&names(), later.before(DAY)), "a clock was ahead");
    }
}
