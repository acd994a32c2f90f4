//! What an operator is told of money that goes back. Pure.
//!
//! Each has a key that names what it is about: told again, it is the same.

use crate::base::clock::Moment;
use crate::base::date::Date;
use crate::model::incident::Incident;
use shared::Username;
use vendors::linear::Priority;
use vendors::stripe::id::SubscriptionId;
use vendors::stripe::money_back::{Charge, Dispute, FraudWarning, Refund};

/// Whose payment it is.
pub(super) struct Payer {
    pub(super) username: Username,
    pub(super) subscription: SubscriptionId,
}

/// More than nothing and less than all, or all of a period that is over.
pub(super) fn noted_refund(payer: &Payer, charge: &Charge) -> Incident {
    let Payer { username, .. } = payer;
    let Charge { id, amount, amount_refunded, currency, .. } = charge;
    let what = if amount_refunded < amount {
        "The workspace stays as it is."
    } else {
        "It was for a period that is over: the workspace stays as it is. `control workspaces \
         end` ends it."
    };
    Incident::new(
        // Each further part of it is news.
        format!("refund/{id}/{amount_refunded}"),
        format!("{username}: money was given back"),
        format!(
            "Of charge `{id}` {amount_refunded} of {amount} {currency} (in the smallest unit) \
             went back. {what}\n\n{}",
            about(payer)
        ),
        Priority::Medium,
    )
}

pub(super) fn failed_refund(refund: &Refund) -> Incident {
    Incident::new(
        format!("refund-failed/{}", refund.id),
        "A refund did not reach its customer",
        format!(
            "Refund `{}` failed: the customer still waits for their money. Look at it in \
             Stripe's dashboard, and pay it another way.",
            refund.id
        ),
        Priority::High,
    )
}

/// The workspace has ended by it.
pub(super) fn dispute(payer: &Payer, dispute: &Dispute) -> Incident {
    let Dispute { id, reason, amount, currency, .. } = dispute;
    let until = dispute.answer_until().map_or_else(
        || "at the date that Stripe names".to_owned(),
        |until| Date::of(Moment::from_seconds(until)).to_string(),
    );
    Incident::new(
        format!("dispute/{id}"),
        format!("{}: the payment is disputed", payer.username),
        format!(
            "Dispute `{id}`, of {amount} {currency} (in the smallest unit), for the reason \
             `{reason}`. Access ended at once, and the subscription with it.\n\nAnswer it in \
             Stripe's dashboard until {until}, or accept it there.\n\n{}",
            about(payer)
        ),
        Priority::Urgent,
    )
}

pub(super) fn decided_dispute(payer: &Payer, dispute: &Dispute, is_won: bool) -> Incident {
    let Dispute { id, .. } = dispute;
    let (word, what) = if is_won {
        (
            "won",
            "The money is ours again. What the dispute has ended does not come back by itself: \
             whether this customer is welcome is yours to decide. If so, \
             `control customers reinstate NAME` frees their name: write to them, they order it \
             again, and you give the first month back.",
        )
    } else {
        ("lost", "The money is gone, with the bank's fee. The workspace has ended.")
    };
    Incident::new(
        format!("dispute/{id}/{word}"),
        format!("{}: the dispute is {word}", payer.username),
        format!("Dispute `{id}` is {word}. {what}\n\n{}", about(payer)),
        Priority::High,
    )
}

/// No money is taken yet.
pub(super) fn inquiry(payer: &Payer, dispute: &Dispute) -> Incident {
    let Dispute { id, reason, .. } = dispute;
    Incident::new(
        format!("inquiry/{id}"),
        format!("{}: the bank asks about the payment", payer.username),
        format!(
            "Inquiry `{id}`, for the reason `{reason}`. No money is taken yet, and the workspace \
             stays as it is. Answer it in Stripe's dashboard; giving the money back in full \
             settles it, and ends the workspace.\n\n{}",
            about(payer)
        ),
        Priority::Urgent,
    )
}

pub(super) fn fraud_warning(payer: &Payer, warning: &FraudWarning) -> Incident {
    let FraudWarning { id, fraud_type, actionable, .. } = warning;
    let what = if *actionable {
        "Most become disputes, with a fee. Giving the money back in full in Stripe's dashboard \
         forestalls that, and ends the workspace; until then it stays as it is."
    } else {
        "The money is given back or disputed already: there is nothing to do about it."
    };
    Incident::new(
        format!("fraud-warning/{id}"),
        format!("{}: the card's network warns of fraud", payer.username),
        format!("Early fraud warning `{id}`: `{fraud_type}`. {what}\n\n{}", about(payer)),
        if *actionable { Priority::Urgent } else { Priority::Medium },
    )
}

/// Stripe has a new word.
pub(super) fn unknown_dispute(payer: &Payer, dispute: &Dispute) -> Incident {
    let Dispute { id, status, .. } = dispute;
    Incident::new(
        format!("dispute/{id}/{status}"),
        format!("{}: Stripe says {status:?} of a dispute", payer.username),
        format!(
            "Dispute `{id}` has a status that we do not know. The workspace stays as it was.\n\n{}",
            about(payer)
        ),
        Priority::Urgent,
    )
}

fn about(payer: &Payer) -> String {
    let Payer { username, subscription } = payer;
    format!("- workspace: `{username}`\n- subscription: `{subscription}`")
}
