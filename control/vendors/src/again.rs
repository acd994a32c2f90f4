//! Whether the same call can succeed later.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It would be refused again: somebody has to change something first.
    Never,
    /// Perhaps, after the caller's own back-off.
    Soon,
    /// Not before this has passed: the vendor said so, or its quota does.
    After(Duration),
}

/// No vendor's hint holds us longer: then a person has seen the ticket.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

impl Again {
    /// As the vendor hints, otherwise the caller's back-off.
    pub(super) fn hinted(after: Option<Duration>) -> Self {
        after.map_or(Self::Soon, |after| Self::After(after.min(LONGEST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_holds_for_a_day_at_most() {
        let check = |hint: Option<u64>, expected| {
            assert_eq!(Again::hinted(hint.map(Duration::from_secs)), expected);
        };
        check(None, Again::Soon);
        check(Some(30), Again::After(Duration::from_secs(30)));
        check(Some(u64::MAX), Again::After(LONGEST));
    }
}
