//! What kinds of task there are, and what each is given.

use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A payment becomes a workspace.
    Provision,
    /// A workspace that ended is taken down, and its slot given back.
    Recycle,
    /// A sprite is made ready before anybody needs it.
    Prepare,
    /// Something happened at Stripe; we look what.
    Stripe,
    /// A letter is sent.
    Mail,
    /// A ticket is opened.
    Ticket,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Provision, Self::Recycle, Self::Prepare, Self::Stripe, Self::Mail, Self::Ticket];

    /// The beginning of a task's id.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "PROV",
            Self::Recycle => "RECYCLE",
            Self::Prepare => "PREPARE",
            Self::Stripe => "STRIPE",
            Self::Mail => "MAIL",
            Self::Ticket => "TICKET",
        }
    }

    /// # Errors
    /// Names the kinds there are.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or("a kind is PROV, RECYCLE, PREPARE, STRIPE, MAIL or TICKET")
    }

    /// What is done, in this order. Known before it begins, so that who waits can
    /// be shown what is still to come.
    pub const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Provision => {
                &["assign", "wake", "configure", "start", "ready", "route", "mail", "pool"]
            }
            Self::Recycle => &["cut", "stop", "destroy", "free"],
            Self::Prepare => &["create", "wake", "install", "seal", "offer"],
            Self::Stripe => &["follow"],
            Self::Mail => &["send"],
            Self::Ticket => &["open"],
        }
    }

    /// After so many attempts that failed a task is dead. With the back-off between
    /// them, 20 take about an hour, 30 about two; a letter has three, as promised.
    pub const fn max_attempts(self) -> u32 {
        match self {
            Self::Provision => 20,
            Self::Recycle | Self::Stripe | Self::Ticket => 30,
            Self::Prepare | Self::Mail => 3,
        }
    }

    /// How long the first failure is waited out; each further one twice as long.
    pub const fn first_delay(self) -> Duration {
        match self {
            // Two delays are all it has: a hiccup of the vendor must fit into them.
            Self::Prepare | Self::Mail => Duration::from_secs(20),
            _ => Duration::from_secs(1),
        }
    }

    /// Tasks of this kind that one process works at, at once.
    ///
    /// What the vendors let us do at once: sign-ups wait for sprites and not for
    /// each other, mail and tickets are paced by quotas.
    pub const fn places(self) -> usize {
        match self {
            Self::Provision | Self::Stripe => 8,
            Self::Recycle => 4,
            Self::Prepare => 3,
            Self::Mail => 2,
            Self::Ticket => 1,
        }
    }

    /// An attempt that takes longer has failed: it waits for something that does not
    /// come, and keeps a place from others.
    pub const fn longest(self) -> Duration {
        match self {
            Self::Prepare => MINUTE.saturating_mul(30),
            Self::Provision | Self::Recycle => MINUTE.saturating_mul(10),
            Self::Stripe | Self::Mail | Self::Ticket => MINUTE.saturating_mul(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
        }
        assert!(Kind::parse("prov").is_err());
    }

    #[test]
    fn no_kind_has_a_step_twice() {
        for kind in Kind::ALL {
            let mut names = kind.steps().to_vec();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), kind.steps().len(), "{kind:?}");
        }
    }
}
