//! What a checkout session at Stripe means for the sign-up it was made for. Pure.

use super::offer::Offer;
use crate::model::sign_up::{SignUp, SignUpState};
use vendors::stripe::CheckoutSession;
use vendors::stripe::checkout::CheckoutStatus;
use vendors::stripe::id::{CustomerId, SubscriptionId};
use vendors::stripe::subscription::SubscriptionStatus;

/// What has to be done about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentDecision {
    /// It is as it was, or says nothing new.
    Nothing,
    /// The money has come: make the workspace.
    Open { payer: CustomerId, subscription: SubscriptionId },
    /// The money has come, but what it was for has ended since.
    TooLate { subscription: SubscriptionId },
    /// A bank debit is on its way.
    Wait,
    /// A bank debit came to nothing: Stripe must not go on trying.
    GiveUp { subscription: SubscriptionId },
    /// Nobody paid in time.
    Expire,
    /// Somebody paid twice: end the second one, and give the money back.
    Surplus { subscription: SubscriptionId },
    /// It was paid for something that we do not sell, or by a page that we did not make.
    Foreign(String),
    /// Nothing that Stripe says of itself; an operator has to look.
    Odd(&'static str),
}

/// The same session gives the same decision, however often and late it is seen.
///
/// `session` comes with its subscription as an object.
pub fn decide(offer: &Offer, signup: &SignUp, session: &CheckoutSession) -> PaymentDecision {
    match session.status {
        Some(CheckoutStatus::Complete) => complete(offer, signup, session),
        Some(CheckoutStatus::Expired) if is_current(signup, session) => match signup.state {
            SignUpState::Open => PaymentDecision::Expire,
            _ => PaymentDecision::Nothing,
        },
        Some(CheckoutStatus::Unknown(_)) => PaymentDecision::Odd("its status is a new word"),
        Some(CheckoutStatus::Open | CheckoutStatus::Expired) | None => PaymentDecision::Nothing,
    }
}

fn complete(offer: &Offer, signup: &SignUp, session: &CheckoutSession) -> PaymentDecision {
    if let Some(fault) = offer.fault_of_session(signup, session) {
        return PaymentDecision::Foreign(fault);
    }
    let Some(reference) = &session.subscription else {
        return PaymentDecision::Odd("it is complete without a subscription");
    };
    let Some(payer) = &session.customer else {
        return PaymentDecision::Odd("it is complete without a customer");
    };
    let fault = reference.object().and_then(|object| offer.fault_of_subscription(object));
    if let Some(fault) = fault {
        return PaymentDecision::Foreign(format!(
            "of its subscription {}: {fault}",
            reference.id()
        ));
    }
    let subscription = reference.id().clone();
    let status = reference.object().map(|subscription| &subscription.status);
    let is_over = matches!(
        status,
        Some(SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired)
    );
    if let Some(first) = &signup.subscription {
        let is_news = *first != subscription && !is_over;
        return if is_news {
            PaymentDecision::Surplus { subscription }
        } else {
            PaymentDecision::Nothing
        };
    }
    if session.is_settled() {
        return if is_over {
            PaymentDecision::TooLate { subscription }
        } else {
            PaymentDecision::Open { payer: payer.id().clone(), subscription }
        };
    }
    // A session says "unpaid" before the bank has answered and after it refused.
    // What Stripe does with the subscription tells which.
    let is_refused =
        is_over || matches!(status, Some(SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid));
    match signup.state {
        SignUpState::Failed => PaymentDecision::Nothing,
        _ if is_refused => PaymentDecision::GiveUp { subscription },
        SignUpState::Unpaid => PaymentDecision::Nothing,
        _ => PaymentDecision::Wait,
    }
}

