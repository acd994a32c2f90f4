//! Many customers, chance, and months that pass within a second: whatever happens in whatever
//! order, the books here and at Stripe agree in the end.
//!
//! A run is its seed. One that fails prints it: `ARCA_SEEDS=<seed>` has that one alone again,
//! `ARCA_SEEDS=1-500` as many as there is time for. Ours are chance, the clock and Stripe; ids
//! and the order of two tasks at once are not, so that a rare failure may need some runs.

use std::time::Duration;

use control::billing::{reconcile, subscription_list};
use control::model::task::{Kind, Outcome};
use control::model::workspace::Workspace;
use control::store::{LeaseError, TaskFilter};
use control::workspaces;
use fakes::stripe::account::RetriesUsedUp;
use fakes::stripe::subscription::Status;

use crate::billing::market::Market;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What `make test` has time for.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

/// Things that happen in a run.
const EVENTS: u32 = 60;

#[tokio::test]
async fn the_books_agree_in_the_end_whatever_happens_before() {
    let seeds = match std::env::var("ARCA_SEEDS") {
        Ok(text) => match text.split_once('-') {
            Some((first, last)) => first.parse().unwrap()..=last.parse().unwrap(),
            None => text.parse().unwrap()..=text.parse().unwrap(),
        },
        Err(_) => SEEDS,
    };
    for seed in seeds {
        let mut run = Run::start(seed).await;
        for _ in 0..EVENTS {
            run.happens().await;
        }
        run.comes_to_rest().await;
        let faults = run.faults().await;
        assert!(faults.is_empty(), "ARCA_SEEDS={seed}: {faults:#?}\n{:#?}", run.story);
    }
}

