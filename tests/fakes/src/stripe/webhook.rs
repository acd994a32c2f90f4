//! Where events are sent, and in which manner.

use std::time::Duration;

use crate::ids;
use serde::{Deserialize, Serialize};

/// How events reach their destinations. Tests change it while it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manner {
    pub destinations: Vec<Destination>,
    /// How often each event is sent: 2 makes every one a duplicate.
    pub copies: u8,
    /// Each event is followed by a second one for the same change, under
    /// another id, as happens at Stripe at times.
    pub twins: bool,
    pub order: Order,
    /// Events wait until they are released.
    pub hold: bool,
    /// Wait before the first attempt.
    pub delay_ms: u64,
    /// Says that it is real money, whatever the key.
    pub livemode: bool,
    /// Pauses before the second, third, … attempt.
    pub retries_ms: Vec<u64>,
    /// How long an answer may take.
    pub timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    pub url: String,
    /// All of them sign: two while a secret is being rolled.
    pub secrets: Vec<String>,
    #[serde(default)]
    pub payload: Payload,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    #[default]
    Snapshot,
    Thin,
}

/// The order of events that come from one cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    #[default]
    AsHappened,
    Reversed,
    Shuffled,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            destinations: Vec::new(),
            copies: 1,
            twins: false,
            order: Order::AsHappened,
            hold: false,
            delay_ms: 0,
            livemode: false,
            // Stripe tries for three days; a test has no time for that.
            retries_ms: vec![250, 500, 1_000, 2_000, 4_000, 8_000],
            timeout_ms: 10_000,
        }
    }
}

/// The manner asked for is out of bounds.
#[derive(Debug, thiserror::Error)]
pub enum BadManner {
    #[error("copies is {0}; it must be 1 to 10")]
    Copies(u8),
    #[error("{0} retries; at most 100 are made")]
    Retries(usize),
    #[error("destination {0} has no secret to sign with")]
    NoSecret(String),
    #[error("destination {0} is not an http address")]
    NotAnAddress(String),
}

impl Manner {
    /// # Errors
    /// The first thing that is out of bounds.
    pub fn check(&self) -> Result<(), BadManner> {
        if !(1..=10).contains(&self.copies) {
            return Err(BadManner::Copies(self.copies));
        }
        if self.retries_ms.len() > 100 {
            return Err(BadManner::Retries(self.retries_ms.len()));
        }
        for destination in &self.destinations {
            if destination.secrets.is_empty() {
                return Err(BadManner::NoSecret(destination.url.clone()));
            }
            let url = url::Url::parse(&destination.url).ok();
            if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
                return Err(BadManner::NotAnAddress(destination.url.clone()));
            }
        }
        Ok(())
    }

    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    pub fn arrange<T>(&self, events: &mut [T]) {
        match self.order {
            Order::AsHappened => {}
            Order::Reversed => events.reverse(),
            Order::Shuffled => shuffle(events),
        }
    }
}

fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let places = u64::try_from(last + 1).expect("lists fit in memory");
        let place = u64::from_le_bytes(ids::random()) % places;
        items.swap(last, usize::try_from(place).expect("smaller than the list"));
    }
}
