//! The life of a workspace: what becomes of it, and what has to be done. Pure.
//!
//! ```text
//! (paid) → preparing → live ⇄ suspended
//!              └────────┴────────┴→ ending → ended
//! ```
//!
//! Stripe tells everything more than once and in any order. So a change follows
//! from how the subscription stands, never from what was said last; and from
//! `ending` no way leads back.

use crate::base::clock::Moment;
use crate::model::subscription::Standing;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Paid for; its machine is being made ready.
    Preparing,
    Live,
    /// Closed until somebody pays; everything is kept.
    Suspended,
    /// Closed for good; its machine is being taken down.
    Ending,
    Ended,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Stripe was asked how the subscription stands.
    Stands {
        standing: Standing,
        /// When access ends, where that is arranged.
        ends: Option<Moment>,
        /// What `ends` was when Stripe was asked before.
        known_end: Option<Moment>,
    },
    /// The machine is ready and reached.
    Prepared(Standing),
    /// The machine is gone.
    TakenDown,
}

/// What has to be done, all of it together with the change or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Closes the way in; sockets are cut.
    Suspend,
    /// Opens the way in again.
    Resume,
    /// Closes the way in for good, ends every session, and takes the machine down.
    End,
    /// Nobody may have the name for a while; nothing is kept of the customer.
    Forget,
    Write(Letter),
    Report(Report),
}

/// What the customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    PaymentFailed {
        grace_until: Moment,
    },
    /// `until`: when access ends; `None` when it has ended.
    Cancelled {
        until: Option<Moment>,
    },
}

/// What the operator is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    Cancelled,
    /// The subscription's status is a word that we do not know.
    UnknownStatus,
}

