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

use super::EndReason;
use super::unpaid::UnpaidStep;
use crate::base::clock::Moment;
use crate::base::text_enum::text_enum;
use crate::model::subscription::Standing;

text_enum! {
    pub enum WorkspaceState or "not a state of a workspace" {
        /// Paid for; its machine is being made ready.
        Preparing = "preparing",
        Live = "live",
        /// Closed until somebody pays; everything is kept.
        Suspended = "suspended",
        /// Closed for good; its machine is being taken down.
        Ending = "ending",
        Ended = "ended",
    }
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Stripe was asked how the subscription stands.
    Stands {
        standing: Standing,
        /// When access ends, where that is arranged.
        ends: Option<Moment>,
        /// What `ends` was when Stripe was asked before.
        known_end: Option<Moment>,
        /// What its not being paid for comes to now.
        unpaid: Option<UnpaidStep>,
    },
    /// The machine is ready and reached.
    Prepared(Standing),
    /// It is over, whatever the subscription says.
    Ends(EndReason),
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
    End(EndReason),
    /// Nobody may have the name for a while; nothing is kept of the customer.
    Forget,
    Tell(CustomerNotice),
    Report(OperatorNotice),
}

/// What the customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerNotice {
    PaymentFailed {
        grace_until: Moment,
    },
    /// It is closed, and kept until it `ends`.
    Closed {
        ends: Moment,
    },
    /// It is closed, and its end is near.
    EndIsNear {
        ends: Moment,
        is_last: bool,
    },
    /// It is closed, as the subscription is paused.
    Paused,
    /// `until`: when access ends; `None` when it has ended.
    Cancelled {
        until: Option<Moment>,
    },
    /// The end that was arranged is taken back.
    CancellationUndone,
    /// It has ended, and not because its customer cancelled.
    Ended(EndReason),
}

/// What the operator is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorNotice {
    Cancelled,
    Ended(EndReason),
    /// The subscription's status is a word that we do not know.
    UnknownStatus,
}

impl WorkspaceState {
    /// Is nothing to be expected of it any more?
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ending | Self::Ended)
    }

    /// What it is after `event`, and what has to be done.
    ///
    /// Told again, the same event changes nothing and asks for nothing new: what
    /// a letter or a report is about is in its key, and each key is used once.
    #[must_use]
    pub fn after(self, event: Event) -> (Self, Vec<Effect>) {
        match (self, event) {
            (Self::Ending, Event::TakenDown) => (Self::Ended, vec![Effect::Forget]),
            // Whatever is told of a subscription that is over: it does not come back.
            (Self::Ending | Self::Ended, _) | (_, Event::TakenDown) => (self, Vec::new()),
            (_, Event::Ends(why)) => end(why),
            (Self::Preparing, Event::Prepared(Standing::Stopped | Standing::Paused)) => {
                (Self::Suspended, vec![Effect::Suspend])
            }
            (Self::Preparing, Event::Prepared(_)) => (Self::Live, Vec::new()),
            (_, Event::Prepared(_)) => (self, Vec::new()),
            (_, Event::Stands { unpaid: Some(UnpaidStep::End), .. }) => end(EndReason::Unpaid),
            (_, Event::Stands { standing, ends, known_end, unpaid }) => {
                let (next, mut effects) = self.standing(standing, known_end);
                effects.extend(unpaid.and_then(told_of).map(Effect::Tell));
                if !next.is_over() && ends != known_end {
                    effects.push(Effect::Tell(match ends {
                        Some(_) => CustomerNotice::Cancelled { until: ends },
                        None => CustomerNotice::CancellationUndone,
                    }));
                }
                (next, effects)
            }
        }
    }

    fn standing(self, standing: Standing, known_end: Option<Moment>) -> (Self, Vec<Effect>) {
        match (self, standing) {
            (_, Standing::Over) => {
                let end = Effect::End(EndReason::Subscription);
                let mut effects = vec![end, Effect::Report(OperatorNotice::Cancelled)];
                // Whoever arranged the end was told of it then.
                if known_end.is_none() {
                    effects.push(Effect::Tell(CustomerNotice::Cancelled { until: None }));
                }
                (Self::Ending, effects)
            }
            (_, Standing::Unclear) => (self, vec![Effect::Report(OperatorNotice::UnknownStatus)]),
            (Self::Live, Standing::Stopped) => (Self::Suspended, vec![Effect::Suspend]),
            (Self::Live, Standing::Paused) => {
                (Self::Suspended, vec![Effect::Suspend, Effect::Tell(CustomerNotice::Paused)])
            }
            (Self::Suspended, Standing::Good) => (Self::Live, vec![Effect::Resume]),
            (Self::Suspended, Standing::Grace { until }) => {
                let letter = Effect::Tell(CustomerNotice::PaymentFailed { grace_until: until });
                (Self::Live, vec![Effect::Resume, letter])
            }
            (_, Standing::Grace { until }) => {
                (self, vec![Effect::Tell(CustomerNotice::PaymentFailed { grace_until: until })])
            }
            // While it is being prepared nobody can come in; it shows when it is ready.
            (_, Standing::Good | Standing::Stopped | Standing::Paused | Standing::NotYet) => {
                (self, Vec::new())
            }
        }
    }

    /// Whether time is counted until it ends, because nobody pays for it.
    pub fn is_owed_for(self, standing: Standing) -> bool {
        matches!((self, standing), (Self::Live | Self::Suspended, Standing::Stopped))
    }
}

