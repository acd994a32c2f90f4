//! A shop that sells through the stand-in for Stripe that the demo has: with invoices,
//! charges, months that pass, and events of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use control::model::workspace::Workspace;
use fakes::stripe::account::Account;
use fakes::stripe::session::Method;
use fakes::stripe::webhook::Manner;
use fakes::stripe::{Options, Stripe};
use reqwest::StatusCode;
use tokio::net::TcpListener;

use super::shop::Shop;
use super::stripe::PRICE;
use crate::common::edge::TestEdge;

/// The time of [`crate::common::World`] at its start.
const START: u64 = 1_800_000_000;

pub(crate) struct Market {
    pub(crate) shop: Shop,
    pub(crate) stripe: Arc<Stripe>,
    /// Events that were delivered.
    told: AtomicUsize,
}

impl Market {
    pub(crate) async fn open(edges: &[&TestEdge]) -> Self {
        Self::open_with(edges, "").await
    }

    /// `more` stands at the end of the configuration.
    pub(crate) async fn open_with(edges: &[&TestEdge], more: &str) -> Self {
        let stripe = Stripe::new(Options {
            key: "sk_test_0123456789".to_owned(),
            public_url: "http://stripe.test".to_owned(),
            prices: vec![PRICE.to_owned()],
            manner: Manner::default(),
        });
        stripe.advance(START - stripe.now());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = fakes::stripe::router(&stripe);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let unused = super::stripe::Stripe::start().await;
        let shop = Shop::open_at(unused, address, edges, more).await;
        Self { shop, stripe, told: AtomicUsize::new(0) }
    }

    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut Account, u64) -> T) -> T {
        self.stripe.act(action).0
    }

    /// Somebody who has paid by card, and whose workspace is live.
    pub(crate) async fn live(&self, email: &str) -> Workspace {
        let workspace = self.paid(email).await;
        self.shop.goes_live(workspace.username.as_str()).await;
        workspace
    }

    /// Somebody who has paid by card, and whose workspace is being prepared.
    pub(crate) async fn paid(&self, email: &str) -> Workspace {
        let signup = self.shop.sign_up(email).await;
        let checkout = signup.checkout.unwrap().id;
        self.pay(checkout.as_str());
        self.tell(1).await;
        self.shop.workspace(signup.username.as_str()).await.unwrap()
    }

    pub(crate) fn pay(&self, checkout: &str) {
        self.act(|account, now| account.pay_session(checkout, Method::Card, true, None, now))
            .unwrap();
    }

    /// What happened since the last time is never told: its events are lost.
    pub(crate) fn lose(&self) {
        let events = self.act(|account, _| account.events().count());
        self.told.store(events, Ordering::SeqCst);
    }

    /// Delivers what happened since the last time, `copies` times each.
    pub(crate) async fn tell(&self, copies: usize) {
        self.deliver(copies, false).await;
    }

    /// As [`Self::tell`], and each comes while the ones before it are looked at.
    pub(crate) async fn tell_at_once(&self) {
        for event in self.news() {
            assert_eq!(self.shop.deliver(&event).await, StatusCode::OK, "{event}");
        }
        self.shop.settled().await;
    }

    /// As [`Self::tell`], the latest first.
    pub(crate) async fn tell_backwards(&self, copies: usize) {
        self.deliver(copies, true).await;
    }

    async fn deliver(&self, copies: usize, backwards: bool) {
        let mut news = self.news();
        if backwards {
            news.reverse();
        }
        for event in news {
            for _ in 0..copies {
                assert_eq!(self.shop.deliver(&event).await, StatusCode::OK, "{event}");
            }
            // One after the other, as the test says.
            self.shop.settled().await;
        }
    }

    /// Events that were not told yet, and count as told from now on.
    fn news(&self) -> Vec<String> {
        let told = self.told.load(Ordering::SeqCst);
        let news = self.act(|account, _| {
            let news = account.events().skip(told);
            news.map(|event| event.snapshot(false, 0).to_string()).collect::<Vec<_>>()
        });
        self.told.store(told + news.len(), Ordering::SeqCst);
        news
    }

    /// The latest charge of a subscription.
    pub(crate) fn charge(&self, workspace: &Workspace) -> String {
        let subscription = workspace.subscription.as_str();
        self.act(|account, _| account.charges_of(subscription).last().unwrap().id.clone())
    }

    /// As Stripe has the subscription.
    pub(crate) fn status(&self, workspace: &Workspace) -> &'static str {
        let subscription = workspace.subscription.as_str();
        self.act(|account, _| account.subscriptions[subscription].status.name())
    }

    /// Time passes here and at Stripe, whose clock goes on by itself meanwhile: it is put right
    /// each time, or Stripe would refuse pages for ending too soon once a run has lasted.
    pub(crate) fn pass(&self, time: Duration) {
        self.shop.world.turn_clock(time);
        self.stripe.advance(self.shop.world.now_seconds().saturating_sub(self.stripe.now()));
        self.act(|_, _| ());
    }
}
