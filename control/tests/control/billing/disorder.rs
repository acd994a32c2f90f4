//! Every event that Stripe may send, in any order and doubled, comes to the same end:
//! how things stand at Stripe decides, and not what was said last.

use control::model::task::Kind;
use serde_json::{Value, json};

use super::shop::Shop;

const SESSION: &str = "cs_test_a1SampleSampleSampleSampleSampleSampleSampleSampleSa";
const SUBSCRIPTION: &str = "sub_1SWsampB7WZ01zgkW0000001";

/// How often each end is come to, each time in another order.
const ORDERS: usize = 5;

macro_rules! samples {
    ($($name:literal),+ $(,)?) => {
        [$(include_str!(concat!("../../stripe-samples/", $name, ".json"))),+]
    };
}

const EVENTS: [&str; 15] = samples![
    "01_checkout_session_completed",
    "02_checkout_session_completed_unpaid_async",
    "03_checkout_session_async_payment_succeeded",
    "04_checkout_session_async_payment_failed",
    "05_checkout_session_expired",
    "06_subscription_created_incomplete",
    "07_subscription_updated_active",
    "08_subscription_updated_portal_cancel_flexible",
    "09_subscription_updated_api_cancel_at_period_end",
    "10_subscription_updated_past_due",
    "11_subscription_deleted",
    "12_subscription_deleted_payment_failed",
    "13_invoice_payment_failed",
    "14_invoice_paid",
    "15_thin_checkout_session_completed",
];

/// How things stand at Stripe, and what they come to here.
struct End {
    payment: &'static str,
    status: &'static str,
    changes: &'static [(&'static str, u64)],
    signup: &'static str,
    life: &'static str,
    /// Tasks that prepare it, and that take it down.
    tasks: (usize, usize),
}

const ENDS: [End; 5] = [
    End {
        payment: "paid",
        status: "active",
        changes: &[],
        signup: "paid",
        life: "preparing",
        tasks: (1, 0),
    },
    End {
        payment: "paid",
        status: "past_due",
        changes: &[],
        signup: "paid",
        life: "preparing",
        tasks: (1, 0),
    },
    End {
        payment: "paid",
        status: "active",
        changes: &[("cancel_at", 1_802_592_000)],
        signup: "paid",
        life: "preparing",
        tasks: (1, 0),
    },
    End {
        payment: "unpaid",
        status: "active",
        changes: &[],
        signup: "unpaid",
        life: "",
        tasks: (0, 0),
    },
    End {
        payment: "unpaid",
        status: "past_due",
        changes: &[],
        signup: "failed",
        life: "",
        tasks: (0, 0),
    },
];

/// Steps of a small generator: the same orders each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[tokio::test]
async fn every_order_of_events_comes_to_the_same_end() {
    let shop = Shop::open().await;
    let mut dice = Dice(7);
    for (index, end) in ENDS.iter().enumerate() {
        for order in 0..ORDERS {
            come_to(&shop, end, &format!("{index}x{order}"), &mut dice).await;
        }
    }
}

async fn come_to(shop: &Shop, end: &End, mark: &str, dice: &mut Dice) {
    let before = (shop.tasks(Kind::Provision).await.len(), shop.tasks(Kind::Recycle).await.len());
    let signup = shop.sign_up(&format!("ada{mark}@example.com")).await;
    let session = signup.checkout.as_ref().unwrap().id.to_string();
    let subscription = format!("sub_{mark}");
    {
        let mut books = shop.stripe.books();
        books.pay(&session, end.payment, &subscription, end.status);
        for (field, value) in end.changes {
            books.subscription(&subscription)[*field] = json!(value);
        }
    }
    // Each twice as the same event, and once as another event of the same change.
    let mut bodies: Vec<String> = Vec::new();
    for sample in EVENTS {
        let body = sample.replace(SESSION, &session).replace(SUBSCRIPTION, &subscription);
        let body: Value = serde_json::from_str(&body).unwrap();
        let id = body["id"].as_str().unwrap().to_owned();
        for twin in ["a", "a", "b"] {
            let mut body = body.clone();
            body["id"] = json!(format!("{id}{mark}{twin}"));
            bodies.push(body.to_string());
        }
    }
    dice.shuffle(&mut bodies);
    for body in &bodies {
        assert_eq!(shop.deliver(body).await, 200, "{body}");
    }
    shop.settled().await;
    let after = (shop.tasks(Kind::Provision).await.len(), shop.tasks(Kind::Recycle).await.len());
    let made = (after.0 - before.0, after.1 - before.1);
    let signup = shop.signup(&signup.id).await;
    let life = shop.life(signup.username.as_str()).await;
    assert_eq!((signup.state.as_str(), life, made), (end.signup, end.life, end.tasks), "{mark}");
    assert!(shop.tasks(Kind::Stripe).await.iter().all(|state| state == "done"), "{mark}");
}
