//! Stripe's list of subscriptions beside the workspaces: what differs is found, and nothing
//! is destroyed because of a list.

use std::time::Duration;

use control::billing::{ENDS_AN_HOUR, subscription_list};
use control::model::promise::Standing;
use fakes::stripe::session::Method;
use fakes::stripe::subscription::Subscription;
use vendors::stripe::id::SubscriptionId;

use super::market::Market;
use crate::common::wait_until;

const HOUR: Duration = Duration::from_secs(60 * 60);

impl Market {
    /// The hourly round.
    async fn compare(&self) {
        let app = self.shop.world.app();
        subscription_list::compare(app.billing.as_ref().unwrap()).await.unwrap();
    }

    async fn life(&self, username: &str) -> &'static str {
        self.shop.life(username).await
    }

    /// How the promise stands, and what it says.
    async fn promise(&self) -> (Standing, String) {
        let text = self.shop.world.cli_ended("status --json").await.1;
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        let promises = status["promises"].as_array().unwrap();
        let promise = promises.iter().find(|promise| promise["name"] == "subscriptions").unwrap();
        let standing = serde_json::from_value(promise["standing"].clone()).unwrap();
        (standing, promise["says"].as_str().unwrap().to_owned())
    }

    /// Another subscription like the first one, as somebody makes it in the dashboard.
    fn make(&self, id: &str, change: impl FnOnce(&mut Subscription)) -> SubscriptionId {
        self.act(|account, _| {
            let mut made = account.subscriptions.values().next().unwrap().clone();
            made.id = id.to_owned();
            change(&mut made);
            account.subscriptions.insert(id.to_owned(), made);
        });
        SubscriptionId::parse(id).unwrap()
    }

    async fn tickets(&self, beginning: &str) -> usize {
        let (_, answer) = self.shop.world.api(reqwest::Method::GET, "/api/tickets", None).await;
        let tickets = answer["items"].as_array().unwrap();
        let key = |ticket: &&serde_json::Value| {
            ticket["incident"].as_str().unwrap().starts_with(beginning)
        };
        tickets.iter().filter(key).count()
    }
}

#[tokio::test]
async fn a_payment_of_which_no_event_came_is_served_after_the_next_comparison() {
    let market = Market::open(&[]).await;
    let signup = market.shop.sign_up("ada@example.com").await;
    market.pay(signup.checkout.unwrap().id.as_str());
    market.compare().await;
    assert_eq!(market.life("ada").await, "", "its event is still on the way");
    market.pass(HOUR);
    for _ in 0..2 {
        market.compare().await;
        assert_eq!(market.life("ada").await, "preparing");
    }
    assert_eq!(market.tickets("stranger/").await, 0);
    market.compare().await;
    let told = "as of 0s ago: all 1 of Stripe's list are served";
    assert_eq!(market.promise().await, (Standing::Kept, told.to_owned()));
}

#[tokio::test]
async fn a_subscription_that_nobody_is_served_for_is_told_once_and_left_alone() {
    let market = Market::open(&[]).await;
    market.live("ada@example.com").await;
    market.make("sub_by_hand", |made| made.metadata.clear());
    market.make("sub_elsewhere", |made| {
        made.metadata.clear();
        made.price.id = "price_of_a_book".to_owned();
    });
    market.pass(HOUR);
    for _ in 0..2 {
        market.compare().await;
    }
    assert_eq!(market.tickets("stranger/").await, 1);
    assert!(market.shop.is_reported("stranger/sub_by_hand").await);
    let status = market.act(|account, _| account.subscriptions["sub_by_hand"].status.name());
    assert_eq!((status, market.life("ada").await), ("active", "live"));
    assert_eq!(market.promise().await.0, Standing::Broken);
}

#[tokio::test]
async fn an_end_of_which_no_event_came_is_followed_by_the_next_comparison() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    market.act(|account, now| {
        account.change_subscription(ada.subscription.as_str(), now, |subscription| {
            subscription.end("cancellation_requested", now);
        });
    });
    market.compare().await;
    assert_eq!(market.life("ada").await, "ending");
}

#[tokio::test]
async fn what_is_charged_for_a_workspace_that_has_ended_is_charged_no_more() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let id = ada.subscription.as_str();
    let known = format!(
        "UPDATE workspaces SET state = 'ended', subscription_status = 'canceled' \
         WHERE subscription = '{id}'"
    );
    market.shop.world.database.run(known).await;
    for _ in 0..2 {
        market.compare().await;
        assert_eq!(market.status(&ada), "canceled");
    }
}

