//! A hash table as a value: a change makes a new one that shares the rest with the old.
//!
//! A tree of fixed shape with small buckets as its leaves. A change copies one
//! bucket and the three nodes above it, with ten entries in the table as with a
//! million; a thread that still reads the old table notices nothing.
//!
//! There is one pointer to record then, not one for each bucket. That matters:
//! `ArcSwap` (1.9) can hand a reader that was interrupted at the wrong moment what
//! meanwhile stands in *another* `ArcSwap`, when memory was used again.

use std::array;
use std::sync::Arc;

use ahash::RandomState;
use shared::Username;

/// What stands in a table: one of it for a name.
pub(crate) trait Named {
    fn username(&self) -> &Username;
}

/// Entries by name. Cloning one costs nothing.
pub(crate) struct Table<T> {
    // Keyed, so that nobody can choose names that meet in one bucket.
    hasher: RandomState,
    root: Arc<[Arc<[Leaf<T>; FAN]>; FAN]>,
}

/// A change copies a hundred and sixty pointers: two nodes and a leaf. More levels
/// would be fewer pointers, and more waits for memory at each look.
///
/// Tests have few, so that entries meet in a bucket.
const FAN: usize = if cfg!(test) { 2 } else { 64 };

/// 131,072 buckets in all: eight of a million routes share one.
const LEAF_BUCKETS: usize = if cfg!(test) { 2 } else { 32 };

type Leaf<T> = Arc<[Bucket<T>; LEAF_BUCKETS]>;

/// `None` when empty. Never changed, only replaced.
type Bucket<T> = Option<Arc<[Entry<T>]>>;

struct Entry<T> {
    hash: u64,
    value: Arc<T>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { hash: self.hash, value: Arc::clone(&self.value) }
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self { hasher: self.hasher.clone(), root: Arc::clone(&self.root) }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        // Empty parts are all the same one.
        let leaf = Arc::new([const { None }; LEAF_BUCKETS]);
        let node = Arc::new(array::from_fn(|_| Arc::clone(&leaf)));
        let root = Arc::new(array::from_fn(|_| Arc::clone(&node)));
        Self { hasher: RandomState::new(), root }
    }
}

impl<T: Named> Table<T> {
    /// A table with `values` in it.
    ///
    /// # Errors
    /// Every name that came more than once.
    pub(crate) fn of(values: Vec<Arc<T>>) -> Result<Self, Vec<Username>> {
        let mut table = Self::default();
        let mut entries: Vec<_> = values
            .into_iter()
            .map(|value| Entry { hash: table.hash(value.username()), value })
            .collect();
        // By bucket, and inside of it by hash, so that equal names are neighbours.
        entries.sort_unstable_by_key(|entry| (place(entry.hash), entry.hash));
        let mut doubled = Vec::new();
        let mut rest = entries.into_iter();
        while let Some(first) = rest.as_slice().first() {
            let hash = first.hash;
            let is_here = |entry: &&Entry<T>| place(entry.hash) == place(hash);
            let length = rest.as_slice().iter().take_while(is_here).count();
            doubled.extend(names_that_repeat(&rest.as_slice()[..length]));
            *table.bucket_mut(hash) = Some(rest.by_ref().take(length).collect());
        }
        if doubled.is_empty() { Ok(table) } else { Err(doubled) }
    }

    pub(crate) fn find(&self, username: &Username) -> Option<Arc<T>> {
        let hash = self.hash(username);
        let bucket = self.bucket(hash).as_ref()?;
        let entry = bucket.iter().find(|entry| entry.is(hash, username))?;
        Some(Arc::clone(&entry.value))
    }

    /// Puts `value` in the place of what has its name.
    pub(crate) fn put(&mut self, value: Arc<T>) {
        let hash = self.hash(value.username());
        let mut entries = self.others(hash, value.username());
        entries.push(Entry { hash, value });
        *self.bucket_mut(hash) = Some(entries.into());
    }

    pub(crate) fn remove(&mut self, username: &Username) {
        let hash = self.hash(username);
        let entries = self.others(hash, username);
        *self.bucket_mut(hash) = (!entries.is_empty()).then(|| entries.into());
    }

