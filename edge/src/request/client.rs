//! What one connection remembers of its client from request to request.

use std::sync::Arc;

use shared::Route;
use shared::identity::IdentityKey;

use super::session::LastToken;
use crate::client_stream::Arrival;
use crate::keys::Keys;

pub(crate) struct ClientState {
    pub(super) arrival: Arrival,
    pub(super) keys: Arc<Keys>,
    pub(super) token: LastToken,
    identity: Option<(Arc<Route>, IdentityKey)>,
}

impl ClientState {
    pub(super) fn new(arrival: Arrival, keys: Arc<Keys>) -> Self {
        Self { arrival, keys, token: LastToken::default(), identity: None }
    }

    /// Forgets what an older ring has vouched for.
    pub(super) fn use_keys(&mut self, keys: Arc<Keys>) {
        if !Arc::ptr_eq(&self.keys, &keys) {
            *self = Self::new(self.arrival, keys);
        }
    }

    /// The key of `route`'s assignment. Deriving one costs as much as a
    /// signature, so the last is kept; a changed route is another `Arc`.
    pub(super) fn identity_key(&mut self, route: &Arc<Route>) -> &IdentityKey {
        if !self.identity.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, route)) {
            let key = IdentityKey::current(&self.keys.ring, &route.sprite, route.assignment);
            self.identity = Some((Arc::clone(route), key));
        }
        &self.identity.as_ref().expect("set above").1
    }
}
