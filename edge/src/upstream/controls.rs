//! Several controls serve one site from one database, and any of them will do.
//!
//! All requests go to the same one for as long as it takes connections and answers; then to
//! the next, and they stay there: nobody waits a second time for one that is away.

use std::sync::atomic::{AtomicUsize, Ordering};

use shared::Upstream;
use shared::join::CONTROLS_MAX;

pub(crate) struct Controls {
    all: Box<[Upstream]>,
    present: AtomicUsize,
}

/// One of the controls.
pub(crate) struct Control<'a> {
    pub(crate) upstream: &'a Upstream,
    /// Of the connections to it that are kept: its place, below [`CONTROLS_MAX`].
    pub(crate) group: u64,
}

impl Controls {
    /// # Panics
    /// When there is none, or more than [`CONTROLS_MAX`]: the configuration was checked.
    pub(crate) fn new(all: &[Upstream]) -> Self {
        assert!((1..=CONTROLS_MAX).contains(&all.len()), "{} controls", all.len());
        Self { all: all.into(), present: AtomicUsize::new(0) }
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// The one that is asked.
    pub(crate) fn present(&self) -> Control<'_> {
        self.at(self.present.load(Ordering::Relaxed))
    }

    /// The one behind that of `group`, which is of no use now; and whether this is news.
    pub(crate) fn give_up(&self, group: u64) -> (Control<'_>, bool) {
        let failed = usize::try_from(group).expect("groups of controls are their places");
        let next = (failed + 1) % self.all.len();
        let (before, after) = (Ordering::Relaxed, Ordering::Relaxed);
        let moved = self.present.compare_exchange(failed, next, before, after);
        (self.at(next), moved.is_ok() && next != failed)
    }

    fn at(&self, place: usize) -> Control<'_> {
        Control { upstream: &self.all[place], group: place as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_is_taken_once_however_many_notice() {
        let names = ["http://a.test", "http://b.test", "http://c.test"];
        let controls = Controls::new(&names.map(|name| Upstream::parse(name).unwrap()));
        let first = controls.present().group;
        let (second, is_news) = controls.give_up(first);
        assert!(is_news && second.upstream.as_str() == names[1]);
        // Somebody who began before.
        let (also_second, is_news) = controls.give_up(first);
        assert!(!is_news && also_second.group == second.group);
        assert_eq!(controls.present().group, second.group);
        let (third, _) = controls.give_up(second.group);
        let (again, _) = controls.give_up(third.group);
        assert_eq!((again.group, again.upstream.as_str()), (first, names[0]));

        let only = Controls::new(&[Upstream::parse(names[0]).unwrap()]);
        let (same, is_news) = only.give_up(only.present().group);
        assert!(!is_news && same.upstream.as_str() == names[0]);
    }
}
