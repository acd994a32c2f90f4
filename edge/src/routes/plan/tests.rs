//! What is refused, and what the rest comes to.

use super::*;
use crate::routes::samples::{lock, name, route};
use shared::wire::{ChangesRequest, TableHead};
use shared::{Lock, Route, SessionId};

/// Generation 5: routes ada and grace, grace locked.
fn served() -> (GenerationState, Tables) {
    let tables = Tables::of(
        vec![Arc::new(route("ada")), Arc::new(route("grace"))],
        vec![lock("grace", None)],
    );
    let tables = tables.unwrap();
    let steps = Tables::default().steps_to(&tables);
    (state_after(empty_state(), Generation(5), &steps), tables)
}

fn plan(base: u64, generation: u64, changes: Vec<Change>) -> Result<Plan, Refusal> {
    let (base, generation) = (Generation(base), Generation(generation));
    let (state, tables) = served();
    let request = ChangesRequest { base, generation, checksum: None, changes };
    plan_batch(request.into(), &state, &tables, &AddressPolicy::default())
}

fn check(changes: &[Change], expected: &[Step]) {
    let plan = plan(5, 6, changes.to_vec()).unwrap();
    assert_eq!(plan.steps, expected, "{changes:?}");
    let (before, _) = served();
    assert_eq!(plan.state, state_after(before, Generation(6), expected), "{changes:?}");
}

fn check_refused(changes: Vec<Change>, expected: &[&str]) {
    match plan(5, 6, changes) {
        Err(Refusal::BadEntries(entries)) => assert_eq!(entries, expected),
        other => panic!("{other:?}"),
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
    let conflict = Refusal::Conflict { served: Generation(5) };
    assert_eq!(plan(4, 5, vec![]), Err(conflict.clone()));
    assert_eq!(plan(6, 7, vec![]), Err(conflict.clone()));
    assert_eq!(plan(0, 0, vec![]), Err(conflict));
    let not_newer =
        |generation| Refusal::NotNewer { base: Generation(5), generation: Generation(generation) };
    assert_eq!(plan(5, 5, vec![]), Err(not_newer(5)));
    assert_eq!(plan(5, 4, vec![]), Err(not_newer(4)));
    assert!(plan(5, u64::MAX, vec![]).is_ok());
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
    assert_eq!(plan(5, 6, many), Err(Refusal::TooManyChanges { count }));
    let (state, tables) = served();
    let request = |changes| ChangesRequest {
        base: state.generation,
        generation: Generation(6),
        checksum: None,
        changes,
    };
    let judge = |state: &GenerationState, change| {
        let policy = AddressPolicy::default();
        plan_batch(request(vec![change]).into(), state, &tables, &policy).unwrap_err()
    };
    let full = GenerationState { routes: ROUTES_MAX, locks: LOCKS_MAX, ..state };
    assert_eq!(
        judge(&full, Change::Put(route("linus"))),
        Refusal::TooManyRoutes { count: ROUTES_MAX + 1 }
    );
    assert_eq!(
        judge(&full, Change::Lock(lock("ada", None))),
        Refusal::TooManyLocks { count: LOCKS_MAX + 1 }
    );
}

#[test]
fn a_checksum_must_be_that_of_the_result() {
    let (state, tables) = served();
    let judge = |checksum| {
        let request = ChangesRequest {
            base: Generation(5),
            generation: Generation(6),
            checksum: Some(checksum),
            changes: vec![Change::Put(route("linus"))],
        };
        plan_batch(request.into(), &state, &tables, &AddressPolicy::default())
    };
    let right = state.checksum.with_route(&route("linus"));
    assert!(judge(right).is_ok());
    let refusal = Refusal::Checksum { expected: state.checksum, found: right };
    assert_eq!(judge(state.checksum), Err(refusal));
}

fn whole(generation: u64, routes: &[Route], locks: &[Lock]) -> Whole {
    let sum = routes.iter().fold(Checksum::default(), Checksum::with_route);
    let head = TableHead {
        generation: Generation(generation),
        routes: routes.len() as u64,
        locks: locks.len() as u64,
        checksum: locks.iter().fold(sum, Checksum::with_lock),
    };
    Whole { head, routes: routes.iter().cloned().map(Arc::new).collect(), locks: locks.to_vec() }
}

#[test]
fn a_whole_table_comes_to_its_difference() {
    let (state, tables) = served();
    let moved = Route { assignment: 2, ..route("ada") };
    let (plan, next) =
        plan_whole(whole(5, &[moved.clone(), route("linus")], &[]), Some(&state), &tables).unwrap();
    assert_eq!(plan.steps.len(), 4, "{:?}", plan.steps);
    assert_eq!((plan.state.routes, plan.state.locks), (2, 0));
    assert_eq!(next.route(&name("ada")).as_deref(), Some(&moved));
    assert_eq!(next.route(&name("grace")), None);
    let (plan, _) = plan_whole(
        whole(9, &[route("ada"), route("grace")], &[lock("grace", None)]),
        Some(&state),
        &tables,
    )
    .unwrap();
    assert_eq!(
        plan,
        Plan { state: GenerationState { generation: Generation(9), ..state }, steps: vec![] }
    );
}

#[test]
fn an_older_route_table_is_refused_and_named() {
    let (state, tables) = served();
    let refusal = plan_whole(whole(4, &[], &[]), Some(&state), &tables).err().unwrap();
    assert_eq!(refusal, Refusal::Conflict { served: Generation(5) });
    assert!(plan_whole(whole(0, &[], &[]), None, &Tables::default()).is_ok());
}

#[test]
fn a_whole_table_with_doubles_or_another_checksum_is_refused() {
    let (state, tables) = served();
    let judge = |whole| plan_whole(whole, Some(&state), &tables).err().unwrap();
    let refusal =
        judge(whole(6, &[route("ada"), route("ada")], &[lock("eve", None), lock("eve", None)]));
    let entries = ["route ada comes twice", "lock of eve comes twice"].map(str::to_owned);
    assert_eq!(refusal, Refusal::BadEntries(entries.into()));
    let mut forged = whole(6, &[route("ada")], &[]);
    forged.head.checksum = Checksum::default();
    assert!(matches!(judge(forged), Refusal::Checksum { .. }));
}
