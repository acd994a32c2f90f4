//! Brings events to every connected operator.
//!
//! One gateway has one hub. All operator connections get all events of all
//! conversations, as with the real one. A connection that does not read is
//! cut when its share of memory is used up; nobody waits for it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;
use tokio::sync::{Notify, mpsc};

/// Bytes that may wait for one connection: `policy.maxBufferedBytes`.
pub const BUFFERED_MAX_BYTES: usize = 52_428_800;

/// Something to write to one connection, in this order.
#[derive(Clone, Debug)]
pub enum Outgoing {
    Frame(String),
    Event { name: &'static str, payload_json: Arc<str> },
    Close { code: u16, reason: &'static str },
}

impl Outgoing {
    fn bytes(&self) -> usize {
        match self {
            Self::Frame(text) => text.len(),
            Self::Event { payload_json, .. } => payload_json.len(),
            Self::Close { .. } => 0,
        }
    }
}

/// Who is to see an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    /// This connection, if it asked for the capability `tool-events`: whose run it is.
    ToolEvents(u64),
    /// Connections that called `sessions.subscribe`, without this one if it has heard it already.
    Subscribers {
        without: Option<u64>,
    },
    /// Connections that were granted this scope.
    Scope(&'static str),
}

/// The sending end of one connection.
#[derive(Clone, Debug)]
pub struct Outbox {
    queue: mpsc::UnboundedSender<Outgoing>,
    queued_bytes: Arc<AtomicUsize>,
    overflowed: Arc<Notify>,
}

/// The receiving end: what the connection's writer takes from.
#[derive(Debug)]
pub struct Inbox {
    queue: mpsc::UnboundedReceiver<Outgoing>,
    queued_bytes: Arc<AtomicUsize>,
    overflowed: Arc<Notify>,
}

/// A fresh queue of at most [`BUFFERED_MAX_BYTES`].
pub fn queue() -> (Outbox, Inbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let queued_bytes = Arc::new(AtomicUsize::new(0));
    let overflowed = Arc::new(Notify::new());
    let outbox = Outbox {
        queue: sender,
        queued_bytes: Arc::clone(&queued_bytes),
        overflowed: Arc::clone(&overflowed),
    };
    let inbox = Inbox { queue: receiver, queued_bytes, overflowed };
    (outbox, inbox)
}

impl Outbox {
    /// Queues `outgoing`, or cuts the connection if it has stopped reading.
    pub fn push(&self, outgoing: Outgoing) {
        let bytes = outgoing.bytes();
        let queued = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if queued > BUFFERED_MAX_BYTES {
            self.overflowed.notify_one();
            return;
        }
        // The receiver is gone when the connection is: nothing to deliver.
        let _ = self.queue.send(outgoing);
    }
}

impl Inbox {
    /// The next thing to write; `None` when the connection was left.
    pub async fn next(&mut self) -> Option<Outgoing> {
        let outgoing = self.queue.recv().await?;
        self.queued_bytes.fetch_sub(outgoing.bytes(), Ordering::Relaxed);
        Some(outgoing)
    }

    /// Resolves once the queue has overflowed.
    pub fn overflow(&self) -> Arc<Notify> {
        Arc::clone(&self.overflowed)
    }
}

/// All connections that said hello.
#[derive(Debug, Default)]
pub struct Hub {
    next_id: AtomicU64,
    members: Mutex<BTreeMap<u64, Member>>,
}

#[derive(Debug)]
struct Member {
    outbox: Outbox,
    wants_tool_events: bool,
    is_subscribed: bool,
    scopes: Vec<String>,
}

impl Member {
    fn is_in(&self, id: u64, audience: Audience) -> bool {
        match audience {
            Audience::Everyone => true,
            Audience::ToolEvents(owner) => id == owner && self.wants_tool_events,
            Audience::Subscribers { without } => {
                let has_heard = without == Some(id) && self.wants_tool_events;
                self.is_subscribed && !has_heard
            }
            Audience::Scope(scope) => {
                self.scopes.iter().any(|held| held == scope || held == "operator.admin")
            }
        }
    }
}

impl Hub {
    /// Adds a connection until the returned membership is dropped.
    pub fn join(
        self: &Arc<Self>,
        outbox: Outbox,
        wants_tool_events: bool,
        scopes: &[String],
    ) -> Membership {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let scopes = scopes.to_vec();
        let member = Member { outbox, wants_tool_events, is_subscribed: false, scopes };
        self.members().insert(id, member);
        Membership { hub: Arc::clone(self), id }
    }

    /// Queues an event for everyone in `audience`, in the order of the calls.
    pub fn publish(&self, name: &'static str, payload: &Value, audience: Audience) {
        let payload_json: Arc<str> = payload.to_string().into();
        for (id, member) in self.members().iter() {
            if member.is_in(*id, audience) {
                member
                    .outbox
                    .push(Outgoing::Event { name, payload_json: Arc::clone(&payload_json) });
            }
        }
    }

    /// Tells this connection of what happens in every conversation.
    pub fn subscribe(&self, id: u64) {
        if let Some(member) = self.members().get_mut(&id) {
            member.is_subscribed = true;
        }
    }

    /// Queues a close for everyone.
    pub fn close_all(&self, code: u16, reason: &'static str) {
        for member in self.members().values() {
            member.outbox.push(Outgoing::Close { code, reason });
        }
    }

    /// Connections that said hello and are still here.
    pub fn len(&self) -> usize {
        self.members().len()
    }

    /// Whether nobody is connected.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn members(&self) -> MutexGuard<'_, BTreeMap<u64, Member>> {
        self.members.lock().expect("no holder panics")
    }
}

/// A connection's place in the hub.
#[derive(Debug)]
pub struct Membership {
    hub: Arc<Hub>,
    id: u64,
}

impl Membership {
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.members().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn everyone_gets_every_event_in_order_but_tools_only_whose_run_it_is() {
        let hub = Arc::new(Hub::default());
        let (plain_outbox, mut plain) = queue();
        let (tools_outbox, mut tools) = queue();
        let _plain = hub.join(plain_outbox, false, &[]);
        let owner = hub.join(tools_outbox, true, &[]);
        hub.publish("agent", &json!(0), Audience::ToolEvents(owner.id() + 1));
        hub.publish("agent", &json!(1), Audience::ToolEvents(owner.id()));
        hub.publish("chat", &json!(2), Audience::Everyone);
        let payload = |outgoing: Option<Outgoing>| match outgoing {
            Some(Outgoing::Event { payload_json, .. }) => payload_json.to_string(),
            other => panic!("expected an event, got {other:?}"),
        };
        assert_eq!(payload(tools.next().await), "1");
        assert_eq!(payload(tools.next().await), "2");
        assert_eq!(payload(plain.next().await), "2");
    }

    #[tokio::test]
    async fn a_connection_that_does_not_read_is_cut() {
        let (outbox, inbox) = queue();
        let overflow = inbox.overflow();
        let large = "x".repeat(BUFFERED_MAX_BYTES / 2 + 1);
        outbox.push(Outgoing::Frame(large.clone()));
        outbox.push(Outgoing::Frame(large));
        overflow.notified().await;
    }

    #[test]
    fn who_leaves_is_forgotten() {
        let hub = Arc::new(Hub::default());
        let membership = hub.join(queue().0, false, &[]);
        assert_eq!(hub.len(), 1);
        drop(membership);
        assert!(hub.is_empty());
    }
}
