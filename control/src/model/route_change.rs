//! Completes what an operator asked for into a whole route.
//!
//! Pure: what is known comes in, a route comes out.

use shared::{Route, RouteState, SpriteId, Upstream, Username};

use crate::base::clock::Moment;

/// A route as asked for; what is left out follows from what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteOrder {
    pub username: Username,
    pub upstream: Upstream,
    pub sprite: Option<SpriteId>,
    pub assignment: Option<u64>,
    pub state: Option<RouteState>,
}

/// What decides about an order.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub existing: Option<Route>,
    /// Of the sprite that [`RouteOrder::sprite_or_default`] names.
    pub handout: Option<Handout>,
    pub customer: Option<Standing>,
    /// Of a route that is new: see [`first_epoch`].
    pub first_epoch: u64,
}

/// Where the epochs of a name begin that somebody has from `now` on: above whatever an earlier
/// owner had, whose sessions would be theirs otherwise. Nobody is signed out a thousand times
/// a second.
pub fn first_epoch(now: Moment) -> u64 {
    now.millis()
}

/// To whom a sprite was handed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handout {
    pub username: Username,
    pub assignment: u64,
}

/// What a customer's account says about their route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub epoch: u64,
    pub suspended: bool,
}

impl Known {
    /// Whether `route` says what the sprite was handed out for last.
    pub fn is_handed_out(&self, route: &Route) -> bool {
        self.handout.is_some_and(|handout| {
            handout.username == route.username && handout.assignment == route.assignment
        })
    }
}

impl RouteOrder {
    /// Leaves out all that may be.
    pub fn new(username: Username, upstream: Upstream) -> Self {
        Self { username, upstream, sprite: None, assignment: None, state: None }
    }

    /// The sprite asked for; else the present one; else the first label of the upstream's name.
    pub fn sprite_or_default(&self, existing: Option<&Route>) -> SpriteId {
        if let Some(sprite) = &self.sprite {
            return sprite.clone();
        }
        let named = match self.upstream.address() {
            Some(_) => None,
            None => self.upstream.host().split('.').next().and_then(SpriteId::parse),
        };
        match (existing, named) {
            (Some(existing), _) if existing.upstream == self.upstream => existing.sprite.clone(),
            (_, Some(named)) => named,
            (Some(existing), None) => existing.sprite.clone(),
            // An address names no VM.
            (None, None) => {
                let first = self.upstream.host().split('.').next().and_then(SpriteId::parse);
                first.unwrap_or_else(|| {
                    SpriteId::parse(self.username.as_str()).expect("a username is a sprite id")
                })
            }
        }
    }

    pub fn complete(self, known: &Known) -> Route {
        let existing = known.existing.as_ref();
        let sprite = self.sprite_or_default(existing);
        let assignment = self.assignment.unwrap_or_else(|| self.next_assignment(&sprite, known));
        let state = self.state.unwrap_or(match (known.customer, existing) {
            (Some(Standing { suspended: true, .. }), _) => RouteState::Suspended,
            (_, Some(existing)) => existing.state,
            (_, None) => RouteState::Live,
        });
        let epoch = match (known.customer, existing) {
            (Some(customer), _) => customer.epoch,
            (None, Some(existing)) => existing.epoch,
            (None, None) => known.first_epoch,
        };
        Route { username: self.username, upstream: self.upstream, sprite, assignment, state, epoch }
    }

    fn next_assignment(&self, sprite: &SpriteId, known: &Known) -> u64 {
        let own = match &known.existing {
            Some(existing) if existing.upstream == self.upstream && existing.sprite == *sprite => {
                return existing.assignment;
            }
            Some(existing) => existing.assignment + 1,
            None => 1,
        };
        // An address names no VM, so nothing is known of who had it before.
        let is_named = self.sprite.is_some() || self.upstream.address().is_none();
        match known.handout {
            // A sprite that served somebody else gets a number it never had: its
            // former owner has read the keys of every earlier one.
            Some(handout) if is_named && handout.username != self.username => {
                own.max(handout.assignment + 1)
            }
            _ => own,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(upstream: &str) -> RouteOrder {
        RouteOrder::new("ada".parse().unwrap(), upstream.parse().unwrap())
    }

    fn existing(upstream: &str, sprite: &str, assignment: u64) -> Known {
        let (upstream, sprite) = (upstream.parse().unwrap(), SpriteId::parse(sprite).unwrap());
        let route = Route::new("ada".parse().unwrap(), upstream, sprite, assignment);
        let route = Route { epoch: 3, ..route };
        Known { existing: Some(route), ..Known::default() }
    }

    fn check(order: &RouteOrder, known: &Known, sprite: &str, assignment: u64) {
        let route = order.clone().complete(known);
        assert_eq!((route.sprite.as_str(), route.assignment), (sprite, assignment), "{order:?}");
    }

    #[test]
    fn what_is_left_out_follows_from_the_upstream_and_the_present_route() {
        let present = existing("https://arca-1.test", "arca-1", 4);
        check(&order("https://arca-1.test"), &Known::default(), "arca-1", 1);
        check(&order("https://arca-1.test"), &present, "arca-1", 4);
        check(&order("https://arca-2.test"), &present, "arca-2", 5);
        check(&order("http://127.0.0.1:9000"), &Known::default(), "127", 1);
        check(&order("http://127.0.0.1:9000"), &present, "arca-1", 5);
        check(&order("http://[::1]:9000"), &Known::default(), "ada", 1);
    }

    #[test]
    fn what_is_asked_for_counts() {
        let present = existing("https://arca-1.test", "arca-1", 4);
        let sprite = SpriteId::parse("other");
        check(&RouteOrder { sprite, ..order("https://arca-1.test") }, &present, "other", 5);
        check(&RouteOrder { assignment: Some(9), ..order("https://x.test") }, &present, "x", 9);
    }

    #[test]
    fn a_sprite_of_another_customer_gets_a_number_it_never_had() {
        let handed_to = |username: &str| Known {
            handout: Some(Handout { username: username.parse().unwrap(), assignment: 6 }),
            ..Known::default()
        };
        check(&order("https://arca-1.test"), &handed_to("bob"), "arca-1", 7);
        check(&order("https://arca-1.test"), &handed_to("ada"), "arca-1", 1);
        check(&order("http://127.0.0.1:9000"), &handed_to("bob"), "127", 1);
    }

    #[test]
    fn the_account_decides_about_epoch_and_suspension() {
        let mut known = existing("https://arca-1.test", "arca-1", 4);
        assert_eq!(order("https://arca-1.test").complete(&known).epoch, 3);
        known.customer = Some(Standing { epoch: 8, suspended: true });
        let route = order("https://arca-1.test").complete(&known);
        assert_eq!((route.epoch, route.state), (8, RouteState::Suspended));
        let preparing =
            RouteOrder { state: Some(RouteState::Preparing), ..order("https://x.test") };
        assert_eq!(preparing.complete(&known).state, RouteState::Preparing);
    }
}
