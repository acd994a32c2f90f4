//! The header by which an edge tells a sprite's agent who is asking.
//!
//! `1.<key id>.<username>.<session id>.<request id>.<issued>.<mac>`, signed with
//! a key that only this assignment of this sprite has. The VM's owner can read
//! that key out of the VM; it is worth nothing at any other.

use crate::keyring::{KeyId, KeyRing};
use crate::mac::MacKey;
use crate::{RequestId, Route, SessionId, SpriteId, Username, hex};

pub const IDENTITY_HEADER: &str = "x-arca-identity";

/// How long a signed identity is good for, and how far the VM's clock may be off, in seconds.
pub const VALID_SECONDS: u64 = 60;

/// Where Telegram brings what is written to a customer's bot, on the workspace's own host.
pub const TELEGRAM_PATH: &str = "/hooks/telegram";

/// The header by which Telegram shows the secret that it was given with the address.
pub const TELEGRAM_SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

/// One update: a text of 4,096 characters with all its entities and a reply is a tenth of it,
/// and files are fetched by the assistant itself.
pub const TELEGRAM_BODY_MAX_BYTES: usize = 1 << 20;

const DOMAIN: &[u8] = b"arcamatrix identity 1\0";
const TELEGRAM_DOMAIN: &[u8] = b"arcamatrix telegram 1\0";
const HEADER_MAX_BYTES: usize = 256;

/// Who is asking. `issued` is in unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub username: Username,
    pub session: SessionId,
    pub request: RequestId,
    pub issued: u64,
}

impl Identity {
    /// What the agent of `route`'s machine is told; `now` is in unix seconds.
    pub fn of(route: &Route, session: SessionId, request: RequestId, now: u64) -> Self {
        Self { username: route.username, session, request, issued: now }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    #[error("the identity is malformed")]
    Malformed,
    #[error("the identity names a key that this assignment does not have")]
    UnknownKey,
    #[error("the identity's signature is wrong")]
    Forged,
    #[error("the identity belongs to another workspace")]
    ForeignWorkspace,
    #[error("the identity is not of this minute")]
    Stale,
}

/// Signs and verifies for one assignment of one sprite.
#[derive(Clone)]
pub struct IdentityKey {
    id: KeyId,
    mac: MacKey,
}

impl IdentityKey {
    /// The edge's side: the present key of `sprite`'s assignment number `assignment`.
    pub fn current(ring: &KeyRing, sprite: &SpriteId, assignment: u64) -> Self {
        let id = ring.current();
        let key = derive(ring, id, sprite, assignment);
        Self { id: id.clone(), mac: MacKey::new(&key) }
    }

    /// The agent's side: a key as configured, 64 hexadecimal digits.
    pub fn from_hex(id: KeyId, key: &str) -> Option<Self> {
        Some(Self { id, mac: MacKey::new(&hex::decode(key)?) })
    }

    /// What Telegram is to show with each call: agent and edge know it without telling each
    /// other. `<key id>_<mac>`, of the characters that Telegram takes.
    pub fn telegram_secret(&self) -> String {
        let mut secret = self.id.to_string();
        self.mac.seal(TELEGRAM_DOMAIN, &mut secret);
        secret.replace('.', "_")
    }

    pub fn sign(&self, identity: &Identity) -> String {
        let Identity { username, session, request, issued } = identity;
        let mut header = Vec::with_capacity(HEADER_MAX_BYTES);
        // Not by `write!`: this is written for every request.
        let (session, request, mut digits) = (session.digits(), request.digits(), [0; 20]);
        let (key, issued) = (self.id.as_str().as_bytes(), decimal(*issued, &mut digits));
        for part in [&b"1"[..], key, username.as_bytes(), &session, &request, issued] {
            if !header.is_empty() {
                header.push(b'.');
            }
            header.extend_from_slice(part);
        }
        let mut header = String::from_utf8(header).expect("letters and digits");
        self.mac.seal(DOMAIN, &mut header);
        header
    }
}

fn decimal(number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let (mut rest, mut at) = (number, digits.len());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &digits[at..];
        }
    }
}

/// What control writes into an agent's configuration: a key for each key of the ring.
pub fn agent_keys(ring: &KeyRing, sprite: &SpriteId, assignment: u64) -> Vec<(KeyId, String)> {
    ring.ids().map(|id| (id.clone(), hex::encode(&derive(ring, id, sprite, assignment)))).collect()
}

/// The edge's side of [`IdentityKey::telegram_secret`]: was `secret` made with any key of the
/// ring for this assignment?
pub fn is_telegram_secret(
    ring: &KeyRing,
    sprite: &SpriteId,
    assignment: u64,
    secret: &str,
) -> bool {
    let Some((id, mac)) = secret.split_once('_') else { return false };
    ring.ids().find(|known| known.as_str() == id).is_some_and(|id| {
        let key = MacKey::new(&derive(ring, id, sprite, assignment));
        key.is_valid(TELEGRAM_DOMAIN, id.as_str(), mac)
    })
}