struct Run {
    market: Market,
    chance: u64,
    /// Pages at Stripe that may be paid.
    pages: Vec<String>,
    people: u32,
    story: Vec<String>,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let market = Market::open(&[]).await;
        let chance = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self { market, chance, pages: Vec::new(), people: 0, story: Vec::new() }
    }

    /// Below `bound`; xorshift.
    fn draw(&mut self, bound: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % bound
    }

    /// A subscription that lives, if there is one.
    fn draw_subscription(&mut self) -> Option<String> {
        let living = self.market.act(|account, _| {
            let living = account.subscriptions.values().filter(|it| !it.status.is_terminal());
            let mut living: Vec<_> = living.map(|it| (it.created, it.id.clone())).collect();
            living.sort();
            living
        });
        let count = u64::try_from(living.len()).unwrap();
        let index = usize::try_from(self.draw(count.max(1))).unwrap();
        living.get(index).map(|(_, id)| id.clone())
    }

    async fn happens(&mut self) {
        let what = match self.draw(20) {
            0..3 => self.signs_up().await,
            3..7 => self.pays(),
            7..10 => self.tells().await,
            10 => {
                self.market.lose();
                "events are lost"
            }
            11 => self.cancels(),
            12 => self.card_changes(),
            13 => self.money_goes_back(),
            14..16 => self.time_passes(),
            16..18 => self.works().await,
            18 => self.reconciles().await,
            _ => {
                self.market.shop.world.restart().await;
                "control is started anew"
            }
        };
        self.story.push(what.to_owned());
    }

    async fn signs_up(&mut self) -> &'static str {
        self.people += 1;
        let email = format!("person-{}@example.com", self.people);
        let signup = self.market.shop.sign_up(&email).await;
        self.pages.extend(signup.checkout.map(|checkout| checkout.id.to_string()));
        "somebody signs up"
    }

    fn pays(&mut self) -> &'static str {
        if self.pages.is_empty() {
            return "nobody pays";
        }
        let index = usize::try_from(self.draw(self.pages.len() as u64)).unwrap();
        let page = self.pages.swap_remove(index);
        let by_bank = self.draw(4) == 0;
        let succeeds = self.draw(4) != 0;
        let method = if by_bank {
            fakes::stripe::session::Method::Bank
        } else {
            fakes::stripe::session::Method::Card
        };
        let paid = self.market.act(|account, now| {
            account.pay_session(&page, method, !by_bank || succeeds, None, now).is_ok()
        });
        if paid { "somebody pays" } else { "a page is too old" }
    }

    async fn tells(&mut self) -> &'static str {
        match self.draw(3) {
            0 => self.market.tell(1).await,
            1 => self.market.tell(2).await,
            _ => self.market.tell_backwards(2).await,
        }
        "events come"
    }

    fn cancels(&mut self) -> &'static str {
        let Some(id) = self.draw_subscription() else { return "nobody cancels" };
        let how = self.draw(3);
        self.market.act(|account, now| {
            account.change_subscription(&id, now, |subscription| match how {
                0 => subscription.end("cancellation_requested", now),
                1 => subscription.cancel_at_period_end(now),
                _ => subscription.resume(),
            });
        });
        "somebody cancels, or takes it back"
    }

    fn card_changes(&mut self) -> &'static str {
        let pays = self.draw(2) == 0;
        let then = match self.draw(3) {
            0 => RetriesUsedUp::Cancel,
            1 => RetriesUsedUp::Unpaid,
            _ => RetriesUsedUp::PastDue,
        };
        let Some(id) = self.draw_subscription() else { return "no card changes" };
        self.market.act(|account, _| {
            account.settings.retries_used_up = then;
            let customer = account.subscriptions[&id].customer.clone();
            account.customers.get_mut(&customer).unwrap().pays = pays;
        });
        "a card changes"
    }

    fn money_goes_back(&mut self) -> &'static str {
        let Some(id) = self.draw_subscription() else { return "no money goes back" };
        let is_dispute = self.draw(2) == 0;
        self.market.act(|account, now| {
            let Some(charge) = account.charges_of(&id).last().map(|it| it.id.clone()) else {
                return;
            };
            if is_dispute {
                account.dispute(&charge, "fraudulent", false, now);
            } else {
                let _nothing_left = account.refund(&charge, None, None, now).is_err();
            }
        });
        "money goes back"
    }

    fn time_passes(&mut self) -> &'static str {
        let (unit, what) = match self.draw(3) {
            0 => (HOUR / 6, "minutes pass"),
            1 => (HOUR, "hours pass"),
            _ => (DAY, "days pass"),
        };
        let times = u32::try_from(self.draw(9) + 1).unwrap();
        self.market.pass(unit * times);
        what
    }

    async fn reconciles(&mut self) -> &'static str {
        let billing = self.market.shop.world.app().billing.clone().unwrap();
        reconcile::round(&billing).await.unwrap();
        subscription_list::compare_when_due(&billing).await.unwrap();
        "reconcilers look"
    }

    /// What the jobs of machines do, without machines; one in five is killed before its end.
    async fn works(&mut self) -> &'static str {
        for kind in [Kind::Provision, Kind::Recycle] {
            loop {
                let is_killed = self.draw(5) == 0;
                if !self.work_at(kind, is_killed).await {
                    break;
                }
            }
        }
        "machines are worked at"
    }

    async fn work_at(&self, kind: Kind, is_killed: bool) -> bool {
        let (shop, now) = (&self.market.shop, self.market.shop.world.now());
        let until = now.after(Duration::from_secs(60));
        let Some(claimed) = shop.store.claim(kind, now, until).await.unwrap() else { return false };
        let username = claimed.task.username.unwrap();
        let (lease, renderer) = (&claimed.lease, &shop.world.app().renderer);
        let followed = match kind {
            Kind::Provision => {
                workspaces::workspace_is_live(&shop.store, &username, lease, now).await
            }
            _ => {
                let end = (30 * DAY, renderer);
                workspaces::workspace_is_ended(&shop.store, &username, end, lease, now).await
            }
        };
        match followed {
            Ok(_) if is_killed => {}
            Ok(_) => shop.store.settle(lease, &Outcome::Done, now).await.unwrap(),
            Err(LeaseError::Lost) => {}
            Err(error) => panic!("{error}"),
        }
        true
    }

    /// No more happens but what control does by itself, for long enough.
    async fn comes_to_rest(&mut self) {
        for _ in 0..4 {
            // Longer than a lease and an answer of Stripe's are good; all of it, than a bank takes.
            self.market.pass(2 * DAY);
            self.market.tell(1).await;
            self.market.shop.settled().await;
            self.reconciles().await;
            for kind in [Kind::Provision, Kind::Recycle] {
                while self.work_at(kind, false).await {}
            }
        }
    }

    async fn workspaces(&self) -> Vec<Workspace> {
        let mut all = Vec::new();
        let subscriptions =
            self.market.act(|account, _| account.subscriptions.keys().cloned().collect::<Vec<_>>());
        for id in subscriptions {
            let id = vendors::stripe::id::SubscriptionId::parse(id).unwrap();
            all.extend(self.market.shop.store.workspace_of_subscription(&id).await.unwrap());
        }
        all
    }

    /// What is not as it must be.
    async fn faults(&self) -> Vec<String> {
        let (mut faults, shop) = (Vec::new(), &self.market.shop);
        let workspaces = self.workspaces().await;
        let subscriptions = self.market.act(|account, _| account.subscriptions.clone());
        for (id, subscription) in &subscriptions {
            let own = workspaces.iter().find(|it| it.subscription.as_str() == id);
            let state = own.map_or("nobody's", |workspace| workspace.state.as_str());
            let fits = match subscription.status {
                Status::Active => state == "live",
                Status::PastDue => matches!(state, "live" | "suspended"),
                Status::Unpaid => state == "suspended",
                Status::Canceled if subscription.cancellation.reason == Some("payment_failed") => {
                    matches!(state, "suspended" | "ended" | "nobody's")
                }
                Status::Canceled => matches!(state, "ended" | "nobody's"),
                Status::Incomplete | Status::IncompleteExpired => state == "nobody's",
            };
            if !fits {
                faults.push(format!(
                    "{id} is {}, and its workspace {state}",
                    subscription.status.name()
                ));
            }
        }
        for workspace in &workspaces {
            let username = &workspace.username;
            let customer = shop.store.customer(username).await.unwrap();
            if customer.is_some() == workspace.state.is_over() {
                faults.push(format!(
                    "{username} is {:?}, its customer {customer:?}",
                    workspace.state
                ));
            }
        }
        for task in shop.store.tasks(&TaskFilter::default(), None, 1_000).await.unwrap() {
            let is_ours = matches!(task.kind, Kind::Provision | Kind::Recycle | Kind::Stripe);
            if is_ours && !matches!(task.state.as_str(), "done" | "cancelled") {
                faults.push(format!(
                    "task {} is {}: {:?}",
                    task.id,
                    task.state.as_str(),
                    task.last_error
                ));
            }
        }
        let list = shop.store.subscription_list().await.unwrap();
        if list.strangers + list.lacking > 0 || list.error.is_some() {
            faults.push(format!("the list: {list:?}"));
        }
        faults
    }
}
