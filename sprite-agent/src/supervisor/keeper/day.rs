//! A day of a workspace by the rules of its keeper, second by second: how long its machine is
//! awake, and what for.

use std::time::Instant;

use super::*;
use crate::awake_status::AwakeTimes;

/// The provider pauses a machine after so many seconds without traffic or a task.
const PAUSE: u64 = 30;

/// Control asks an agent whose machine runs so often, and wakes a machine so long before.
const CONTROL: u64 = 120;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const CHAT: u64 = 9 * HOUR;
const NOON: u64 = 12 * HOUR;

/// A turn of the model.
const TURN: u64 = 20;

/// What is going on; everything by the second of the day.
struct Day {
    is_awake: bool,
    quiet: u64,
    held: Option<Why>,
    looked: u64,
    asked: u64,
    told: Option<u64>,
    known_to_control: Option<u64>,
    untold: Option<(Option<u64>, u64)>,
    reminded: Option<u64>,
    times: AwakeTimes,
}

impl Day {
    /// A customer writes each minute for ten minutes, and asks to be reminded at noon.
    fn is_working(&self, now: u64) -> bool {
        let chats = (CHAT..CHAT + 10 * 60).contains(&now) && (now - CHAT) % 60 < TURN;
        let reminds = self.reminded.is_some_and(|at| (at..at + TURN).contains(&now));
        chats || reminds
    }

    fn next_due(&self, now: u64) -> Option<u64> {
        (now >= CHAT + 5 * 60 && self.reminded.is_none()).then_some(NOON)
    }

    /// The keeper's own rules.
    fn look(&mut self, now: u64) {
        let next_due = self.next_due(now);
        let waited = match self.untold {
            _ if next_due == self.told => {
                self.untold = None;
                0
            }
            Some((due, since)) if due == next_due => now - since,
            _ => {
                self.untold = Some((next_due, now));
                0
            }
        };
        let known = Known { held: None, next_due, is_known: true, told: self.told };
        self.held = why(self.is_working(now), known, Duration::from_secs(waited), now);
        self.looked = now;
    }

    fn second(&mut self, now: u64, start: Instant) {
        let woken = self.known_to_control.is_some_and(|due| due == now + CONTROL);
        let has_traffic = woken || (CHAT..CHAT + 10 * 60).contains(&now) && self.is_working(now);
        if !self.is_awake && !has_traffic {
            return;
        }
        let has_woken = !std::mem::replace(&mut self.is_awake, true);
        if self.next_due(now).is_some_and(|due| due <= now) {
            self.reminded = Some(now);
        }
        if woken || now - self.asked >= CONTROL {
            (self.asked, self.told) = (now, self.next_due(now));
            self.known_to_control = self.told;
        }
        let every = if self.held.is_some() { LOOK_HELD } else { LOOK_IDLE };
        // An event tells of a turn that begins.
        let has_begun = self.is_working(now) && self.held.is_none();
        if has_woken || has_begun || now - self.looked >= every.as_secs() {
            self.look(now);
        }
        // Its tab is open from its first message until midnight.
        let present = match self.held {
            Some(why) => AwakeFor::Held(why),
            None if now >= CHAT => AwakeFor::Page,
            None => AwakeFor::Nothing,
        };
        self.times.note(present, start + Duration::from_secs(now));
        self.quiet = if has_traffic || self.held.is_some() { 0 } else { self.quiet + 1 };
        self.is_awake = self.quiet < PAUSE;
    }
}

#[test]
fn a_day_with_a_chat_a_reminder_and_a_tab_left_open_costs_minutes() {
    let start = Instant::now();
    let mut day = Day {
        is_awake: false,
        quiet: 0,
        held: None,
        looked: 0,
        asked: 0,
        told: None,
        known_to_control: None,
        untold: None,
        reminded: None,
        times: AwakeTimes::default(),
    };
    for now in 0..DAY {
        day.second(now, start);
    }
    let mut all = 0.0;
    for reason in AwakeFor::ALL {
        let minutes = day.times.of(reason).as_secs_f64() / 60.0;
        eprintln!("{:10}{minutes:6.1} minutes", reason.label());
        all += minutes;
    }
    eprintln!("in all    {all:6.1} minutes");
    assert_eq!(day.reminded, Some(NOON));
    assert!((10.0..20.0).contains(&all), "{all}");
}