    /// Every value, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        let leaves = self.root.iter().flat_map(|node| node.iter());
        let buckets = leaves.flat_map(|leaf| leaf.iter().flatten());
        buckets.flat_map(|bucket| bucket.iter().map(|entry| &entry.value))
    }

    /// The entries that share a bucket with `username`, without its own.
    fn others(&self, hash: u64, username: &Username) -> Vec<Entry<T>> {
        let bucket = self.bucket(hash).as_deref().unwrap_or_default();
        let mut entries = Vec::with_capacity(bucket.len() + 1);
        entries.extend(bucket.iter().filter(|entry| !entry.is(hash, username)).cloned());
        entries
    }

    fn hash(&self, username: &Username) -> u64 {
        self.hasher.hash_one(username.as_bytes())
    }

    fn bucket(&self, hash: u64) -> &Bucket<T> {
        let (node, leaf, bucket) = place(hash);
        &self.root[node][leaf][bucket]
    }

    /// Copies what is shared with another table on the way.
    fn bucket_mut(&mut self, hash: u64) -> &mut Bucket<T> {
        let (node, leaf, bucket) = place(hash);
        let node = &mut Arc::make_mut(&mut self.root)[node];
        let leaf = &mut Arc::make_mut(node)[leaf];
        &mut Arc::make_mut(leaf)[bucket]
    }
}

/// Node, leaf and bucket where names of this hash are.
#[expect(clippy::cast_possible_truncation, reason = "each takes some of the low bits")]
fn place(hash: u64) -> (usize, usize, usize) {
    let hash = hash as usize;
    (hash % FAN, hash / FAN % FAN, hash / FAN / FAN % LEAF_BUCKETS)
}

impl<T: Named> Entry<T> {
    fn is(&self, hash: u64, username: &Username) -> bool {
        self.hash == hash && self.value.username() == username
    }
}

fn names_that_repeat<T: Named>(sorted: &[Entry<T>]) -> impl Iterator<Item = Username> {
    sorted
        .windows(2)
        .filter(|pair| pair[1].is(pair[0].hash, pair[0].value.username()))
        .map(|pair| *pair[0].value.username())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq)]
    struct Number(Username, u32);

    impl Named for Number {
        fn username(&self) -> &Username {
            &self.0
        }
    }

    fn name(number: u32) -> Username {
        Username::parse(&format!("user-{number}")).unwrap()
    }

    fn numbers(numbers: &[u32]) -> Vec<Arc<Number>> {
        numbers.iter().map(|number| Arc::new(Number(name(*number), *number))).collect()
    }

    fn content(table: &Table<Number>) -> BTreeMap<Username, u32> {
        table.iter().map(|number| (number.0, number.1)).collect()
    }

    proptest! {
        #[test]
        fn a_table_is_a_map_and_an_older_one_stays_as_it_was(
            steps in prop::collection::vec((0u32..40, prop::option::of(0u32..9)), 0..100),
        ) {
            let mut table = Table::default();
            let mut model = BTreeMap::new();
            for (key, value) in steps {
                let (older, expected) = (table.clone(), model.clone());
                match value {
                    Some(value) => {
                        table.put(Arc::new(Number(name(key), value)));
                        model.insert(name(key), value);
                    }
                    None => {
                        table.remove(&name(key));
                        model.remove(&name(key));
                    }
                }
                prop_assert_eq!(table.find(&name(key)).map(|n| n.1), model.get(&name(key)).copied());
                prop_assert_eq!(content(&older), expected);
            }
            prop_assert_eq!(content(&table), model);
        }
    }

    #[test]
    fn a_table_made_at_once_has_everything_and_names_what_came_twice() {
        let table = Table::of(numbers(&[1, 2, 3, 4, 5, 6, 7, 8, 9])).unwrap();
        assert!((1..10).all(|n| table.find(&name(n)).is_some_and(|found| found.1 == n)));
        let mut doubled = Table::of(numbers(&[1, 2, 3, 2, 4, 1])).err().unwrap();
        doubled.sort();
        assert_eq!(doubled, [name(1), name(2)]);
    }
}
