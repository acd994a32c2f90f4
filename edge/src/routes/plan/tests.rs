//! What is refused, and what the rest comes to.

use super::*;
use crate::routes::samples::{lock, name, route};
use shared::Generation;
use shared::wire::{ChangesRequest, TableHead};
use shared::{Lock, Route, SessionId};

/// Generation 5: routes ada and grace, grace locked.
fn served() -> Tables {
    let empty = Tables::default();
    let routes = ["ada", "grace"].map(|name| Arc::new(route(name)));
    let steps =
        empty.steps_to(&Tables::of(None, routes.into(), vec![lock("grace", None)]).unwrap());
    empty.after(&steps, state_after(empty.state(), Generation(5), &steps))
}

fn plan(base: u64, generation: u64, changes: Vec<Change>) -> Result<Plan, Rejection> {
    let (base, generation) = (Generation(base), Generation(generation));
    let request = ChangesRequest { base, generation, checksum: None, changes };
    plan_batch(request.into(), &served(), &AddressPolicy::default())
}

fn check(changes: &[Change], expected: &[Step]) {
    let plan = plan(5, 6, changes.to_vec()).unwrap();
    assert_eq!(plan.steps, expected, "{changes:?}");
    let state = state_after(served().state(), Generation(6), expected);
    assert_eq!(plan.next.state(), state, "{changes:?}");
    assert_eq!(served().steps_to(&plan.next), expected, "{changes:?}");
}

