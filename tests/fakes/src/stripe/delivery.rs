//! Sends events, tries again, remembers how it went.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::event::Event;
use super::signature;
use super::webhook::{Destination, Manner, Payload};
use crate::clock;
use crate::ids;
use crate::vendor::lock;
use crate::vendor::names::BrowserNames;

/// Deliveries remembered; the oldest go first.
const DELIVERIES_MAX: usize = 5_000;

/// Events held back at once; beyond it the oldest are lost.
const HELD_MAX: usize = 20_000;

/// The event whose acknowledgement a buyer's redirect waits for.
const COMPLETED: &str = "checkout.session.completed";

#[derive(Debug, Default)]
pub struct Sender {
    manner: Mutex<Manner>,
    held: Mutex<VecDeque<Event>>,
    deliveries: Mutex<Deliveries>,
    http: reqwest::Client,
}

/// One event on its way to one destination.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub number: u64,
    pub event: String,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub url: String,
    pub attempts: Vec<Attempt>,
    /// No further attempt will be made.
    pub done: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// Unix seconds.
    pub at: u64,
    /// Until the answer, or until there was none.
    pub took_us: u128,
    pub status: Option<u16>,
    pub error: Option<String>,
}

#[derive(Debug, Default)]
struct Deliveries {
    last: u64,
    entries: VecDeque<Delivery>,
}

/// Comes when the seller has taken note of a completed checkout, or when
/// there is nothing to wait for.
pub type Acknowledged = oneshot::Receiver<()>;

#[derive(Debug, Clone)]
struct Parcel {
    number: u64,
    event: Event,
    destination: Destination,
}

impl Sender {
    pub fn new(manner: Manner) -> Self {
        let http = crate::http::client()
            // A redirect counts as a failure.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(BrowserNames)
            .build()
            .expect("a client without special demands can be built");
        Self { manner: Mutex::new(manner), http, ..Self::default() }
    }

    pub fn manner(&self) -> Manner {
        lock(&self.manner).clone()
    }

    pub fn behave(&self, manner: Manner) {
        *lock(&self.manner) = manner;
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        lock(&self.deliveries).entries.iter().cloned().collect()
    }

    /// Sends the events of one cause, in the background.
    pub fn send(self: &Arc<Self>, events: Vec<Event>) -> Acknowledged {
        if lock(&self.manner).hold {
            let mut held = lock(&self.held);
            held.extend(events);
            while held.len() > HELD_MAX {
                held.pop_front();
            }
            // Dropping the sender ends the wait.
            return oneshot::channel().1;
        }
        self.send_now(events)
    }

    /// Lets the held events go, as if they came from one cause. Returns how
    /// many there were.
    pub fn release(self: &Arc<Self>) -> usize {
        let held: Vec<Event> = lock(&self.held).drain(..).collect();
        let count = held.len();
        self.send_now(held);
        count
    }

    /// Sends once more, whatever became of it before.
    pub fn send_again(self: &Arc<Self>, event: Event) {
        self.send_now(vec![event]);
    }

    fn send_now(self: &Arc<Self>, events: Vec<Event>) -> Acknowledged {
        let (acknowledge, acknowledged) = oneshot::channel();
        if !events.is_empty() {
            let manner = self.manner();
            let parcels = self.pack(&manner, events);
            tokio::spawn(self.clone().deliver(parcels, manner, acknowledge));
        }
        acknowledged
    }

    fn pack(&self, manner: &Manner, events: Vec<Event>) -> Vec<Parcel> {
        let mut parcels = Vec::new();
        for event in events {
            let twin =
                manner.twins.then(|| Event { id: ids::letters("evt_1", 23), ..event.clone() });
            for event in [Some(event), twin].into_iter().flatten() {
                for destination in &manner.destinations {
                    for _ in 0..manner.copies {
                        let number = lock(&self.deliveries).begin(&event, destination);
                        let destination = destination.clone();
                        parcels.push(Parcel { number, event: event.clone(), destination });
                    }
                }
            }
        }
        manner.arrange(&mut parcels);
        parcels
    }