impl Life {
    const ALL: [Self; 5] =
        [Self::Preparing, Self::Live, Self::Suspended, Self::Ending, Self::Ended];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Live => "live",
            Self::Suspended => "suspended",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }

    /// # Errors
    /// `text` is none of the states.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|life| life.as_str() == text);
        found.ok_or("not a state of a workspace")
    }

    /// Is nothing to be expected of it any more?
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ending | Self::Ended)
    }

    /// What it is after `news`, and what has to be done.
    ///
    /// Told again, the same news changes nothing and asks for nothing new: what
    /// a letter or a report is about is in its key, and each key is used once.
    #[must_use]
    pub fn after(self, news: News) -> (Self, Vec<Effect>) {
        match (self, news) {
            (Self::Ending, News::TakenDown) => (Self::Ended, vec![Effect::Forget]),
            // Whatever is told of a subscription that is over: it does not come back.
            (Self::Ending | Self::Ended, _) | (_, News::TakenDown) => (self, Vec::new()),
            (Self::Preparing, News::Prepared(Standing::Stopped)) => {
                (Self::Suspended, vec![Effect::Suspend])
            }
            (Self::Preparing, News::Prepared(_)) => (Self::Live, Vec::new()),
            (_, News::Prepared(_)) => (self, Vec::new()),
            (_, News::Stands { standing, ends, known_end }) => {
                let (next, mut effects) = self.standing(standing, known_end);
                if let (false, Some(end), true) = (next.is_over(), ends, ends != known_end) {
                    effects.push(Effect::Write(Letter::Cancelled { until: Some(end) }));
                }
                (next, effects)
            }
        }
    }

    fn standing(self, standing: Standing, known_end: Option<Moment>) -> (Self, Vec<Effect>) {
        match (self, standing) {
            (_, Standing::Over) => {
                let mut effects = vec![Effect::End, Effect::Report(Report::Cancelled)];
                // Whoever arranged the end was told of it then.
                if known_end.is_none() {
                    effects.push(Effect::Write(Letter::Cancelled { until: None }));
                }
                (Self::Ending, effects)
            }
            (_, Standing::Unclear) => (self, vec![Effect::Report(Report::UnknownStatus)]),
            (Self::Live, Standing::Stopped) => (Self::Suspended, vec![Effect::Suspend]),
            (Self::Suspended, Standing::Good) => (Self::Live, vec![Effect::Resume]),
            (Self::Suspended, Standing::Grace { until }) => {
                let letter = Effect::Write(Letter::PaymentFailed { grace_until: until });
                (Self::Live, vec![Effect::Resume, letter])
            }
            (_, Standing::Grace { until }) => {
                (self, vec![Effect::Write(Letter::PaymentFailed { grace_until: until })])
            }
            // While it is being prepared nobody can come in; it shows when it is ready.
            (_, Standing::Good | Standing::Stopped | Standing::NotYet) => (self, Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Moment = Moment::from_seconds(2_000_000_000);

    fn stands(standing: Standing) -> News {
        News::Stands { standing, ends: None, known_end: None }
    }

    fn check(life: Life, news: News, expected: Life, effects: &[Effect]) {
        assert_eq!(life.after(news), (expected, effects.to_vec()), "{life:?} {news:?}");
    }

    #[test]
    fn a_workspace_lives_while_it_is_paid_for() {
        use Life::{Live, Preparing, Suspended};
        check(Preparing, News::Prepared(Standing::Good), Live, &[]);
        check(Live, stands(Standing::Good), Live, &[]);
        check(Live, stands(Standing::Stopped), Suspended, &[Effect::Suspend]);
        check(Suspended, stands(Standing::Stopped), Suspended, &[]);
        check(Suspended, stands(Standing::Good), Live, &[Effect::Resume]);
        check(Preparing, stands(Standing::Stopped), Preparing, &[]);
        check(Preparing, News::Prepared(Standing::Stopped), Suspended, &[Effect::Suspend]);
        check(Live, stands(Standing::NotYet), Live, &[]);
    }

    #[test]
    fn a_failed_renewal_is_forgiven_for_a_while_and_the_customer_told() {
        let told = Effect::Write(Letter::PaymentFailed { grace_until: SOON });
        let grace = stands(Standing::Grace { until: SOON });
        check(Life::Live, grace, Life::Live, &[told]);
        check(Life::Suspended, grace, Life::Live, &[Effect::Resume, told]);
        check(Life::Preparing, grace, Life::Preparing, &[told]);
    }

    #[test]
    fn an_end_is_announced_once_and_then_comes() {
        let report = Effect::Report(Report::Cancelled);
        let cancelled = |until| Effect::Write(Letter::Cancelled { until });
        let arranged = |standing, ends, known_end| News::Stands { standing, ends, known_end };
        let (end, good, over) = (Some(SOON), Standing::Good, Standing::Over);
        check(Life::Live, arranged(good, end, None), Life::Live, &[cancelled(end)]);
        check(Life::Live, arranged(good, end, end), Life::Live, &[]);
        check(Life::Live, arranged(good, None, end), Life::Live, &[]);
        check(Life::Live, arranged(over, end, end), Life::Ending, &[Effect::End, report]);
        for life in [Life::Preparing, Life::Live, Life::Suspended] {
            let effects = [Effect::End, report, cancelled(None)];
            check(life, stands(over), Life::Ending, &effects);
            check(life, arranged(over, end, None), Life::Ending, &effects);
        }
        check(Life::Ending, News::TakenDown, Life::Ended, &[Effect::Forget]);
    }

    #[test]
    fn what_is_over_does_not_come_back() {
        for life in [Life::Ending, Life::Ended] {
            for standing in [
                Standing::Good,
                Standing::Grace { until: SOON },
                Standing::Stopped,
                Standing::NotYet,
                Standing::Over,
                Standing::Unclear,
            ] {
                check(life, stands(standing), life, &[]);
                check(life, News::Prepared(standing), life, &[]);
            }
        }
        check(Life::Ended, News::TakenDown, Life::Ended, &[]);
        check(Life::Live, News::TakenDown, Life::Live, &[]);
    }

    #[test]
    fn a_word_nobody_knows_changes_nothing_and_is_reported() {
        let report = [Effect::Report(Report::UnknownStatus)];
        for life in [Life::Preparing, Life::Live, Life::Suspended] {
            check(life, stands(Standing::Unclear), life, &report);
        }
    }

    #[test]
    fn states_are_read_back() {
        for life in Life::ALL {
            assert_eq!(Life::parse(life.as_str()), Ok(life));
        }
        assert!(Life::parse("dead").is_err());
    }
}
