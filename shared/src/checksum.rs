//! A sum over a route table that does not depend on the order of its entries.
//!
//! Adding and taking away an entry cost the same whatever the table holds, so
//! both sides keep it current and compare it at every change.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::{Lock, Route, hex};

/// The wrapping sum of 128 bits of SHA-256 of each entry. An empty table is zero.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Checksum(u128);

impl Checksum {
    #[must_use]
    pub fn with_route(self, route: &Route) -> Self {
        Self(self.0.wrapping_add(of_route(route)))
    }

    #[must_use]
    pub fn without_route(self, route: &Route) -> Self {
        Self(self.0.wrapping_sub(of_route(route)))
    }

    #[must_use]
    pub fn with_lock(self, lock: &Lock) -> Self {
        Self(self.0.wrapping_add(of_lock(lock)))
    }

    #[must_use]
    pub fn without_lock(self, lock: &Lock) -> Self {
        Self(self.0.wrapping_sub(of_lock(lock)))
    }

    /// `None` unless `text` is 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        hex::decode(text).map(|bytes| Self(u128::from_be_bytes(bytes)))
    }
}

fn of_route(route: &Route) -> u128 {
    digest("route", |take| route.each_part(take))
}

fn of_lock(lock: &Lock) -> u128 {
    digest("lock", |take| lock.each_part(take))
}

/// No part can hold a newline, so one behind each keeps them apart.
fn digest(kind: &str, each_part: impl FnOnce(&mut dyn FnMut(&str))) -> u128 {
    let mut hash = Sha256::new();
    let mut take = |part: &str| {
        hash.update(part);
        hash.update(b"\n");
    };
    take(kind);
    each_part(&mut take);
    let bytes = hash.finalize();
    u128::from_be_bytes(bytes[..16].try_into().expect("SHA-256 has 32 bytes"))
}

impl fmt::Display for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write_id(self.0.to_be_bytes(), formatter)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Checksum({self})")
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::from_text(deserializer, |text| {
            Self::parse(text).ok_or("a checksum is 32 lower-case hexadecimal digits")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::route;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_of_entries_does_not_matter(
            mut names in prop::collection::btree_set("[a-z]{4,12}", 1..20)
                .prop_map(|set| set.into_iter().collect::<Vec<_>>()),
            rotate in 0usize..20,
        ) {
            let sum = |names: &[String]| names.iter().fold(Checksum::default(), |sum, name| {
                sum.with_route(&route(name))
            });
            let before = sum(&names);
            let middle = rotate % names.len();
            names.rotate_left(middle);
            prop_assert_eq!(sum(&names), before);
            let last = names.pop().unwrap();
            prop_assert_eq!(before.without_route(&route(&last)), sum(&names));
        }
    }

    #[test]
    fn a_sum_is_what_it_was_in_every_release() {
        let lock = Lock { username: "ada".parse().unwrap(), session: None, until: Some(7) };
        let of_a_route = Checksum::default().with_route(&route("ada"));
        assert_eq!(of_a_route.to_string(), "09680c04eedd8de0012b70b242105e19");
        assert_eq!(of_a_route.with_lock(&lock).to_string(), "a5f27d369d767e462a717c885873acff");
    }

    #[test]
    fn every_field_counts() {
        let base = route("ada");
        let sum = |route: &Route| Checksum::default().with_route(route);
        let others = [
            Route { upstream: "https://other.example.test".parse().unwrap(), ..base.clone() },
            Route { sprite: crate::SpriteId::parse("arca-2").unwrap(), ..base.clone() },
            Route { assignment: 2, ..base.clone() },
            Route { epoch: 9, ..base.clone() },
            Route { state: crate::RouteState::Suspended, ..base.clone() },
        ];
        for other in &others {
            assert_ne!(sum(other), sum(&base), "{other:?}");
        }
    }
}
