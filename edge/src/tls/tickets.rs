//! Seals and opens session tickets with keys out of the key ring.

use std::sync::Arc;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustls::server::ProducesTickets;
use shared::process::time::unix_seconds;
use shared::ticket_keys::{self, PERIOD_SECONDS, TicketKey};

use crate::keys::KeyFile;

/// Length of the name of a key, with which each ticket begins.
const NAME_BYTES: usize = 16;

/// A ticket is the name of its key, a random nonce, and the sealed state.
pub(super) struct Tickets(pub(super) Arc<KeyFile>);

impl std::fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Tickets")
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(PERIOD_SECONDS).expect("half a day")
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        seal(&ticket_keys::issuing(&self.0.present().ring, unix_seconds()), plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let keys = self.0.present();
        let name = ticket.get(..NAME_BYTES)?;
        // The name is no secret: it stands in every ticket.
        let key = ticket_keys::accepted(&keys.ring, unix_seconds()).find(|key| key.name == name)?;
        open(&key, ticket)
    }
}

fn seal(key: &TicketKey, plain: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    getrandom::fill(&mut nonce).ok()?;
    let mut ticket =
        Vec::with_capacity(NAME_BYTES + NONCE_LEN + plain.len() + CHACHA20_POLY1305.tag_len());
    ticket.extend_from_slice(&key.name);
    ticket.extend_from_slice(&nonce);
    let mut sealed = plain.to_vec();
    let aad = Aad::from(key.name);
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
        .ok()?;
    ticket.extend_from_slice(&sealed);
    Some(ticket)
}

fn open(key: &TicketKey, ticket: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = ticket.get(NAME_BYTES..)?.split_first_chunk::<NONCE_LEN>()?;
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = cipher(key)?.open_in_place(nonce, Aad::from(key.name), &mut sealed).ok()?.len();
    sealed.truncate(length);
    Some(sealed)
}

fn cipher(key: &TicketKey) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, &key.key).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_opened_by_its_own_key_and_only_unchanged() {
        let key = TicketKey { name: [1; 16], key: [2; 32] };
        let mut ticket = seal(&key, b"state").unwrap();
        assert_eq!(open(&key, &ticket).unwrap(), b"state");
        assert_eq!(open(&TicketKey { name: key.name, key: [3; 32] }, &ticket), None);
        *ticket.last_mut().unwrap() ^= 1;
        assert_eq!(open(&key, &ticket), None);
        assert_eq!(open(&key, &ticket[..20]), None);
    }
}