    /// First attempts one after the other; what fails is tried again beside.
    async fn deliver(
        self: Arc<Self>,
        parcels: Vec<Parcel>,
        manner: Manner,
        acknowledge: oneshot::Sender<()>,
    ) {
        let mut acknowledge = Some(acknowledge);
        tokio::time::sleep(manner.delay()).await;
        for parcel in parcels {
            let delivered = self.attempt(&parcel, &manner).await;
            let last = delivered || manner.retries_ms.is_empty();
            if last {
                lock(&self.deliveries).finish(parcel.number);
            }
            if delivered && parcel.event.kind == COMPLETED {
                // Nobody waits for events that come from the clock.
                let _ = acknowledge.take().map(|acknowledge| acknowledge.send(()));
            }
            if !last {
                let waiting =
                    if parcel.event.kind == COMPLETED { acknowledge.take() } else { None };
                tokio::spawn(self.clone().insist(parcel, manner.clone(), waiting));
            }
        }
    }

    async fn insist(
        self: Arc<Self>,
        parcel: Parcel,
        manner: Manner,
        waiting: Option<oneshot::Sender<()>>,
    ) {
        for pause in &manner.retries_ms {
            tokio::time::sleep(Duration::from_millis(*pause)).await;
            if self.attempt(&parcel, &manner).await {
                lock(&self.deliveries).finish(parcel.number);
                let _ = waiting.map(|waiting| waiting.send(()));
                return;
            }
        }
        lock(&self.deliveries).finish(parcel.number);
        let Parcel { event, destination, .. } = &parcel;
        warn!("{} {} given up: {} does not take it", event.kind, event.id, destination.url);
    }

    /// Whether the answer was a 2xx.
    async fn attempt(&self, parcel: &Parcel, manner: &Manner) -> bool {
        let Parcel { number, event, destination } = parcel;
        let body = match destination.payload {
            Payload::Snapshot => event.snapshot(manner.livemode, manner.destinations.len()),
            Payload::Thin => event.thin(manner.livemode),
        };
        // Indented, as Stripe sends it: whoever checks anything but the raw
        // bytes fails here.
        let body = format!("{body:#}");
        // By the real clock: receivers compare it with theirs.
        let at = clock::unix_seconds();
        let began = Instant::now();
        let signature = signature::header(&destination.secrets, at, body.as_bytes());
        let answer = self
            .http
            .post(&destination.url)
            .timeout(manner.timeout())
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", signature)
            .body(body)
            .send()
            .await;
        let took_us = began.elapsed().as_micros();
        let (status, error) = match answer {
            Ok(answer) => (Some(answer.status()), None),
            Err(error) => (None, Some(error.without_url().to_string())),
        };
        let delivered = status.is_some_and(|status| status.is_success());
        info!(delivered, "{} {} to {}: {status:?}", event.kind, event.id, destination.url);
        let status = status.map(|status| status.as_u16());
        lock(&self.deliveries).note(*number, Attempt { at, took_us, status, error });
        delivered
    }
}

impl Deliveries {
    fn begin(&mut self, event: &Event, destination: &Destination) -> u64 {
        self.last += 1;
        if self.entries.len() >= DELIVERIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(Delivery {
            number: self.last,
            event: match destination.payload {
                Payload::Snapshot => event.id.clone(),
                Payload::Thin => event.thin_id(),
            },
            kind: event.kind,
            url: destination.url.clone(),
            attempts: Vec::new(),
            done: false,
        });
        self.last
    }

    fn note(&mut self, number: u64, attempt: Attempt) {
        if let Some(delivery) = self.entry(number) {
            delivery.attempts.push(attempt);
        }
    }

    fn finish(&mut self, number: u64) {
        if let Some(delivery) = self.entry(number) {
            delivery.done = true;
        }
    }

    fn entry(&mut self, number: u64) -> Option<&mut Delivery> {
        self.entries.iter_mut().rev().find(|delivery| delivery.number == number)
    }
}
