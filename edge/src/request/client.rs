//! What one connection remembers of its client from request to request.

use std::net::IpAddr;
use std::sync::Arc;

use shared::Route;
use shared::identity::IdentityKey;

use super::session::LastToken;
use crate::client_stream::{Arrival, ClientStream};
use crate::head::Head;
use crate::keys::Keys;
use crate::proxies::TrustedProxy;
use crate::waking::Sprite;

pub(crate) struct ClientState {
    /// Of the present request.
    pub(super) arrival: Arrival,
    /// Whose connection it is: the client's own, or that of `proxy`.
    peer: IpAddr,
    proxy: Option<Arc<TrustedProxy>>,
    pub(super) keys: Arc<Keys>,
    pub(super) token: LastToken,
    assignment: Option<Assignment>,
}

/// What was made of the route of the last request. A changed route is another `Arc`.
struct Assignment {
    route: Arc<Route>,
    key: IdentityKey,
    group: u64,
    sprite: Arc<Sprite>,
}

impl ClientState {
    pub(super) fn new(stream: &ClientStream, keys: Arc<Keys>) -> Self {
        let arrival = stream.arrival();
        Self {
            peer: arrival.address,
            arrival,
            proxy: stream.proxy().cloned(),
            keys,
            token: LastToken::default(),
            assignment: None,
        }
    }

    /// What follows comes on a stream of its own.
    pub(super) fn begins_stream(&mut self, head_bytes: usize) {
        self.arrival.traffic = Arc::default();
        self.arrival.traffic.count_read(head_bytes);
    }

    /// Finds out whose request `head` is.
    pub(super) fn comes_with(&mut self, head: &Head<'_>) {
        if let Some(proxy) = &self.proxy {
            self.arrival.address = proxy.client(head, self.peer);
        }
    }

    /// Forgets what an older ring has vouched for.
    pub(super) fn use_keys(&mut self, keys: Arc<Keys>) {
        if !Arc::ptr_eq(&self.keys, &keys) {
            self.keys = keys;
            self.token = LastToken::default();
            self.assignment = None;
        }
    }

    /// The key of `route`'s assignment, and what `make` says of it: the group of its
    /// connections, and its sprite. To derive a key costs as much as a signature, and to find
    /// a sprite a lock, so the last are kept.
    pub(super) fn of_assignment(
        &mut self,
        route: &Arc<Route>,
        make: impl FnOnce(&Route) -> (u64, Arc<Sprite>),
    ) -> (&IdentityKey, u64, Arc<Sprite>) {
        if !self.assignment.as_ref().is_some_and(|known| Arc::ptr_eq(&known.route, route)) {
            let key = IdentityKey::current(&self.keys.ring, &route.sprite, route.assignment);
            let (route, (group, sprite)) = (Arc::clone(route), make(route));
            self.assignment = Some(Assignment { route, key, group, sprite });
        }
        let Assignment { key, group, sprite, .. } = self.assignment.as_ref().expect("set above");
        (key, *group, Arc::clone(sprite))
    }
}
