//! A hash table that readers never wait for and whose every change costs the same.
//!
//! A fixed number of buckets, each a pointer to a small slice that is never
//! changed: a writer copies one bucket with its change and puts the copy in its
//! place. A reader sees the bucket before or after, with ten entries in the
//! table as with a million.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use arc_swap::ArcSwapAny;
use shared::Username;
use triomphe::ThinArc;

/// What stands in a table: one of it for a name.
pub trait Named {
    fn username(&self) -> &Username;
}

/// Entries by name. One writer at a time; the caller sees to that.
pub struct Table<T> {
    // Keyed, so that nobody can choose names that meet in one bucket.
    hasher: RandomState,
    buckets: Box<[ArcSwapAny<Option<Bucket<T>>>]>,
}

/// Count, length and entries in one piece of memory: with a million routes, each
/// pointer that is followed is a wait for memory.
type Bucket<T> = ThinArc<(), Entry<T>>;

struct Entry<T> {
    hash: u64,
    value: Arc<T>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { hash: self.hash, value: Arc::clone(&self.value) }
    }
}

impl<T: Named> Table<T> {
    /// An empty table of `2^bits` buckets.
    pub fn new(bits: u32) -> Self {
        let buckets = (0..1_usize << bits).map(|_| ArcSwapAny::new(None)).collect();
        Self { hasher: RandomState::new(), buckets }
    }

    /// A table of `2^bits` buckets with `values` in it.
    ///
    /// # Errors
    /// Every name that came more than once.
    pub fn of(bits: u32, values: Vec<Arc<T>>) -> Result<Self, Vec<Username>> {
        let table = Self::new(bits);
        let mut entries: Vec<_> = values
            .into_iter()
            .map(|value| Entry { hash: table.hash(value.username()), value })
            .collect();
        // By bucket, and inside of it by hash, so that equal names are neighbours.
        entries.sort_unstable_by_key(|entry| (table.index(entry.hash), entry.hash));
        let mut doubled = Vec::new();
        let mut rest = entries.into_iter();
        while let Some(first) = rest.as_slice().first() {
            let index = table.index(first.hash);
            let is_here = |entry: &&Entry<T>| table.index(entry.hash) == index;
            let length = rest.as_slice().iter().take_while(is_here).count();
            doubled.extend(names_that_repeat(&rest.as_slice()[..length]));
            let bucket = Bucket::from_header_and_iter((), rest.by_ref().take(length));
            table.buckets[index].store(Some(bucket));
        }
        if doubled.is_empty() { Ok(table) } else { Err(doubled) }
    }

    pub fn find(&self, username: &Username) -> Option<Arc<T>> {
        let hash = self.hash(username);
        let bucket = self.buckets[self.index(hash)].load();
        let entry = bucket.as_ref()?.slice.iter().find(|entry| entry.is(hash, username))?;
        Some(Arc::clone(&entry.value))
    }

    /// Puts `value` in the place of what has its name.
    pub fn put(&self, value: Arc<T>) {
        let hash = self.hash(value.username());
        let mut entries = self.others(hash, value.username());
        entries.push(Entry { hash, value });
        self.store(hash, entries);
    }

    pub fn remove(&self, username: &Username) {
        let hash = self.hash(username);
        self.store(hash, self.others(hash, username));
    }

    /// Every value, in no order. What changes meanwhile may be seen or not.
    pub fn for_each(&self, mut visit: impl FnMut(&Arc<T>)) {
        for bucket in &self.buckets {
            if let Some(bucket) = bucket.load().as_ref() {
                bucket.slice.iter().for_each(|entry| visit(&entry.value));
            }
        }
    }

    /// The entries that share a bucket with `username`, without its own.
    fn others(&self, hash: u64, username: &Username) -> Vec<Entry<T>> {
        let bucket = self.buckets[self.index(hash)].load();
        let Some(bucket) = bucket.as_ref() else { return Vec::with_capacity(1) };
        let mut entries = Vec::with_capacity(bucket.slice.len() + 1);
        entries.extend(bucket.slice.iter().filter(|entry| !entry.is(hash, username)).cloned());
        entries
    }

    fn store(&self, hash: u64, entries: Vec<Entry<T>>) {
        let bucket =
            (!entries.is_empty()).then(|| Bucket::from_header_and_iter((), entries.into_iter()));
        self.buckets[self.index(hash)].store(bucket);
    }

    fn hash(&self, username: &Username) -> u64 {
        self.hasher.hash_one(username.as_bytes())
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits choose the bucket")]
    fn index(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }
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
    use std::sync::atomic::{AtomicBool, Ordering};

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

    proptest! {
        // Two buckets only, so that entries share them.
        #[test]
        fn a_table_is_a_map(steps in prop::collection::vec((0u32..40, prop::option::of(0u32..9)), 0..200)) {
            let table = Table::new(1);
            let mut model = BTreeMap::new();
            for (key, value) in steps {
                match value {
                    Some(value) => {
                        table.put(Arc::new(Number(name(key), value)));
                        model.insert(key, value);
                    }
                    None => {
                        table.remove(&name(key));
                        model.remove(&key);
                    }
                }
                prop_assert_eq!(table.find(&name(key)).map(|n| n.1), model.get(&key).copied());
            }
            for key in 0..40 {
                prop_assert_eq!(table.find(&name(key)).map(|n| n.1), model.get(&key).copied());
            }
            let mut count = 0;
            table.for_each(|_| count += 1);
            prop_assert_eq!(count, model.len());
        }
    }

    #[test]
    fn a_table_made_at_once_has_everything_and_names_what_came_twice() {
        let values =
            |numbers: &[u32]| numbers.iter().map(|n| Arc::new(Number(name(*n), *n))).collect();
        let table = Table::of(2, values(&[1, 2, 3, 4, 5, 6, 7, 8, 9])).ok().unwrap();
        assert!((1..10).all(|n| table.find(&name(n)).is_some_and(|found| found.1 == n)));
        let mut doubled = Table::of(2, values(&[1, 2, 3, 2, 4, 1])).err().unwrap();
        doubled.sort();
        assert_eq!(doubled, [name(1), name(2)]);
    }

    #[test]
    fn a_reader_never_misses_what_no_writer_touches() {
        let table = Table::new(1);
        (0..10).for_each(|n| table.put(Arc::new(Number(name(n), n))));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut looks = 0_u64;
                while !is_over.load(Ordering::Relaxed) || looks == 0 {
                    assert!((0..10).all(|n| table.find(&name(n)).is_some_and(|v| v.1 == n)));
                    looks += 1;
                }
            });
            for round in 0..20_000 {
                table.put(Arc::new(Number(name(100 + round % 7), round)));
                table.remove(&name(100 + (round + 3) % 7));
            }
            is_over.store(true, Ordering::Relaxed);
            reader.join().unwrap();
        });
    }
}