fn derive(ring: &KeyRing, id: &KeyId, sprite: &SpriteId, assignment: u64) -> [u8; 32] {
    ring.derive(id.as_str(), "identity", &[sprite.as_str(), &assignment.to_string()])
        .expect("the id was taken from this ring")
}

/// Checks the header for the workspace `username`; `now` is in unix seconds.
///
/// # Errors
/// The first reason found; the signature comes before anything the header claims.
pub fn verify(
    keys: &[IdentityKey],
    header: &str,
    username: &Username,
    now: u64,
) -> Result<Identity, IdentityError> {
    use IdentityError::{ForeignWorkspace, Forged, Malformed, Stale, UnknownKey};
    if header.len() > HEADER_MAX_BYTES {
        return Err(Malformed);
    }
    let (signed, mac) = header.rsplit_once('.').ok_or(Malformed)?;
    let mut fields = signed.split('.');
    let mut field = || fields.next().ok_or(Malformed);
    if field()? != "1" {
        return Err(Malformed);
    }
    let id = field()?;
    let key = keys.iter().find(|key| key.id.as_str() == id).ok_or(UnknownKey)?;
    if !key.mac.is_valid(DOMAIN, signed, mac) {
        return Err(Forged);
    }
    let identity = Identity {
        username: Username::parse(field()?).map_err(|_| Malformed)?,
        session: SessionId::parse(field()?).ok_or(Malformed)?,
        request: RequestId::parse(field()?).ok_or(Malformed)?,
        issued: field()?.parse().map_err(|_| Malformed)?,
    };
    if fields.next().is_some() {
        return Err(Malformed);
    }
    if identity.username != *username {
        return Err(ForeignWorkspace);
    }
    if identity.issued.abs_diff(now) > VALID_SECONDS {
        return Err(Stale);
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::tests::ring;

    fn identity() -> Identity {
        Identity {
            username: Username::parse("ada").unwrap(),
            session: SessionId::random(),
            request: RequestId::random(),
            issued: 1_000,
        }
    }

    fn keys_of(sprite: &str, assignment: u64) -> Vec<IdentityKey> {
        agent_keys(&ring("k1"), &SpriteId::parse(sprite).unwrap(), assignment)
            .into_iter()
            .map(|(id, key)| IdentityKey::from_hex(id, &key).unwrap())
            .collect()
    }

    #[test]
    fn only_the_assignment_it_was_signed_for_accepts_it() {
        let sprite = SpriteId::parse("arca-1").unwrap();
        let identity = identity();
        let header = IdentityKey::current(&ring("k2"), &sprite, 7).sign(&identity);
        let check = |keys: &[IdentityKey], name: &str, now| {
            verify(keys, &header, &Username::parse(name).unwrap(), now)
        };
        assert_eq!(check(&keys_of("arca-1", 7), "ada", 1_060), Ok(identity));
        assert_eq!(check(&keys_of("arca-1", 7), "ada", 1_061), Err(IdentityError::Stale));
        assert_eq!(check(&keys_of("arca-1", 7), "ada", 939), Err(IdentityError::Stale));
        assert_eq!(
            check(&keys_of("arca-1", 7), "bob", 1_000),
            Err(IdentityError::ForeignWorkspace)
        );
        assert_eq!(check(&keys_of("arca-1", 8), "ada", 1_000), Err(IdentityError::Forged));
        assert_eq!(check(&keys_of("arca-2", 7), "ada", 1_000), Err(IdentityError::Forged));
        assert_eq!(check(&[], "ada", 1_000), Err(IdentityError::UnknownKey));
    }

    #[test]
    fn telegrams_secret_opens_one_assignment_and_is_no_identity() {
        let sprite = SpriteId::parse("arca-1").unwrap();
        let secret = IdentityKey::current(&ring("k2"), &sprite, 7).telegram_secret();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        assert!(secret.len() <= 256 && secret.bytes().all(is_plain), "{secret}");
        let opens = |secret: &str, sprite: &str, assignment| {
            let sprite = SpriteId::parse(sprite).unwrap();
            is_telegram_secret(&ring("k1"), &sprite, assignment, secret)
        };
        assert!(opens(&secret, "arca-1", 7), "by an older key as well");
        assert!(!opens(&secret, "arca-1", 8) && !opens(&secret, "arca-2", 7));
        assert!(
            !opens("", "arca-1", 7) && !opens("k1_", "arca-1", 7) && !opens("k9_x", "arca-1", 7)
        );
        let name = Username::parse("ada").unwrap();
        for header in [secret.clone(), format!("1.{}", secret.replacen('_', ".", 1))] {
            assert!(verify(&keys_of("arca-1", 7), &header, &name, 1_000).is_err());
        }
    }

    #[test]
    fn a_session_token_is_no_identity() {
        let session = crate::Session {
            username: Username::parse("ada").unwrap(),
            id: SessionId::random(),
            issued: 1_000,
            expires: 9_000,
            epoch: 0,
        };
        let token = crate::SessionKeys::new(&ring("k1")).sign(&session);
        let name = Username::parse("ada").unwrap();
        assert!(verify(&keys_of("arca-1", 1), &token, &name, 1_000).is_err());
    }
}
