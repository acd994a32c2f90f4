//! Many customers, chance, and months that pass within a second: whatever happens in whatever
//! order, the books here and at Stripe agree in the end, and so do the machines here and at the
//! provider.
//!
//! A run is its seed. One that fails prints it: `ARCA_SEEDS=<seed>` has that one alone again,
//! `ARCA_SEEDS=1-500` as many as there is time for. Ours are chance, the clock, Stripe, Resend
//! and the provider; ids and the order of two tasks at once are not, so that a rare failure may
//! need some runs.

mod chance;
mod exports;
mod letters;
mod machines;
mod provider;
mod verdict;
mod year;

use std::time::Duration;

use control::billing::{reconcile, subscription_list};
use control::model::task::Kind;
use fakes::stripe::account::RetriesUsedUp;

use chance::Chance;
use exports::Exports;
use letters::Letters;
use machines::Machines;

use crate::billing::market::Market;
use crate::common::wait_until;

/// Letters are tried again within them, before what takes longer.
const LETTER_MINUTES: u32 = 100;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What `make test` has time for.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;

/// Things that happen in a run.
const EVENTS: u32 = 60;

/// One step in so many kills control.
const FATAL: u64 = 8;

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
    machines: Machines,
    letters: Letters,
    exports: Exports,
    chance: Chance,
    /// Pages at Stripe that may be paid.
    pages: Vec<String>,
    people: u32,
    story: Vec<String>,
}

impl Run {
    async fn start(seed: u64) -> Self {
        let letters = Letters::start().await;
        let market = Market::open_with(&[], &letters.section()).await;
        Self {
            market,
            machines: Machines::new(),
            letters,
            exports: Exports::default(),
            chance: Chance::of(seed),
            pages: Vec::new(),
            people: 0,
            story: Vec::new(),
        }
    }

    fn draw(&mut self, bound: u64) -> u64 {
        self.chance.draw(bound)
    }

    /// A subscription that lives, if there is one.
    fn draw_subscription(&mut self) -> Option<String> {
        let living = self.market.act(|account, _| {
            let living = account.subscriptions.values().filter(|it| !it.status.is_terminal());
            let mut living: Vec<_> = living.map(|it| (it.created, it.id.clone())).collect();
            living.sort();
            living
        });
        self.chance.pick(&living).map(|(_, id)| id.clone())
    }

    fn passes(&self, time: Duration) {
        self.market.pass(time);
        self.letters.pass(time);
        self.market.shop.world.app().queue.wake();
    }

    async fn happens(&mut self) {
        let what = match self.draw(26) {
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
            14..16 => self.time_passes().await,
            16..18 => self.works().await,
            18 => self.reconciles().await,
            19 => {
                self.letters.fail(&mut self.chance).await;
                "nobody takes letters for a while"
            }
            20 => self.pauses(),
            21 => {
                self.machines.provider.is_away = !self.machines.provider.is_away;
                if self.machines.provider.is_away { "the provider goes" } else { "it is back" }
            }
            22 => {
                self.machines.provider.lose_one(&mut self.chance);
                "a machine is gone"
            }
            23 => self.keeps().await,
            24 => self.exports().await,
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

    fn pauses(&mut self) -> &'static str {
        let Some(id) = self.draw_subscription() else { return "nobody pauses" };
        self.market.act(|account, now| {
            account.change_subscription(&id, now, |it| it.is_paused = !it.is_paused);
        });
        "collecting is paused, or goes on"
    }

    async fn time_passes(&mut self) -> &'static str {
        self.letters_leave(LETTER_MINUTES).await;
        let (unit, what) = match self.draw(3) {
            0 => (HOUR / 6, "minutes pass"),
            1 => (HOUR, "hours pass"),
            _ => (DAY, "days pass"),
        };
        let times = u32::try_from(self.draw(9) + 1).unwrap();
        self.passes(unit * times);
        what
    }

    async fn keeps(&mut self) -> &'static str {
        self.machines.keep(&self.market.shop, &mut self.chance).await;
        "the keeper looks"
    }

    async fn reconciles(&mut self) -> &'static str {
        let billing = self.market.shop.world.app().billing.clone().unwrap();
        reconcile::round(&billing).await.unwrap();
        subscription_list::compare_when_due(&billing).await.unwrap();
        "reconcilers look"
    }

    async fn works(&mut self) -> &'static str {
        self.keeps().await;
        self.machines.work(&self.market.shop, &mut self.chance, FATAL).await;
        "machines are worked at"
    }

    /// No more happens but what control does by itself, for long enough.
    async fn comes_to_rest(&mut self) {
        self.machines.provider.is_away = false;
        self.letters.works_again().await;
        for _ in 0..4 {
            // Longer than a lease and an answer of Stripe's are good; all of it, than a bank takes.
            self.passes(2 * DAY);
            self.market.tell(1).await;
            self.market.shop.settled().await;
            self.reconciles().await;
            // The provider still answers some calls only: what does not work is tried again.
            for _ in 0..8 {
                self.keeps().await;
                self.machines.work(&self.market.shop, &mut self.chance, 0).await;
                self.passes(HOUR / 20);
            }
        }
        self.letters_leave(u32::MAX).await;
    }

    /// Lets minutes pass until no letter waits, so many at most.
    async fn letters_leave(&self, minutes: u32) {
        let left = std::cell::Cell::new(minutes);
        let is_over = async || {
            let open = self.market.shop.open_tasks(Kind::Mail).await;
            if open > 0 {
                self.passes(MINUTE);
            }
            left.set(left.get() - 1);
            open == 0 || left.get() == 0
        };
        wait_until("no letter waits", true, is_over).await;
    }
}
