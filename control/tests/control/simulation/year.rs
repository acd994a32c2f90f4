//! One long run: `make test-simulation CUSTOMERS=200 MONTHS=12`.

use std::time::Instant;

use super::{DAY, FATAL, LETTER_MINUTES, Run};

const DAYS_A_MONTH: u32 = 30;

fn number(name: &str, usual: u32) -> u32 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A short one where nothing else is asked for.
#[tokio::test]
#[expect(clippy::print_stdout, reason = "the books are what somebody runs it for")]
async fn months_of_customers_balance_to_the_cent_and_to_the_machine() {
    let (customers, months) = (number("ARCA_CUSTOMERS", 6), number("ARCA_MONTHS", 2));
    let seed = u64::from(number("ARCA_YEAR_SEED", 1));
    let (days, began) = (months * DAYS_A_MONTH, Instant::now());
    let mut run = Run::start(seed).await;
    for day in 0..days {
        while run.people < customers && run.people * days <= customers * day {
            run.signs_up().await;
            run.pays();
        }
        run.day().await;
    }
    run.comes_to_rest().await;
    let (faults, books) = (run.faults().await, run.books().await);
    println!(
        "{customers} customers, {months} months, seed {seed}, {:.0?}: {books}\n{} things \
         happened, {} are wrong",
        began.elapsed(),
        run.story.len(),
        faults.len()
    );
    assert!(faults.is_empty(), "ARCA_YEAR_SEED={seed}: {faults:#?}\n{:#?}", run.story);
}

impl Run {
    /// Of a day nearly everybody has nothing to tell.
    async fn day(&mut self) {
        let what = match self.draw(12) {
            0 => self.cancels(),
            1..3 => self.card_changes(),
            3 => self.money_goes_back(),
            4 => self.pauses(),
            5 => {
                self.letters.fail(&mut self.chance).await;
                "nobody takes letters for a while"
            }
            6 => {
                self.machines.provider.lose_one(&mut self.chance);
                "a machine is gone"
            }
            7 => {
                self.market.lose();
                "events are lost"
            }
            8..10 => self.exports().await,
            _ => "a quiet day",
        };
        self.story.push(what.to_owned());
        // One day in twenty it stays away.
        self.machines.provider.is_away = self.draw(20) == 0;
        self.market.tell_at_once().await;
        self.letters_leave(LETTER_MINUTES).await;
        for _ in 0..2 {
            self.keeps().await;
            self.machines.work(&self.market.shop, &mut self.chance, FATAL).await;
            self.passes(DAY / 2);
        }
        self.reconciles().await;
    }
}