/// An earlier session of a sign-up expires because a later one took its place.
fn is_current(signup: &SignUp, session: &CheckoutSession) -> bool {
    signup.checkout.as_ref().is_none_or(|checkout| checkout.id == session.id)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::clock::Moment;
    use crate::base::language::Language;
    use crate::base::token::Token;
    use crate::model::sign_up::{Checkout, SignUpId};
    use crate::model::skills::Skills;
    use vendors::stripe::id::PriceId;

    const SUBSCRIPTION: &str = "sub_1SWsampB7WZ01zgkW0000001";

    fn offer() -> Offer {
        Offer {
            price: PriceId::parse("price_1SWsamp7B7WZ01zgkW000001").unwrap(),
            former_prices: Vec::new(),
            currency: "usd",
            is_live: false,
        }
    }

    fn signup(state: SignUpState, paid_for: Option<&str>) -> SignUp {
        SignUp {
            id: SignUpId::random(),
            email: "ada@example.com".to_owned(),
            username: "ada".parse().unwrap(),
            skills: Skills::default(),
            language: Language::English,
            browser: Token::random().hash(),
            state,
            attempts: 1,
            checkout: Some(Checkout {
                id: session("open", "unpaid", "active").id,
                url: String::new(),
                expires: Moment::from_seconds(1),
            }),
            subscription: paid_for.map(|id| SubscriptionId::parse(id).unwrap()),
            created: Moment::from_seconds(1),
            changed: Moment::from_seconds(1),
        }
    }

    fn session(status: &str, payment: &str, subscription: &str) -> CheckoutSession {
        let text = include_str!("../../tests/stripe-samples/api_checkout_session_complete.json");
        let mut body: Value = serde_json::from_str(text).unwrap();
        let text = include_str!("../../tests/stripe-samples/api_subscription_active.json");
        let mut object: Value = serde_json::from_str(text).unwrap();
        object["status"] = json!(subscription);
        body["status"] = json!(status);
        body["payment_status"] = json!(payment);
        body["subscription"] = if status == "complete" { object } else { Value::Null };
        serde_json::from_value(body).unwrap()
    }

    fn id() -> SubscriptionId {
        SubscriptionId::parse(SUBSCRIPTION).unwrap()
    }

    #[test]
    fn money_opens_a_workspace_from_every_state_and_once() {
        use SignUpState::{Expired, Failed, Open, Paid, Unpaid};
        let paid = session("complete", "paid", "active");
        for state in [Open, Unpaid, Expired, Failed] {
            let decision = decide(&offer(), &signup(state, None), &paid);
            assert!(matches!(decision, PaymentDecision::Open { .. }), "{state:?}: {decision:?}");
        }
        let free = session("complete", "no_payment_required", "trialing");
        assert!(matches!(
            decide(&offer(), &signup(Open, None), &free),
            PaymentDecision::Open { .. }
        ));
        assert_eq!(
            decide(&offer(), &signup(Paid, Some(SUBSCRIPTION)), &paid),
            PaymentDecision::Nothing
        );
    }

    #[test]
    fn a_payment_for_something_else_opens_nothing() {
        use SignUpState::{Open, Paid};
        let check = |state, change: &dyn Fn(&mut CheckoutSession)| {
            let mut session = session("complete", "paid", "active");
            change(&mut session);
            let first = (state == Paid).then_some("sub_first");
            let decision = decide(&offer(), &signup(state, first), &session);
            assert!(matches!(decision, PaymentDecision::Foreign(_)), "{decision:?}");
        };
        let other_page = |session: &mut CheckoutSession| {
            session.id = vendors::stripe::id::CheckoutSessionId::parse("cs_link").unwrap();
            session.metadata.clear();
        };
        let other_mode = |session: &mut CheckoutSession| session.livemode = true;
        let once = |session: &mut CheckoutSession| {
            session.mode = vendors::stripe::checkout::CheckoutMode::Payment;
        };
        for state in [Open, Paid] {
            check(state, &other_page);
            check(state, &other_mode);
            check(state, &once);
        }
        let dear = Offer { price: PriceId::parse("price_other").unwrap(), ..offer() };
        let paid = session("complete", "paid", "active");
        let decision = decide(&dear, &signup(Open, None), &paid);
        assert!(matches!(decision, PaymentDecision::Foreign(_)), "{decision:?}");
    }

    #[test]
    fn a_second_payment_is_surplus_until_it_has_ended() {
        let other = signup(SignUpState::Paid, Some("sub_first"));
        let check = |payment, status, expected| {
            assert_eq!(decide(&offer(), &other, &session("complete", payment, status)), expected);
        };
        check("paid", "active", PaymentDecision::Surplus { subscription: id() });
        check("unpaid", "incomplete", PaymentDecision::Surplus { subscription: id() });
        check("paid", "canceled", PaymentDecision::Nothing);
    }

    #[test]
    fn a_bank_debit_is_waited_for_and_given_up_when_it_fails() {
        use SignUpState::{Failed, Open, Unpaid};
        let check = |state, subscription, expected| {
            let session = session("complete", "unpaid", subscription);
            assert_eq!(decide(&offer(), &signup(state, None), &session), expected, "{state:?}");
        };
        check(Open, "active", PaymentDecision::Wait);
        check(Open, "incomplete", PaymentDecision::Wait);
        check(Unpaid, "active", PaymentDecision::Nothing);
        for status in ["past_due", "unpaid", "incomplete_expired", "canceled"] {
            check(Unpaid, status, PaymentDecision::GiveUp { subscription: id() });
            check(Open, status, PaymentDecision::GiveUp { subscription: id() });
            check(Failed, status, PaymentDecision::Nothing);
        }
    }

    #[test]
    fn what_ended_before_it_was_opened_is_not_opened() {
        let session = session("complete", "paid", "canceled");
        let decision = decide(&offer(), &signup(SignUpState::Open, None), &session);
        assert_eq!(decision, PaymentDecision::TooLate { subscription: id() });
    }

    #[test]
    fn only_the_latest_session_ends_a_sign_up_by_expiring() {
        let expired = session("expired", "unpaid", "active");
        let mut ours = signup(SignUpState::Open, None);
        assert_eq!(decide(&offer(), &ours, &expired), PaymentDecision::Expire);
        ours.checkout.as_mut().unwrap().id =
            vendors::stripe::id::CheckoutSessionId::parse("cs_later").unwrap();
        assert_eq!(decide(&offer(), &ours, &expired), PaymentDecision::Nothing);
        assert_eq!(
            decide(&offer(), &signup(SignUpState::Expired, None), &expired),
            PaymentDecision::Nothing
        );
    }

    #[test]
    fn what_stripe_never_says_is_left_to_an_operator() {
        let mut odd = session("complete", "paid", "active");
        odd.subscription = None;
        assert!(matches!(
            decide(&offer(), &signup(SignUpState::Open, None), &odd),
            PaymentDecision::Odd(_)
        ));
        let new_word = session("dormant", "paid", "active");
        assert!(matches!(
            decide(&offer(), &signup(SignUpState::Open, None), &new_word),
            PaymentDecision::Odd(_)
        ));
    }
}
