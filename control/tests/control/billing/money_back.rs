//! Money that goes back: refunds, disputes and warnings of fraud, in any order and twice.

use std::time::Duration;

use control::model::task::Kind;
use control::model::workspace::EndReason;

use super::market::Market;
use crate::common::edge::TestEdge;
use crate::common::wait_until;

const DAY: Duration = Duration::from_secs(86_400);

/// Ended, the machine given to be taken down, and nothing is charged any more.
async fn check_ended(market: &Market, username: &str, why: EndReason) {
    let workspace = market.shop.workspace(username).await.unwrap();
    assert_eq!((workspace.state.as_str(), workspace.end_reason), ("ending", Some(why)));
    assert_eq!(market.status(&workspace), "canceled");
    assert_eq!(market.shop.tasks(Kind::Recycle).await, ["waiting"], "once");
    let letters = market.shop.letters().await;
    assert_eq!(letters.iter().filter(|kind| *kind == "ended").count(), 1, "{letters:?}");
    assert!(!letters.iter().any(|kind| kind == "cancelled"), "{letters:?}");
}

#[tokio::test]
async fn a_full_refund_ends_access_at_once_however_often_it_is_told() {
    let edge = TestEdge::start("edge-1").await;
    let market = Market::open(&[&edge]).await;
    let ada = market.live("ada@example.com").await;
    market.shop.world.put_route("ada").await;
    assert_eq!(edge.names(), ["ada"]);
    let charge = market.charge(&ada);
    market.act(|account, now| account.refund(&charge, None, None, now)).unwrap();
    market.tell(2).await;
    check_ended(&market, "ada", EndReason::Refund).await;
    wait_until("no edge leads there", true, async || edge.names().is_empty()).await;
    // The end of the subscription is told as well.
    market.tell_backwards(2).await;
    check_ended(&market, "ada", EndReason::Refund).await;
}

#[tokio::test]
async fn a_refund_in_part_is_noted_and_the_last_part_ends_it() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let charge = market.charge(&ada);
    for amount in [300, 300] {
        market.act(|account, now| account.refund(&charge, Some(amount), None, now)).unwrap();
        market.tell(2).await;
        assert_eq!((market.shop.life("ada").await, market.status(&ada)), ("live", "active"));
    }
    assert!(market.shop.is_reported(&format!("refund/{charge}/300")).await);
    assert!(market.shop.is_reported(&format!("refund/{charge}/600")).await);
    market.act(|account, now| account.refund(&charge, Some(100), None, now)).unwrap();
    market.tell(1).await;
    check_ended(&market, "ada", EndReason::Refund).await;
}

#[tokio::test]
async fn an_earlier_month_that_is_given_back_does_not_end_the_present_one() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let first = market.charge(&ada);
    market.pass(32 * DAY);
    market.tell(1).await;
    assert_ne!(market.charge(&ada), first, "the second month is paid");
    market.act(|account, now| account.refund(&first, None, None, now)).unwrap();
    market.tell(1).await;
    assert_eq!((market.shop.life("ada").await, market.status(&ada)), ("live", "active"));
    assert!(market.shop.is_reported(&format!("refund/{first}/700")).await);
}

#[tokio::test]
async fn a_dispute_ends_access_at_once_and_a_won_one_brings_nothing_back() {
    for backwards in [false, true] {
        let market = Market::open(&[]).await;
        let ada = market.live("ada@example.com").await;
        let charge = market.charge(&ada);
        let dispute =
            market.act(|account, now| account.dispute(&charge, "fraudulent", false, now)).unwrap();
        if backwards {
            market.tell_backwards(2).await;
        } else {
            market.tell(2).await;
        }
        check_ended(&market, "ada", EndReason::Dispute).await;
        assert!(market.shop.is_reported(&format!("dispute/{dispute}")).await);
        market.act(|account, now| account.close_dispute(&dispute, true, now));
        market.tell(2).await;
        check_ended(&market, "ada", EndReason::Dispute).await;
        assert!(market.shop.is_reported(&format!("dispute/{dispute}/won")).await);
    }
}

#[tokio::test]
async fn a_dispute_that_is_lost_before_anybody_looked_ends_it_too() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let charge = market.charge(&ada);
    let dispute =
        market.act(|account, now| account.dispute(&charge, "general", false, now)).unwrap();
    market.act(|account, now| account.close_dispute(&dispute, false, now));
    market.tell_backwards(1).await;
    check_ended(&market, "ada", EndReason::Dispute).await;
    assert!(market.shop.is_reported(&format!("dispute/{dispute}/lost")).await);
}