#[tokio::test]
async fn an_empty_list_ends_nothing() {
    let market = Market::open(&[]).await;
    market.live("ada@example.com").await;
    let hidden = market.act(|account, _| std::mem::take(&mut account.subscriptions));
    for _ in 0..2 {
        market.compare().await;
    }
    assert_eq!(market.life("ada").await, "live");
    let (standing, says) = market.promise().await;
    assert_eq!(standing, Standing::Broken, "{says}");
    market.act(|account, _| account.subscriptions = hidden);
    market.compare().await;
    assert_eq!(market.promise().await.0, Standing::Kept);
}

#[tokio::test]
async fn more_ends_at_once_than_ever_happen_are_told_and_wait() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let billing = market.shop.world.app().billing.clone().unwrap();
    for _ in 0..ENDS_AN_HOUR {
        assert!(billing.ends.take(market.shop.world.now()));
    }
    market.act(|account, now| {
        account.change_subscription(ada.subscription.as_str(), now, |subscription| {
            subscription.end("cancellation_requested", now);
        });
    });
    for _ in 0..2 {
        market.compare().await;
    }
    assert_eq!((market.life("ada").await, market.tickets("ends/").await), ("live", 1));
    market.pass(HOUR);
    market.compare().await;
    assert_eq!(market.life("ada").await, "ending");
}

#[tokio::test]
async fn many_that_differ_are_one_ticket() {
    let market = Market::open(&[]).await;
    market.live("ada@example.com").await;
    for number in 0..30 {
        market.make(&format!("sub_{number}"), |made| made.metadata.clear());
    }
    market.pass(HOUR);
    for _ in 0..2 {
        market.compare().await;
    }
    assert_eq!((market.tickets("subscriptions/").await, market.tickets("stranger/").await), (1, 0));
}

#[tokio::test]
async fn a_list_of_many_pages_is_read_to_its_end() {
    let market = Market::open(&[]).await;
    market.live("ada@example.com").await;
    for number in 0..250 {
        market.make(&format!("sub_{number}"), |made| {
            made.metadata.clear();
            made.price.id = "price_of_a_book".to_owned();
            made.created += number;
        });
    }
    market.compare().await;
    assert_eq!(market.promise().await.0, Standing::Kept);
}

#[tokio::test]
async fn a_stripe_that_is_away_is_said_and_asked_again() {
    let market = Market::open(&[]).await;
    market.live("ada@example.com").await;
    let billing = market.shop.world.app().billing.clone().unwrap();
    let list = async || market.shop.store.subscription_list().await.unwrap();
    wait_until("the first one is done", true, async || list().await.whole.is_some()).await;
    let now = market.shop.world.now();
    market.shop.store.note_list_unread("503", now.after(HOUR / 12)).await.unwrap();
    assert!(!market.shop.store.claim_subscription_list(HOUR, now).await.unwrap());
    market.pass(HOUR / 12);
    subscription_list::compare_when_due(&billing).await.unwrap();
    let compared = list().await;
    assert_eq!((compared.error, compared.served), (None, 1));
    market.pass(HOUR / 2);
    subscription_list::compare_when_due(&billing).await.unwrap();
    assert_eq!(list().await.whole, compared.whole, "each hour once");
    // A clock that was ahead by days puts it off by an hour at most.
    assert!(market.shop.store.claim_subscription_list(HOUR, now.after(99 * HOUR)).await.unwrap());
    assert!(market.shop.store.claim_subscription_list(HOUR, now).await.unwrap());
}

#[tokio::test]
async fn a_bank_that_has_not_paid_yet_is_waited_for_and_told_to_nobody() {
    let market = Market::open(&[]).await;
    let signup = market.shop.sign_up("ada@example.com").await;
    let page = signup.checkout.unwrap().id;
    market
        .act(|account, now| account.pay_session(page.as_str(), Method::Bank, true, None, now))
        .unwrap();
    market.tell(1).await;
    market.pass(HOUR);
    market.compare().await;
    assert_eq!((market.life("ada").await, market.tickets("stranger/").await), ("", 0));
    assert_eq!(market.promise().await.0, Standing::Kept);
    market.pass(5 * 24 * HOUR);
    market.compare().await;
    assert_eq!(market.life("ada").await, "preparing");
}
