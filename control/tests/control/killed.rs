//! Where control is killed in the middle of each kind of task, and in each of its steps.

use std::path::Path;

use control::model::task::Kind;

use crate::machines::each_step;

/// Files here, and tests in them. A new kind has to name one: the compiler asks for it.
const fn tests_that_kill(kind: Kind) -> &'static [(&'static str, &'static str)] {
    match kind {
        Kind::Provision => &[
            ("machines/crashes.rs", "a_workspace_comes_up_once_however_often_control_is_killed"),
            ("machines/crashes.rs", "killed_while_the_edge_is_told_the_route_is_told_by_the_next"),
        ],
        Kind::Recycle => &[
            ("machines/crashes.rs", "a_workspace_goes_once_however_often_control_is_killed"),
            (
                "machines/wiping.rs",
                "killed_at_every_step_it_is_wiped_or_nobodys_and_never_half_done",
            ),
        ],
        Kind::Prepare => &[("machines/crashes.rs", "a_preparation_goes_on_where_it_was_killed")],
        Kind::Stripe => {
            &[("billing/payment.rs", "control_that_ends_in_the_middle_of_a_look_looks_again")]
        }
        Kind::Mail => {
            &[("letters/mails.rs", "a_crash_between_their_commit_and_ours_sends_one_letter")]
        }
        Kind::Ticket => {
            &[("letters/tickets.rs", "a_crash_between_their_commit_and_ours_opens_one_ticket")]
        }
        Kind::Trial => &[("machines/fleet.rs", "a_trial_goes_on_where_it_was_killed")],
        Kind::Update => &[
            ("machines/fleet.rs", "an_update_goes_on_where_it_was_killed"),
            ("machines/fleet.rs", "a_way_back_goes_on_where_it_was_killed"),
            ("machines/fleet.rs", "an_update_that_is_given_up_anywhere_brings_the_assistant_back"),
        ],
        Kind::Payer => {
            &[("billing/payer.rs", "control_that_ends_while_stripe_is_told_tells_it_again")]
        }
    }
}

/// An archive that is taken out is streamed, and no task.
const IN_AN_EXPORT: (&str, &str) = (
    "machines/exports.rs",
    "however_often_control_is_killed_an_export_comes_and_costs_its_customer_nothing",
);

#[test]
fn every_kind_of_task_has_a_test_that_kills_control_in_it() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/control");
    let is_there = |(file, test): &(&str, &str)| {
        let text = std::fs::read_to_string(here.join(file)).unwrap();
        assert!(text.contains(&format!("async fn {test}(")), "{file} has no {test}");
    };
    for kind in Kind::ALL {
        let tests = tests_that_kill(kind);
        assert!(!tests.is_empty(), "{kind:?} has none");
        tests.iter().for_each(is_there);
    }
    is_there(&IN_AN_EXPORT);
}

/// Of a kind that has one step, the test above kills control in it.
#[test]
fn control_is_killed_in_every_step_of_every_kind() {
    for kind in Kind::ALL {
        let steps = kind.spec().steps.len();
        assert!(steps == 1 || each_step::KINDS.contains(&kind), "{kind:?} has {steps} steps");
    }
}
