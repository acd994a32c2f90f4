//! What the customer and the operator are told of a payment and what came of it. Pure.
//!
//! Each has a key that names what it is about: told again, it is the same.

use shared::Username;

use crate::base::clock::Moment;
use crate::mail::MailRenderer;
use crate::model::incident::Incident;
use crate::model::mail::{Message, NewMail, Recipient};
use crate::model::sign_up::SignUp;
use crate::model::subscription::Standing;
use crate::model::workspace::Workspace;
use crate::model::workspace::state::{CustomerNotice, OperatorNotice};
use crate::store::Customer;
use vendors::linear::Priority;
use vendors::stripe::id::{CheckoutSessionId, SubscriptionId};

pub fn letter(
    workspace: &Workspace,
    customer: &Customer,
    notice: CustomerNotice,
    renderer: &MailRenderer,
    now: Moment,
) -> NewMail {
    let Workspace { subscription, looks, .. } = workspace;
    let (id, message) = match notice {
        CustomerNotice::PaymentFailed { grace_until } => {
            let id = format!("payment-failed/{subscription}/{}", grace_until.seconds());
            (id, Message::PaymentFailed { grace_until })
        }
        // An end that is taken back and planned again is another letter.
        CustomerNotice::Cancelled { until: Some(until) } if until > now => {
            let id = format!("cancelled/{subscription}/{}/{looks}", until.seconds());
            (id, Message::Cancelled { until })
        }
        CustomerNotice::Cancelled { until } => {
            (format!("ended/{subscription}"), Message::Cancelled { until: until.unwrap_or(now) })
        }
        CustomerNotice::CancellationUndone => {
            let is_paid_for = workspace.billing.standing(now) == Standing::Good;
            let next_payment = workspace.billing.period_end.filter(|end| is_paid_for && *end > now);
            let id = format!("cancellation-undone/{subscription}/{looks}");
            (id, Message::CancellationUndone { next_payment })
        }
        CustomerNotice::Closed { ends } => {
            (format!("closed/{subscription}/{}", ends.seconds()), Message::Closed { ends })
        }
        CustomerNotice::EndIsNear { ends, is_last } => {
            let which = if is_last { "last" } else { "first" };
            let id = format!("end-is-near/{subscription}/{which}/{}", ends.seconds());
            (id, Message::EndIsNear { ends, is_last })
        }
        // Each pause has a letter of its own.
        CustomerNotice::Paused => {
            (format!("paused/{subscription}/{}", now.seconds()), Message::Paused)
        }
        CustomerNotice::Ended(why) => (format!("ended/{subscription}"), Message::Ended { why }),
    };
    renderer.write(id, customer.recipient(), message, now)
}

/// For whoever is still waiting in a while.
pub fn order_received(
    workspace: &Workspace,
    signup: &SignUp,
    renderer: &MailRenderer,
    now: Moment,
) -> NewMail {
    let to = of_signup(signup, workspace.username);
    renderer.order_received(signup.id.as_str(), to, now)
}

/// For whoever ordered and whose bank did not pay.
pub fn order_failed(signup: &SignUp, renderer: &MailRenderer, now: Moment) -> NewMail {
    let id = format!("order-failed/{}", signup.id);
    renderer.write(id, of_signup(signup, signup.username), Message::OrderFailed, now)
}

/// Whoever ordered. `username` is what the workspace is called, which may be another name than
/// they had asked for.
pub fn of_signup(signup: &SignUp, username: Username) -> Recipient<'_> {
    Recipient { username, email: &signup.email, language: signup.language }
}

pub fn incident(workspace: &Workspace, notice: OperatorNotice) -> Incident {
    let (username, subscription) = (&workspace.username, &workspace.subscription);
    let status = &workspace.billing.status;
    match notice {
        OperatorNotice::Cancelled => {
            Incident::cancellation(subscription.as_str(), username, &format!("it is {status}"))
        }
        OperatorNotice::Ended(why) => {
            Incident::cancellation(subscription.as_str(), username, why.explained())
        }
        OperatorNotice::UnknownStatus => Incident::new(
            format!("status/{subscription}/{status}"),
            format!("{username}: Stripe says {status:?}"),
            format!(
                "Subscription `{subscription}` of `{username}` has a status that we do not know. \
                 The workspace stays as it was."
            ),
            Priority::High,
        ),
    }
}

pub fn signed_up(workspace: &Workspace, signup: &SignUp) -> Incident {
    let skills = signup.skills.to_string();
    Incident::sign_up(signup.id.as_str(), &workspace.username, &signup.email, &skills)
}

/// The money came, and by then its subscription was over.
pub fn paid_too_late(signup: &SignUp, subscription: &SubscriptionId) -> Incident {
    give_back(
        format!("late/{subscription}"),
        &signup.username,
        &format!(
            "Sign-up `{}` was paid, but subscription `{subscription}` had ended before the \
             workspace was made. None was made.",
            signup.id
        ),
    )
}

/// Two payments for one sign-up.
pub fn surplus(signup: &SignUp, subscription: &SubscriptionId) -> Incident {
    give_back(
        format!("surplus/{subscription}"),
        &signup.username,
        &format!(
            "Sign-up `{}` was paid twice. The second subscription, `{subscription}`, is cancelled.",
            signup.id
        ),
    )
}

/// A payment under an id of ours that is not in the database.
pub fn unknown_signup(checkout: &CheckoutSessionId, signup: &str) -> Incident {
    Incident::new(
        format!("payment/{checkout}"),
        "A payment that nobody here knows of",
        format!(
            "Checkout session `{checkout}` is paid for sign-up `{signup}`, which is not in the \
             database: was it restored from a backup? Find the customer at Stripe."
        ),
        Priority::Urgent,
    )
}

fn give_back(key: String, username: &Username, what: &str) -> Incident {
    let body = format!("{what}\n\nGive the money back in Stripe's dashboard.");
    Incident::new(key, format!("{username}: money to give back"), body, Priority::High)
}