fn check_refused(changes: Vec<Change>, expected: &[&str]) {
    match plan(5, 6, changes) {
        Err(Rejection::BadEntries(entries)) => assert_eq!(entries, expected),
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn a_change_becomes_a_step_with_what_was_before() {
    let moved = Route { assignment: 2, ..route("ada") };
    let (ada, grace) = (Arc::new(route("ada")), lock("grace", None));
    let ended = Lock { until: Some(9), ..lock("grace", None) };
    check(
        &[Change::Put(route("linus"))],
        &[Step::Put { before: None, after: Arc::new(route("linus")) }],
    );
    check(
        &[Change::Put(moved.clone())],
        &[Step::Put { before: Some(Arc::clone(&ada)), after: Arc::new(moved) }],
    );
    check(&[Change::Remove(name("ada"))], &[Step::Remove { before: ada }]);
    check(
        &[Change::Lock(lock("ada", None))],
        &[Step::Lock { before: None, after: lock("ada", None) }],
    );
    check(
        &[Change::Lock(ended.clone())],
        &[Step::Lock { before: Some(grace.clone()), after: ended }],
    );
    check(&[Change::Unlock(grace.key())], &[Step::Unlock { before: grace }]);
}

#[test]
fn a_change_that_changes_nothing_is_no_step() {
    check(&[], &[]);
    check(&[Change::Put(route("ada"))], &[]);
    check(&[Change::Remove(name("nobody"))], &[]);
    check(&[Change::Lock(lock("grace", None))], &[]);
    check(&[Change::Unlock(lock("ada", None).key())], &[]);
}

#[test]
fn a_batch_starts_from_what_is_served_and_goes_forward() {
    let check = |base, generation, expected: Option<Rejection>| {
        assert_eq!(plan(base, generation, vec![]).err(), expected, "{base} to {generation}");
    };
    let conflict = Some(Rejection::Conflict { served: Generation(5) });
    check(4, 5, conflict.clone());
    check(6, 7, conflict.clone());
    check(0, 0, conflict);
    let not_newer = |generation| {
        Some(Rejection::NotNewer { base: Generation(5), generation: Generation(generation) })
    };
    check(5, 5, not_newer(5));
    check(5, 4, not_newer(4));
    check(5, 6, None);
    check(5, GENERATION_MAX, None);
}

#[test]
fn every_bad_entry_is_named() {
    let inside =
        |name| Change::Put(Route { upstream: "https://10.0.0.1".parse().unwrap(), ..route(name) });
    let session = SessionId::parse(&"1".repeat(32)).unwrap();
    let (all, one) = (lock("ada", None), lock("ada", Some(session)));
    check_refused(
        vec![inside("eve"), Change::Put(route("ada")), inside("mallory")],
        &[
            "changes[0]: route eve: address 10.0.0.1 is not public, and upstream.allow_addresses does not name it",
            "changes[2]: route mallory: address 10.0.0.1 is not public, and upstream.allow_addresses does not name it",
        ],
    );
    check_refused(
        vec![Change::Remove(name("ada")), Change::Put(route("ada")), Change::Remove(name("ada"))],
        &[
            "changes[1]: route ada: changes[0] is about it too",
            "changes[2]: route ada: changes[0] is about it too",
        ],
    );
    check_refused(
        vec![Change::Lock(one.clone()), Change::Lock(all), Change::Unlock(one.key())],
        &[
            "changes[2]: lock of ada session 11111111111111111111111111111111: changes[0] is about it too",
        ],
    );
}

#[test]
fn a_batch_of_absurd_size_is_refused() {
    let many = vec![Change::Remove(name("nobody")); BATCH_MAX_CHANGES + 1];
    let count = many.len();
    assert_eq!(plan(5, 6, many).err(), Some(Rejection::TooManyChanges { count }));
    let state = GenerationState { routes: ROUTES_MAX, locks: LOCKS_MAX, ..served().state() };
    let full = served().after(&[], state);
    let judge = |change| {
        let (base, generation) = (Generation(5), Generation(6));
        let request = ChangesRequest { base, generation, checksum: None, changes: vec![change] };
        plan_batch(request.into(), &full, &AddressPolicy::default()).err()
    };
    let too_many = Rejection::TooManyRoutes { count: ROUTES_MAX + 1 };
    assert_eq!(judge(Change::Put(route("linus"))), Some(too_many));
    let too_many = Rejection::TooManyLocks { count: LOCKS_MAX + 1 };
    assert_eq!(judge(Change::Lock(lock("ada", None))), Some(too_many));
}

#[test]
fn a_checksum_must_be_that_of_the_result() {
    let judge = |checksum| {
        let request = ChangesRequest {
            base: Generation(5),
            generation: Generation(6),
            checksum: Some(checksum),
            changes: vec![Change::Put(route("linus"))],
        };
        plan_batch(request.into(), &served(), &AddressPolicy::default()).err()
    };
    let before = served().state().checksum;
    let right = before.with_route(&route("linus"));
    assert_eq!(judge(right), None);
    assert_eq!(judge(before), Some(Rejection::Checksum { expected: before, found: right }));
}

fn whole(generation: u64, routes: &[Route], locks: &[Lock]) -> Whole {
    let sum = routes.iter().fold(Checksum::default(), Checksum::with_route);
    let head = TableHead {
        generation: Generation(generation),
        routes: routes.len() as u64,
        locks: locks.len() as u64,
        checksum: locks.iter().fold(sum, Checksum::with_lock),
    };
    let routes = routes.iter().cloned().map(Arc::new).collect();
    Whole { head, routes, locks: locks.to_vec(), empties: false }
}

#[test]
fn a_whole_table_comes_to_its_difference() {
    let moved = Route { assignment: 2, ..route("ada") };
    let other = whole(5, &[moved.clone(), route("linus")], &[]);
    let plan = plan_whole(other, &served()).ok().unwrap();
    assert_eq!(plan.steps.len(), 4, "{:?}", plan.steps);
    assert_eq!((plan.next.state().routes, plan.next.state().locks), (2, 0));
    assert_eq!(plan.next.route(&name("ada")).as_deref(), Some(&moved));
    assert_eq!(plan.next.route(&name("grace")), None);

    let same = whole(9, &[route("ada"), route("grace")], &[lock("grace", None)]);
    let plan = plan_whole(same, &served()).ok().unwrap();
    assert_eq!(plan.steps, []);
    let state = GenerationState { generation: Generation(9), ..served().state() };
    assert_eq!(plan.next.state(), state);
}

#[test]
fn an_older_route_table_is_refused_and_named() {
    let refusal = plan_whole(whole(4, &[], &[]), &served()).err();
    assert_eq!(refusal, Some(Rejection::Conflict { served: Generation(5) }));
    assert!(plan_whole(whole(0, &[], &[]), &Tables::default()).is_ok());
}

#[test]
fn a_whole_table_with_doubles_or_another_checksum_is_refused() {
    let judge = |whole| plan_whole(whole, &served()).err();
    let (twice, locked) = ([route("ada"), route("ada")], [lock("eve", None), lock("eve", None)]);
    let entries = ["route ada comes twice", "lock of eve comes twice"].map(str::to_owned);
    assert_eq!(judge(whole(6, &twice, &locked)), Some(Rejection::BadEntries(entries.into())));
    let mut forged = whole(6, &[route("ada")], &[]);
    forged.head.checksum = Checksum::default();
    assert!(matches!(judge(forged), Some(Rejection::Checksum { .. })));
}

#[test]
fn a_table_that_would_end_everything_must_be_meant() {
    let many: Vec<_> = (0..EMPTIED_ROUTES_MIN).map(|n| route(&format!("user-{n}"))).collect();
    let full = plan_whole(whole(1, &many, &[]), &Tables::default()).ok().unwrap().next;
    let refused = plan_whole(whole(2, &[], &[]), &full).err();
    assert_eq!(refused, Some(Rejection::Empties { routes: EMPTIED_ROUTES_MIN }));
    let meant = Whole { empties: true, ..whole(2, &[], &[]) };
    assert_eq!(plan_whole(meant, &full).ok().unwrap().next.state().routes, 0);
    assert!(plan_whole(whole(2, &many[..1], &[]), &full).is_ok(), "some are left");
    assert!(plan_whole(whole(6, &[], &[]), &served()).is_ok(), "two are soon ended");
}

#[test]
fn a_generation_that_nothing_could_follow_is_refused() {
    let generation = Generation(u64::MAX);
    let refused = plan_whole(whole(u64::MAX, &[], &[]), &served()).err();
    assert_eq!(refused, Some(Rejection::TooFar { generation }));
    let request =
        ChangesRequest { base: Generation(5), generation, checksum: None, changes: vec![] };
    let refused = plan_batch(request.into(), &served(), &AddressPolicy::default()).err();
    assert_eq!(refused, Some(Rejection::TooFar { generation }));
}