#[tokio::test]
async fn a_question_of_the_bank_and_a_warning_of_fraud_are_told_and_end_nothing() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let charge = market.charge(&ada);
    let warning = market.act(|account, now| account.warn_of_fraud(&charge, now)).unwrap();
    let inquiry =
        market.act(|account, now| account.dispute(&charge, "general", true, now)).unwrap();
    market.tell(2).await;
    assert!(market.shop.is_reported(&format!("fraud-warning/{warning}")).await);
    assert!(market.shop.is_reported(&format!("inquiry/{inquiry}")).await);
    market.act(|account, now| account.close_dispute(&inquiry, true, now));
    market.tell(1).await;
    assert_eq!((market.shop.life("ada").await, market.status(&ada)), ("live", "active"));
}

#[tokio::test]
async fn what_was_sold_besides_workspaces_is_left_alone() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let payer = ada.payer.as_str();
    let other = market.act(|account, now| account.collect(None, payer, 5_000, "usd", now));
    market.act(|account, now| account.refund(&other, None, None, now)).unwrap();
    market.act(|account, now| account.dispute(&other, "general", false, now)).unwrap();
    market.act(|account, now| account.warn_of_fraud(&other, now)).unwrap();
    market.tell(1).await;
    assert_eq!((market.shop.life("ada").await, market.status(&ada)), ("live", "active"));
    assert_eq!(market.shop.tasks(Kind::Stripe).await.iter().filter(|it| *it == "dead").count(), 0);
}

#[tokio::test]
async fn a_dispute_that_is_told_before_its_payment_opens_no_workspace() {
    let market = Market::open(&[]).await;
    let signup = market.shop.sign_up("ada@example.com").await;
    let checkout = signup.checkout.unwrap().id;
    market.pay(checkout.as_str());
    let subscription =
        market.act(|account, _| account.subscriptions.keys().next().unwrap().clone());
    let charge = market.act(|account, _| account.charges_of(&subscription)[0].id.clone());
    market.act(|account, now| account.dispute(&charge, "fraudulent", false, now)).unwrap();
    market.tell_backwards(2).await;
    assert!(market.shop.workspace("ada").await.is_none());
    assert!(market.shop.is_reported(&format!("late/{subscription}")).await);
    let status = market.act(|account, _| account.subscriptions[&subscription].status.name());
    assert_eq!(status, "canceled");
}

#[tokio::test]
async fn what_is_being_prepared_is_prepared_no_further_when_its_money_goes_back() {
    let market = Market::open(&[]).await;
    let ada = market.paid("ada@example.com").await;
    let charge = market.charge(&ada);
    market.act(|account, now| account.refund(&charge, None, None, now)).unwrap();
    market.tell(1).await;
    assert_eq!(market.shop.tasks(Kind::Provision).await, ["cancelled"]);
    check_ended(&market, "ada", EndReason::Refund).await;
}

#[tokio::test]
async fn who_is_welcome_again_after_a_dispute_gets_the_name_back_and_nobody_else_does() {
    let market = Market::open(&[]).await;
    let ada = market.live("ada@example.com").await;
    let refused = async || market.shop.world.cli_ended("customers reinstate ada --yes").await.2;
    assert!(refused().await.contains("has not ended"), "{}", refused().await);
    let charge = market.charge(&ada);
    market.act(|account, now| account.dispute(&charge, "fraudulent", false, now)).unwrap();
    market.tell(1).await;
    assert!(refused().await.contains("being taken down"), "{}", refused().await);
    let lease = market.shop.claim(Kind::Recycle).await;
    let app = market.shop.world.app();
    let end = (Duration::from_secs(30 * 86_400), &app.renderer);
    let username = super::shop::name("ada");
    let now = market.shop.world.now();
    control::workspaces::workspace_is_ended(&market.shop.store, &username, end, &lease, now)
        .await
        .unwrap();
    assert_eq!(market.shop.sign_up("ada@example.org").await.username.as_str(), "ada-2");
    for _ in 0..2 {
        let said = market.shop.world.cli("customers reinstate ada --yes").await;
        assert!(said.contains("ada may be ordered again at "), "{said}");
    }
    assert_eq!(market.shop.sign_up("ada@example.net").await.username.as_str(), "ada");
}