fn end(why: EndReason) -> (WorkspaceState, Vec<Effect>) {
    let effects = vec![
        Effect::End(why),
        Effect::Report(OperatorNotice::Ended(why)),
        Effect::Tell(CustomerNotice::Ended(why)),
    ];
    (WorkspaceState::Ending, effects)
}

fn told_of(step: UnpaidStep) -> Option<CustomerNotice> {
    match step {
        UnpaidStep::Close { ends } => Some(CustomerNotice::Closed { ends }),
        UnpaidStep::Warn { ends, is_last } => Some(CustomerNotice::EndIsNear { ends, is_last }),
        UnpaidStep::End => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Moment = Moment::from_seconds(2_000_000_000);

    fn stands(standing: Standing) -> Event {
        Event::Stands { standing, ends: None, known_end: None, unpaid: None }
    }

    fn check(state: WorkspaceState, event: Event, expected: WorkspaceState, effects: &[Effect]) {
        assert_eq!(state.after(event), (expected, effects.to_vec()), "{state:?} {event:?}");
    }

    #[test]
    fn a_workspace_lives_while_it_is_paid_for() {
        use WorkspaceState::{Live, Preparing, Suspended};
        check(Preparing, Event::Prepared(Standing::Good), Live, &[]);
        check(Live, stands(Standing::Good), Live, &[]);
        check(Live, stands(Standing::Stopped), Suspended, &[Effect::Suspend]);
        check(Suspended, stands(Standing::Stopped), Suspended, &[]);
        check(Suspended, stands(Standing::Good), Live, &[Effect::Resume]);
        check(Preparing, stands(Standing::Stopped), Preparing, &[]);
        check(Preparing, Event::Prepared(Standing::Stopped), Suspended, &[Effect::Suspend]);
        check(Live, stands(Standing::NotYet), Live, &[]);
    }

    #[test]
    fn a_failed_renewal_is_forgiven_for_a_while_and_the_customer_told() {
        let told = Effect::Tell(CustomerNotice::PaymentFailed { grace_until: SOON });
        let grace = stands(Standing::Grace { until: SOON });
        check(WorkspaceState::Live, grace, WorkspaceState::Live, &[told]);
        check(WorkspaceState::Suspended, grace, WorkspaceState::Live, &[Effect::Resume, told]);
        check(WorkspaceState::Preparing, grace, WorkspaceState::Preparing, &[told]);
    }

    #[test]
    fn an_end_is_announced_once_and_then_comes_or_is_taken_back() {
        let report = Effect::Report(OperatorNotice::Cancelled);
        let end_it = Effect::End(EndReason::Subscription);
        let cancelled = |until| Effect::Tell(CustomerNotice::Cancelled { until });
        let arranged =
            |standing, ends, known_end| Event::Stands { standing, ends, known_end, unpaid: None };
        let (end, good, over) = (Some(SOON), Standing::Good, Standing::Over);
        check(
            WorkspaceState::Live,
            arranged(good, end, None),
            WorkspaceState::Live,
            &[cancelled(end)],
        );
        check(WorkspaceState::Live, arranged(good, end, end), WorkspaceState::Live, &[]);
        let undone = Effect::Tell(CustomerNotice::CancellationUndone);
        check(WorkspaceState::Live, arranged(good, None, end), WorkspaceState::Live, &[undone]);
        check(
            WorkspaceState::Live,
            arranged(over, end, end),
            WorkspaceState::Ending,
            &[end_it, report],
        );
        for state in [WorkspaceState::Preparing, WorkspaceState::Live, WorkspaceState::Suspended] {
            let effects = [end_it, report, cancelled(None)];
            check(state, stands(over), WorkspaceState::Ending, &effects);
            check(state, arranged(over, end, None), WorkspaceState::Ending, &effects);
        }
        check(WorkspaceState::Ending, Event::TakenDown, WorkspaceState::Ended, &[Effect::Forget]);
    }

    #[test]
    fn an_unpaid_workspace_is_told_of_each_step_and_ends_at_the_last() {
        let step = |unpaid| Event::Stands {
            standing: Standing::Stopped,
            ends: None,
            known_end: None,
            unpaid: Some(unpaid),
        };
        let (live, closed) = (WorkspaceState::Live, WorkspaceState::Suspended);
        let told = Effect::Tell(CustomerNotice::Closed { ends: SOON });
        check(live, step(UnpaidStep::Close { ends: SOON }), closed, &[Effect::Suspend, told]);
        let near = CustomerNotice::EndIsNear { ends: SOON, is_last: true };
        let warned = UnpaidStep::Warn { ends: SOON, is_last: true };
        check(closed, step(warned), closed, &[Effect::Tell(near)]);
        let why = EndReason::Unpaid;
        let effects = [
            Effect::End(why),
            Effect::Report(OperatorNotice::Ended(why)),
            Effect::Tell(CustomerNotice::Ended(why)),
        ];
        check(closed, step(UnpaidStep::End), WorkspaceState::Ending, &effects);
    }

    #[test]
    fn a_pause_closes_it_with_a_letter_and_counts_no_time() {
        use WorkspaceState::{Live, Suspended};
        let effects = [Effect::Suspend, Effect::Tell(CustomerNotice::Paused)];
        check(Live, stands(Standing::Paused), Suspended, &effects);
        check(Suspended, stands(Standing::Paused), Suspended, &[]);
        check(Suspended, stands(Standing::Good), Live, &[Effect::Resume]);
        assert!(!Live.is_owed_for(Standing::Paused) && Live.is_owed_for(Standing::Stopped));
    }

    #[test]
    fn money_that_went_back_ends_it_from_every_state_and_once() {
        for why in [EndReason::Refund, EndReason::Dispute] {
            let report = Effect::Report(OperatorNotice::Ended(why));
            let told = Effect::Tell(CustomerNotice::Ended(why));
            for state in
                [WorkspaceState::Preparing, WorkspaceState::Live, WorkspaceState::Suspended]
            {
                let effects = [Effect::End(why), report, told];
                check(state, Event::Ends(why), WorkspaceState::Ending, &effects);
            }
            for state in [WorkspaceState::Ending, WorkspaceState::Ended] {
                check(state, Event::Ends(why), state, &[]);
            }
        }
    }

    #[test]
    fn what_is_over_does_not_come_back() {
        for state in [WorkspaceState::Ending, WorkspaceState::Ended] {
            for standing in [
                Standing::Good,
                Standing::Grace { until: SOON },
                Standing::Stopped,
                Standing::Paused,
                Standing::NotYet,
                Standing::Over,
                Standing::Unclear,
            ] {
                check(state, stands(standing), state, &[]);
                check(state, Event::Prepared(standing), state, &[]);
            }
        }
        check(WorkspaceState::Ended, Event::TakenDown, WorkspaceState::Ended, &[]);
        check(WorkspaceState::Live, Event::TakenDown, WorkspaceState::Live, &[]);
    }

    #[test]
    fn a_word_nobody_knows_changes_nothing_and_is_reported() {
        let report = [Effect::Report(OperatorNotice::UnknownStatus)];
        for state in [WorkspaceState::Preparing, WorkspaceState::Live, WorkspaceState::Suspended] {
            check(state, stands(Standing::Unclear), state, &report);
        }
    }

    #[test]
    fn states_are_read_back() {
        for state in WorkspaceState::ALL {
            assert_eq!(WorkspaceState::parse(state.as_str()), Ok(state));
        }
        assert!(WorkspaceState::parse("dead").is_err());
    }
}
